/// One line of an order, as it was reported.
public struct OrderItem: Hashable, Sendable {
    public let sku: String?
    public let category: String?
    public let quantity: Int32
    /// Minor units of the order's currency.
    public let amountMinor: Int64

    public init(sku: String?, category: String?, quantity: Int32, amountMinor: Int64) {
        self.sku = sku
        self.category = category
        self.quantity = quantity
        self.amountMinor = amountMinor
    }
}

/// Everything that a price depends on beside the rules and their caps.
public struct OrderFacts: Hashable, Sendable {
    public var affiliateID: String
    public var groupID: String?
    public var country: String?
    public var coupon: String?
    public var subID: String?
    public var isNewCustomer: Bool?
    public var items: [OrderItem]
    /// Conversions that it stands for.
    public var quantity: Int32
    public var amountMinor: Int64
    public var currency: Currency
    public var occurredAt: Timestamp
    /// When the customer first ordered in the programme; this order's time for a first one; nil: customer unknown.
    public var customerSince: Timestamp?
    /// The affiliate's approved volume of the month in this currency, as it stood when the order was priced.
    public var approvedVolumeMinor: Int64
    /// What the commission is paid in.
    public var commissionCurrency: Currency
    /// From the order's currency to the commission's; nil where they are one.
    public var quote: FXQuote?

    public init(
        affiliateID: String, groupID: String? = nil, country: String? = nil, coupon: String? = nil,
        subID: String? = nil, isNewCustomer: Bool? = nil, items: [OrderItem] = [], quantity: Int32 = 1,
        amountMinor: Int64, currency: Currency, occurredAt: Timestamp, customerSince: Timestamp? = nil,
        approvedVolumeMinor: Int64 = 0, commissionCurrency: Currency? = nil, quote: FXQuote? = nil
    ) {
        self.affiliateID = affiliateID
        self.groupID = groupID
        self.country = country
        self.coupon = coupon
        self.subID = subID
        self.isNewCustomer = isNewCustomer
        self.items = items
        self.quantity = quantity
        self.amountMinor = amountMinor
        self.currency = currency
        self.occurredAt = occurredAt
        self.customerSince = customerSince
        self.approvedVolumeMinor = approvedVolumeMinor
        self.commissionCurrency = commissionCurrency ?? currency
        self.quote = quote
    }

    /// An amount of the order in the commission's currency, exactly.
    func inCommissionCurrency(_ minorUnits: Int64) -> ExactAmount {
        let amount = ExactAmount(minorUnits: minorUnits)
        return quote.map { $0.converted(amount) } ?? amount
    }
}
