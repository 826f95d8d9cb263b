/// Why a record, a conversion or a payout got the outcome it got: one stable number per reason, in the same words
/// wherever it is shown.
///
/// 1xx form, 2xx attribution, 3xx programme, 4xx fraud, 5xx test, 6xx money.
public enum ReasonCode: Int32, CaseIterable, Sendable {
    case missingField = 101
    case mistypedField = 102
    case occurredInFuture = 103
    case unknownType = 104
    case textTooLong = 105
    case unreadableDate = 106
    case notPositive = 107
    case occurredTooLongAgo = 108
    case raggedRow = 110
    case brokenQuote = 111
    case duplicateEvent = 120
    case duplicateOrder = 121
    case duplicateClick = 122
    case duplicateRefund = 123
    case conflictingContent = 124
    case duplicateReversal = 125
    case notJSON = 190
    case notUTF8 = 191
    case notAnObject = 192
    case emptyRecord = 193
    case recordTooLarge = 194
    case nestedTooDeep = 195
    case crashPoison = 196
    case refusedByDatabase = 197
    case affiliateUnresolved = 201
    case clickMissing = 202
    case clickContradicts = 203
    case clickUnknown = 204
    case clickOutsideWindow = 205
    case orderUnknown = 206
    case couponDecides = 207
    case couponUnknown = 208
    case refundUnknown = 209
    case programUnknown = 301
    case affiliateUnknown = 302
    case affiliateBlocked = 303
    case noRule = 304
    case capReached = 310
    case repeatedOrders = 401
    case fastOrders = 402
    case topOrderAddress = 403
    case instantOrders = 404
    case slowOrders = 405
    case dayLateOrders = 406
    case ordersAfterRival = 407
    case unknownClicks = 408
    case missingClicks = 409
    case usedClicks = 410
    case foreignClicks = 411
    case sharedDevices = 412
    case rivalDevices = 413
    case otherDevices = 414
    case otherCountries = 415
    case offMarketOrders = 416
    case hostedOrders = 417
    case otherNetworks = 418
    case automatedOrders = 419
    case nightOrders = 420
    case newCustomers = 421
    case returningCustomers = 422
    case repeatCustomers = 423
    case rivalCustomers = 424
    case twinOrders = 425
    case selfOrders = 426
    case nearLimitOrders = 427
    case foreignCoupons = 428
    case rushedOrders = 429
    case evenOrders = 430
    case refunds = 431
    case earlyRefunds = 432
    case chargebacks = 433
    case topOrderSubnet = 434
    case topOrderDevice = 435
    case topCustomer = 436
    case topOrderAgent = 437
    case topAmount = 438
    case topSubID = 439
    case reorderingDevices = 440
    case reorderingAddresses = 441
    case newOnUsedDevices = 442
    case lowConversion = 443
    case highConversion = 444
    case clicksAgain = 445
    case returningClickDevices = 446
    case returningClickAddresses = 447
    case rapidClicks = 448
    case regularClicks = 449
    case programBursts = 450
    case clicksAfterRival = 451
    case referrerlessClicks = 452
    case topReferrer = 453
    case topClickAddress = 454
    case topClickSubnet = 455
    case topClickDevice = 456
    case topClickAgent = 457
    case hostedClicks = 458
    case automatedClicks = 459
    case nightClicks = 460
    case offMarketClicks = 461
    case paidClicks = 462
    case assists = 463
    case narrowTimes = 464
    case timeShape = 465
    case orderHours = 466
    case clickHours = 467
    case amountShape = 468
    case narrowAmounts = 469
    case largeOrders = 470
    case smallOrders = 471
    case deviceRing = 472
    case drift = 473
    case paidOrders = 474
    case sharedPayoutAccount = 490
    case testEvent = 501
    case negativeAmount = 601
    case amountOverflow = 602
    case currencyUnknown = 603
    case currencyDiffers = 604
    case refundExceedsOrder = 605
    case quoteMissing = 606
    case reversalDiffers = 607

    /// What the code says, as a sentence for an affiliate manager.
    public var sentence: String {
        switch self {
        case .missingField: "A required field is missing."
        case .mistypedField: "A field has a value of the wrong type."
        case .occurredInFuture: "The event lies more than five minutes in the future."
        case .unknownType: "The event type is none of click, conversion, refund, chargeback, refund_reversal."
        case .textTooLong: "A text is longer than its limit."
        case .unreadableDate: "The date is not an RFC 3339 date and time."
        case .notPositive: "The quantity is not a whole number from 1 to 1,000,000."
        case .occurredTooLongAgo: "The event lies more than ten years in the past."
        case .raggedRow: "The row has another number of cells than the file has columns."
        case .brokenQuote: "A quoted cell does not end, or has text behind its closing quote."
        case .duplicateEvent: "This event was taken in before."
        case .duplicateOrder: "This order was taken in before in the same programme."
        case .duplicateClick: "This click id was taken in before in the same programme."
        case .duplicateRefund: "This refund was taken in before for the same order."
        case .conflictingContent: "An event with this id was taken in before with other content."
        case .duplicateReversal: "This refund was reversed before."
        case .notJSON: "The record is not JSON."
        case .notUTF8: "The record is not UTF-8."
        case .notAnObject: "The record is not a JSON object."
        case .emptyRecord: "The record has no value."
        case .recordTooLarge: "The record is larger than 1 MiB."
        case .nestedTooDeep: "The record is nested more than 32 levels deep."
        case .crashPoison: "The record ended three workers in a row."
        case .refusedByDatabase: "The database refused the record's values."
        case .affiliateUnresolved: "Neither affiliate, click nor coupon leads to an affiliate."
        case .clickMissing: "The conversion names an affiliate but no click."
        case .clickContradicts: "The conversion names another affiliate than its click; the click counts."
        case .clickUnknown: "The conversion names a click that is not known."
        case .clickOutsideWindow: "The click lies outside the programme's attribution window."
        case .orderUnknown: "The order of this refund is not known yet."
        case .couponDecides: "The coupon decides for whom the order counts."
        case .couponUnknown: "The coupon belongs to no affiliate at this time."
        case .refundUnknown: "The refund that is reversed is not known yet."
        case .programUnknown: "The programme is not known."
        case .affiliateUnknown: "The affiliate is not known."
        case .affiliateBlocked: "The affiliate is blocked."
        case .noRule: "No rule of the programme is for this order."
        case .capReached: "The cap of the rule is reached: what it had left is paid, the rest is not."
        case .sharedPayoutAccount: "Another affiliate has, or had, the same account to be paid to."
        case .testEvent: "A test event: recorded, never money."
        case .negativeAmount: "The amount is negative."
        case .amountOverflow: "The amount is larger than 1,000,000,000,000 minor units."
        case .currencyUnknown: "The currency is not an ISO 4217 code in use."
        case .currencyDiffers: "The currency is not that of the order."
        case .refundExceedsOrder: "The refunds of this order would exceed its amount."
        case .quoteMissing: "No exchange rate of the last seven days is known."
        case .reversalDiffers: "The amount is not that of the refund that is reversed."
        default: FraudReason.of(self)?.sentence ?? ""
        }
    }
}

/// What became of one record of `conversions.raw`. Every record ends in exactly one of them.
public enum IntakeOutcome: String, CaseIterable, Sendable {
    case accepted, duplicate, rejected, parked, dead
}
