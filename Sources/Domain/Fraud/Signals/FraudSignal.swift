/// What can look wrong about an affiliate. The raw values are stable: cases, weights and files name them.
public enum FraudSignal: String, CaseIterable, Sendable, Codable {
    // Shares of orders.
    case fastOrders = "fast_orders"
    case instantOrders = "instant_orders"
    case slowOrders = "slow_orders"
    case dayLateOrders = "day_late_orders"
    case ordersAfterRival = "orders_after_rival"
    case unknownClicks = "unknown_clicks"
    case missingClicks = "missing_clicks"
    case usedClicks = "used_clicks"
    case foreignClicks = "foreign_clicks"
    case sharedDevices = "shared_devices"
    case rivalDevices = "rival_devices"
    case otherDevices = "other_devices"
    case otherCountries = "other_countries"
    case offMarketOrders = "off_market_orders"
    case hostedOrders = "hosted_orders"
    case otherNetworks = "other_networks"
    case automatedOrders = "automated_orders"
    case nightOrders = "night_orders"
    case newCustomers = "new_customers"
    case returningCustomers = "returning_customers"
    case repeatCustomers = "repeat_customers"
    case rivalCustomers = "rival_customers"
    case twinOrders = "twin_orders"
    case selfOrders = "self_orders"
    case nearLimitOrders = "near_limit_orders"
    case repeatedOrders = "repeated_orders"
    case foreignCoupons = "foreign_coupons"
    case rushedOrders = "rushed_orders"
    case evenOrders = "even_orders"
    case refunds
    case earlyRefunds = "early_refunds"
    case chargebacks
    case topOrderAddress = "top_order_address"
    case topOrderSubnet = "top_order_subnet"
    case topOrderDevice = "top_order_device"
    case topCustomer = "top_customer"
    case topOrderAgent = "top_order_agent"
    case topAmount = "top_amount"
    case topSubID = "top_sub_id"
    case reorderingDevices = "reordering_devices"
    case reorderingAddresses = "reordering_addresses"
    case newOnUsedDevices = "new_on_used_devices"
    // Shares of clicks.
    case lowConversion = "low_conversion"
    case highConversion = "high_conversion"
    case clicksAgain = "clicks_again"
    case returningClickDevices = "returning_click_devices"
    case returningClickAddresses = "returning_click_addresses"
    case rapidClicks = "rapid_clicks"
    case regularClicks = "regular_clicks"
    case programBursts = "program_bursts"
    case clicksAfterRival = "clicks_after_rival"
    case referrerlessClicks = "referrerless_clicks"
    case topReferrer = "top_referrer"
    case topClickAddress = "top_click_address"
    case topClickSubnet = "top_click_subnet"
    case topClickDevice = "top_click_device"
    case topClickAgent = "top_click_agent"
    case hostedClicks = "hosted_clicks"
    case automatedClicks = "automated_clicks"
    case nightClicks = "night_clicks"
    case offMarketClicks = "off_market_clicks"
    case paidClicks = "paid_clicks"
    case assists
    // Shapes, means and links.
    case narrowTimes = "narrow_times"
    case timeShape = "time_shape"
    case orderHours = "order_hours"
    case clickHours = "click_hours"
    case amountShape = "amount_shape"
    case narrowAmounts = "narrow_amounts"
    case largeOrders = "large_orders"
    case smallOrders = "small_orders"
    case deviceRing = "device_ring"
    case drift
    // A share of orders.
    case paidOrders = "paid_orders"

    /// Signals of a family say much the same.
    public enum Family: String, CaseIterable, Sendable, Codable {
        case timing, clicks, identity, network, geography, money, outcome, rhythm, ring
    }

    public var family: Family {
        switch self {
        case .fastOrders, .instantOrders, .slowOrders, .dayLateOrders, .ordersAfterRival, .narrowTimes, .timeShape,
            .clicksAfterRival:
            .timing
        case .lowConversion, .highConversion, .clicksAgain, .rapidClicks, .regularClicks, .returningClickDevices,
            .returningClickAddresses, .programBursts,
            .referrerlessClicks, .topReferrer, .paidClicks, .paidOrders, .assists, .topClickDevice, .topSubID,
            .unknownClicks, .missingClicks:
            .clicks
        case .usedClicks, .foreignClicks, .sharedDevices, .otherDevices, .newCustomers, .returningCustomers,
            .repeatCustomers, .twinOrders, .selfOrders, .repeatedOrders, .foreignCoupons, .topOrderDevice,
            .topCustomer, .reorderingDevices, .newOnUsedDevices:
            .identity
        case .hostedOrders, .otherNetworks, .automatedOrders, .topOrderAddress, .topOrderSubnet, .topOrderAgent,
            .reorderingAddresses, .topClickAddress, .topClickSubnet, .topClickAgent, .hostedClicks, .automatedClicks:
            .network
        case .otherCountries, .offMarketOrders, .offMarketClicks: .geography
        case .nearLimitOrders, .topAmount, .amountShape, .narrowAmounts, .largeOrders, .smallOrders: .money
        case .refunds, .earlyRefunds, .chargebacks: .outcome
        case .nightOrders, .nightClicks, .rushedOrders, .evenOrders, .orderHours, .clickHours, .drift: .rhythm
        case .rivalDevices, .rivalCustomers, .deviceRing: .ring
        }
    }

    /// Its place in `allCases`.
    var index: Int { FraudSignal.indices[self] ?? 0 }
    private static let indices = Dictionary(uniqueKeysWithValues: zip(allCases, 0...))
}
