/// The reason code of a fraud signal, with its words: for an affiliate, for one of its orders.
struct FraudReason: Sendable {
    let signal: FraudSignal
    let sentence: String

    static func of(_ code: ReasonCode) -> FraudReason? { byCode[code] }

    private static let byCode = Dictionary(
        uniqueKeysWithValues: table.map { ($0.code, FraudReason(signal: $0.signal, sentence: $0.sentence)) })
    fileprivate static let codes = Dictionary(uniqueKeysWithValues: table.map { ($0.signal, $0.code) })

    /// In the order of the codes; each signal has one, which it keeps.
    private static let table: [(code: ReasonCode, signal: FraudSignal, sentence: String)] = [
        (.repeatedOrders, .repeatedOrders, "The affiliate reported orders that were already recorded."),
        (.fastOrders, .fastOrders, "Orders come unusually soon after the click."),
        (.topOrderAddress, .topOrderAddress, "Too many orders come from one IP address."),
        (.instantOrders, .instantOrders, "Orders come within 5 seconds of the click."),
        (.slowOrders, .slowOrders, "Orders come unusually long after the click."),
        (.dayLateOrders, .dayLateOrders, "Orders come more than a day after the click."),
        (
            .ordersAfterRival, .ordersAfterRival,
            "Orders follow a click made within an hour of another affiliate's on the same device."
        ),
        (.unknownClicks, .unknownClicks, "Orders name a click that never was."),
        (.missingClicks, .missingClicks, "Orders name no click."),
        (.usedClicks, .usedClicks, "Orders name a click that had led to an order before."),
        (.foreignClicks, .foreignClicks, "Orders name another buyer's click."),
        (.sharedDevices, .sharedDevices, "Orders come from devices on which other customers bought."),
        (.rivalDevices, .rivalDevices, "Orders come from devices that buy through other affiliates too."),
        (.otherDevices, .otherDevices, "Orders come from another device than their click."),
        (.otherCountries, .otherCountries, "Orders come from another country than their click."),
        (.offMarketOrders, .offMarketOrders, "Orders come from outside the programme's markets."),
        (.hostedOrders, .hostedOrders, "Orders come from data centres."),
        (.otherNetworks, .otherNetworks, "Orders come from another network than their click."),
        (.automatedOrders, .automatedOrders, "Orders come from a program instead of a browser."),
        (.nightOrders, .nightOrders, "Orders come at night where the buyer is."),
        (.newCustomers, .newCustomers, "Unusually many orders come from new customers."),
        (
            .returningCustomers, .returningCustomers,
            "Unusually many orders come from customers whom the shop had already."
        ),
        (.repeatCustomers, .repeatCustomers, "Orders come from customers who bought through the affiliate before."),
        (.rivalCustomers, .rivalCustomers, "Orders come from customers who buy through other affiliates too."),
        (.twinOrders, .twinOrders, "Orders repeat an amount of the same buyer within four days."),
        (.selfOrders, .selfOrders, "Orders come from the address that the affiliate signed up from."),
        (.nearLimitOrders, .nearLimitOrders, "Orders lie at most a tenth below the limit of automatic approval."),
        (.foreignCoupons, .foreignCoupons, "Orders use another affiliate's coupon."),
        (.rushedOrders, .rushedOrders, "Orders come within a minute of the one before."),
        (.evenOrders, .evenOrders, "Orders come at even distances."),
        (.refunds, .refunds, "Unusually many orders are refunded."),
        (.earlyRefunds, .earlyRefunds, "Orders are refunded within three days."),
        (.chargebacks, .chargebacks, "Orders are charged back."),
        (.topOrderSubnet, .topOrderSubnet, "Too many orders come from one network."),
        (.topOrderDevice, .topOrderDevice, "Too many orders come from one device."),
        (.topCustomer, .topCustomer, "Too many orders come from one customer."),
        (.topOrderAgent, .topOrderAgent, "Too many orders come from one kind of browser."),
        (.topAmount, .topAmount, "Too many orders have one and the same amount."),
        (.topSubID, .topSubID, "Too many orders carry one sub id."),
        (.reorderingDevices, .reorderingDevices, "Orders come from devices that had bought before."),
        (.reorderingAddresses, .reorderingAddresses, "Orders come from addresses that had bought before."),
        (.newOnUsedDevices, .newOnUsedDevices, "Orders of new customers come from devices on which others bought."),
        (.lowConversion, .lowConversion, "Unusually few clicks lead to an order."),
        (.highConversion, .highConversion, "Unusually many clicks lead to an order."),
        (.clicksAgain, .clicksAgain, "Clicks come from devices that had clicked within a day."),
        (.returningClickDevices, .returningClickDevices, "Clicks come from devices that had clicked before."),
        (.returningClickAddresses, .returningClickAddresses, "Clicks come from addresses that had clicked before."),
        (.rapidClicks, .rapidClicks, "Clicks of one device come within a minute."),
        (.regularClicks, .regularClicks, "Clicks of one device come at even distances."),
        (.programBursts, .programBursts, "One device clicks for several programmes within three seconds."),
        (.clicksAfterRival, .clicksAfterRival, "Clicks come within an hour of another affiliate's on the same device."),
        (.referrerlessClicks, .referrerlessClicks, "Unusually many clicks come from nowhere."),
        (.topReferrer, .topReferrer, "Too many clicks come from one site."),
        (.topClickAddress, .topClickAddress, "Too many clicks come from one IP address."),
        (.topClickSubnet, .topClickSubnet, "Too many clicks come from one network."),
        (.topClickDevice, .topClickDevice, "Too many clicks come from one device."),
        (.topClickAgent, .topClickAgent, "Too many clicks come from one kind of browser."),
        (.hostedClicks, .hostedClicks, "Clicks come from data centres."),
        (.automatedClicks, .automatedClicks, "Clicks come from a program instead of a browser."),
        (.nightClicks, .nightClicks, "Clicks come at night where the visitor is."),
        (.offMarketClicks, .offMarketClicks, "Clicks come from outside the programme's markets."),
        (.paidClicks, .paidClicks, "Clicks carry the mark of paid advertising."),
        (.assists, .assists, "Purchases after a click of the affiliate count for others unusually often."),
        (.narrowTimes, .narrowTimes, "The times from click to order are unusually alike."),
        (.timeShape, .timeShape, "The times from click to order are spread otherwise than in the programme."),
        (.orderHours, .orderHours, "Orders come at other hours of the day than in the programme."),
        (.clickHours, .clickHours, "Clicks come at other hours of the day than in the programme."),
        (.amountShape, .amountShape, "The amounts of orders are spread otherwise than in the programme."),
        (.narrowAmounts, .narrowAmounts, "The amounts of orders are unusually alike."),
        (.largeOrders, .largeOrders, "Orders are unusually large."),
        (.smallOrders, .smallOrders, "Orders are unusually small."),
        (.deviceRing, .deviceRing, "Affiliates share buying devices beyond chance."),
        (.drift, .drift, "What is unusual about the orders grows from week to week."),
        (.paidOrders, .paidOrders, "Orders follow clicks that carry the mark of paid advertising."),
    ]
}

extension FraudSignal {
    /// 4xx.
    public var code: ReasonCode { FraudReason.codes[self] ?? .repeatedOrders }

    /// - Returns: nil unless `code` is of a signal.
    public init?(_ code: ReasonCode) {
        guard let reason = FraudReason.of(code) else { return nil }
        self = reason.signal
    }
}
