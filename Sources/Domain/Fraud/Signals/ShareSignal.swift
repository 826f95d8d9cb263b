/// A signal that is a share: k of n events, held against peers and the affiliate's own past.
struct ShareSignal: Sendable {
    enum Unit: Sendable {
        case orders, clicks

        /// Events from which on an affiliate says something about what is usual.
        var fitMinimum: Double { self == .orders ? 8 : 50 }
        /// Events that a peer counts at most.
        var peerCap: Double { self == .orders ? 100 : 1_000 }
        /// Events of the own past that count at most.
        var pastCap: Double { self == .orders ? 200 : 1_500 }
    }

    let signal: FraudSignal
    let unit: Unit
    let isHigh: Bool
    /// Events from which on the signal speaks.
    let minimum: Double
    /// What holds without peers.
    let usual: PeerFit.Prior
    /// k and n.
    let share: @Sendable (DayCell, TimeEdges) -> PeerFit.Share
    /// "k of n" and this make a sentence.
    let phrase: String
    /// Whether k and n leave out the first event of what came most often.
    let isHeap: Bool

    init(
        _ signal: FraudSignal, _ unit: Unit, from minimum: Double, usual mean: Double, alike strength: Double,
        isHigh: Bool = true, isHeap: Bool = false, _ phrase: String,
        _ share: @escaping @Sendable (DayCell, TimeEdges) -> PeerFit.Share
    ) {
        self.signal = signal
        self.unit = unit
        self.isHigh = isHigh
        self.minimum = minimum
        usual = PeerFit.Prior(mean: mean, strength: strength)
        self.share = share
        self.phrase = phrase
        self.isHeap = isHeap
    }

    /// Whether days without it speak against it: what becomes of orders is known weeks after them.
    var fades: Bool { signal.family != .outcome }
}

/// Which bins of a programme's time from click to order are unusually soon and unusually late.
struct TimeEdges: Sendable {
    /// The bins before it are soon.
    var fast: Int
    /// It and the bins behind it are late.
    var slow: Int
}

extension ShareSignal {
    private static func of(_ k: Double, _ n: Double) -> PeerFit.Share { PeerFit.Share(k: min(k, n), n: n) }

    private static func times(_ cell: DayCell, _ bins: Range<Int>) -> Double {
        Double(
            cell.histogram(DayCell.times)[(DayCell.times.lowerBound + bins.lowerBound)...].prefix(bins.count).reduce(
                0, +))
    }

    /// Events beyond the first of the key that came most often, of the events beyond the first: about the same for a
    /// few events as for many.
    private static func top(_ cell: DayCell, _ key: DayCell.Key) -> PeerFit.Share {
        let tally = cell.tally(key)
        return of(max(0, tally.top - 1).rounded(), max(0, Double(tally.total) - 1))
    }

    /// Events of a key that had come before.
    private static func again(_ cell: DayCell, _ key: DayCell.Key) -> PeerFit.Share {
        let tally = cell.tally(key)
        return of((Double(tally.total) - tally.distinct).rounded(), Double(tally.total))
    }

    static let ofOrders: [ShareSignal] = [
        ShareSignal(
            .fastOrders, .orders, from: 3, usual: 0.01, alike: 60,
            "orders came unusually soon after the click"
        ) { cell, edges in of(times(cell, 0..<edges.fast), cell[.orderOfClick]) },
        ShareSignal(
            .instantOrders, .orders, from: 3, usual: 0.005, alike: 60,
            "orders came within 5 s of the click"
        ) { cell, _ in of(times(cell, 0..<2), cell[.orderOfClick]) },
        ShareSignal(
            .slowOrders, .orders, from: 5, usual: 0.15, alike: 20,
            "orders came unusually long after the click"
        ) { cell, edges in of(times(cell, edges.slow..<DayCell.timeBins), cell[.orderOfClick]) },
        ShareSignal(
            .dayLateOrders, .orders, from: 5, usual: 0.15, alike: 20,
            "orders came more than a day after the click"
        ) { cell, _ in of(times(cell, 10..<DayCell.timeBins), cell[.orderOfClick]) },
        ShareSignal(
            .ordersAfterRival, .orders, from: 3, usual: 0.03, alike: 40,
            "orders followed a click made within an hour of another affiliate's on the same device"
        ) { cell, _ in of(cell[.orderAfterRival], cell[.orderOfClick]) },
        ShareSignal(
            .unknownClicks, .orders, from: 3, usual: 0.03, alike: 15,
            "orders name a click that never was"
        ) { cell, _ in of(cell[.orderOfUnknownClick], cell[.order] - cell[.orderWithoutClick]) },
        ShareSignal(
            .missingClicks, .orders, from: 5, usual: 0.2, alike: 4,
            "orders name no click"
        ) { cell, _ in of(cell[.orderWithoutClick], cell[.order]) },
        ShareSignal(
            .usedClicks, .orders, from: 3, usual: 0.01, alike: 60,
            "orders name a click that had led to an order before"
        ) { cell, _ in of(cell[.orderOfUsedClick], cell[.orderOfClick]) },
        ShareSignal(
            .foreignClicks, .orders, from: 2, usual: 0.003, alike: 100,
            "orders name another buyer's click"
        ) { cell, _ in of(cell[.orderOfForeignClick], cell[.orderOfClick]) },
        ShareSignal(
            .sharedDevices, .orders, from: 3, usual: 0.03, alike: 30,
            "orders came from a device on which other customers had bought"
        ) { cell, _ in of(cell[.orderDeviceShared], cell[.orderDevice]) },
        ShareSignal(
            .rivalDevices, .orders, from: 3, usual: 0.03, alike: 30,
            "orders came from a device that buys through other affiliates too"
        ) { cell, _ in of(cell[.orderDeviceRival], cell[.orderDevice]) },
        ShareSignal(
            .otherDevices, .orders, from: 3, usual: 0.05, alike: 15,
            "orders came from another device than their click"
        ) { cell, _ in of(cell[.orderDeviceDiffers], cell[.orderDeviceBoth]) },
        ShareSignal(
            .otherCountries, .orders, from: 3, usual: 0.03, alike: 30,
            "orders came from another country than their click"
        ) { cell, _ in of(cell[.orderCountryDiffers], cell[.orderCountryBoth]) },
        ShareSignal(
            .offMarketOrders, .orders, from: 3, usual: 0.03, alike: 8,
            "orders came from outside the programme's markets"
        ) { cell, _ in of(cell[.orderOffMarket], cell[.orderCountry]) },
        ShareSignal(
            .hostedOrders, .orders, from: 2, usual: 0.01, alike: 40,
            "orders came from data centres"
        ) { cell, _ in of(cell[.orderHosting], cell[.orderAddress]) },
        ShareSignal(
            .otherNetworks, .orders, from: 3, usual: 0.15, alike: 10,
            "orders came from another network than their click"
        ) { cell, _ in of(cell[.orderSubnetDiffers], cell[.orderSubnetBoth]) },
        ShareSignal(
            .automatedOrders, .orders, from: 2, usual: 0.003, alike: 100,
            "orders came from a program instead of a browser"
        ) { cell, _ in of(cell[.orderAutomated], cell[.orderAgent]) },
        ShareSignal(
            .nightOrders, .orders, from: 5, usual: 0.08, alike: 30,
            "orders came between 1 and 6 at night where the buyer is"
        ) { cell, _ in of(cell[.orderNight], cell[.order]) },
        ShareSignal(
            .newCustomers, .orders, from: 5, usual: 0.5, alike: 8,
            "orders came from new customers"
        ) { cell, _ in of(cell[.orderNewCustomer], cell[.orderNewness]) },
        ShareSignal(
            .returningCustomers, .orders, from: 5, usual: 0.5, alike: 8,
            "orders came from customers the shop had already"
        ) { cell, _ in of(cell[.orderNewness] - cell[.orderNewCustomer], cell[.orderNewness]) },
        ShareSignal(
            .repeatCustomers, .orders, from: 3, usual: 0.08, alike: 15,
            "orders came from customers who had bought through the affiliate before"
        ) { cell, _ in of(cell[.orderCustomerAgain], cell[.orderCustomer]) },
        ShareSignal(
            .rivalCustomers, .orders, from: 3, usual: 0.03, alike: 30,
            "orders came from customers who buy through other affiliates too"
        ) { cell, _ in of(cell[.orderCustomerRival], cell[.orderCustomer]) },
        ShareSignal(
            .twinOrders, .orders, from: 2, usual: 0.01, alike: 50,
            "orders repeat an amount of the same buyer within four days"
        ) { cell, _ in of(cell[.orderTwin], cell[.order]) },
        ShareSignal(
            .selfOrders, .orders, from: 1, usual: 0.002, alike: 200,
            "orders came from the address that the affiliate signed up from"
        ) { cell, _ in of(cell[.orderSelf], cell[.order]) },
        ShareSignal(
            .nearLimitOrders, .orders, from: 4, usual: 0.05, alike: 30,
            "orders lie up to a tenth below the automatic limit, beyond about as many as repeat the commonest amount"
        ) { cell, _ in
            // Whoever sells one thing at such a price may; whoever wants to stay below the limit varies.
            let again = top(cell, .orderAmount)
            let repeated = again.k * cell[.order] / max(1, again.n + 1)
            return of(max(0, cell[.orderNearLimit] - repeated).rounded(), cell[.orderLimit])
        },
        ShareSignal(
            .repeatedOrders, .orders, from: 2, usual: 0.01, alike: 60,
            "reported orders had been reported before"
        ) { cell, _ in of(cell[.orderRepeated], cell[.order] + cell[.orderRepeated]) },
        ShareSignal(
            .foreignCoupons, .orders, from: 3, usual: 0.02, alike: 30,
            "orders used another affiliate's coupon"
        ) { cell, _ in of(cell[.orderForeignCoupon], cell[.orderCoupon]) },
        ShareSignal(
            .rushedOrders, .orders, from: 4, usual: 0.03, alike: 20,
            "orders came within a minute of the one before"
        ) { cell, _ in of(cell[.orderRush], cell[.orderSpaced]) },
        ShareSignal(
            .evenOrders, .orders, from: 4, usual: 0.1, alike: 60,
            "orders came at the same distance as the two before"
        ) { cell, _ in of(cell[.orderEven], cell[.orderSpaced]) },
        ShareSignal(
            .refunds, .orders, from: 4, usual: 0.06, alike: 20,
            "orders were refunded"
        ) { cell, _ in of(cell[.refund], cell[.order]) },
        ShareSignal(
            .earlyRefunds, .orders, from: 4, usual: 0.02, alike: 30,
            "orders were refunded within three days"
        ) { cell, _ in of(cell[.earlyRefund], cell[.order]) },
        ShareSignal(
            .chargebacks, .orders, from: 2, usual: 0.004, alike: 100,
            "orders were charged back"
        ) { cell, _ in of(cell[.chargeback], cell[.order]) },
        ShareSignal(
            .topOrderAddress, .orders, from: 4, usual: 0.03, alike: 15, isHeap: true,
            "orders came from one IP address"
        ) { cell, _ in top(cell, .orderAddress) },
        ShareSignal(
            .topOrderSubnet, .orders, from: 4, usual: 0.05, alike: 15, isHeap: true,
            "orders came from one network"
        ) { cell, _ in top(cell, .orderSubnet) },
        ShareSignal(
            .topOrderDevice, .orders, from: 3, usual: 0.03, alike: 30, isHeap: true,
            "orders came from one device"
        ) { cell, _ in top(cell, .orderDevice) },
        ShareSignal(
            .topCustomer, .orders, from: 3, usual: 0.03, alike: 30, isHeap: true,
            "orders came from one customer"
        ) { cell, _ in top(cell, .orderCustomer) },
        ShareSignal(
            .topOrderAgent, .orders, from: 4, usual: 0.2, alike: 8, isHeap: true,
            "orders came from one kind of browser"
        ) { cell, _ in top(cell, .orderAgent) },
        ShareSignal(
            .topAmount, .orders, from: 4, usual: 0.1, alike: 10, isHeap: true,
            "orders have one and the same amount"
        ) { cell, _ in top(cell, .orderAmount) },
        ShareSignal(
            .topSubID, .orders, from: 8, usual: 0.4, alike: 3, isHeap: true,
            "orders carry one sub id"
        ) { cell, _ in top(cell, .orderSubID) },
        ShareSignal(
            .reorderingDevices, .orders, from: 3, usual: 0.05, alike: 30,
            "orders came from a device that had bought before"
        ) { cell, _ in again(cell, .orderDevice) },
        ShareSignal(
            .reorderingAddresses, .orders, from: 3, usual: 0.08, alike: 15,
            "orders came from an address that had bought before"
        ) { cell, _ in again(cell, .orderAddress) },
        ShareSignal(
            .newOnUsedDevices, .orders, from: 3, usual: 0.02, alike: 40,
            "orders of new customers came from a device on which others had bought"
        ) { cell, _ in of(cell[.orderNewOnUsedDevice], cell[.orderDevice]) },
        ShareSignal(
            .paidOrders, .orders, from: 3, usual: 0.03, alike: 10,
            "orders followed a click that carries the mark of paid advertising"
        ) { cell, _ in of(cell[.orderOfPaidClick], cell[.orderOfLandedClick]) },
    ]

    static let ofClicks: [ShareSignal] = [
        ShareSignal(
            .lowConversion, .clicks, from: 60, usual: 0.03, alike: 15, isHigh: false,
            "clicks led to an order"
        ) { cell, _ in of(min(cell[.order], cell[.click]), cell[.click]) },
        ShareSignal(
            .highConversion, .clicks, from: 20, usual: 0.03, alike: 15,
            "clicks led to an order without a coupon, or with another affiliate's"
        ) { cell, _ in
            // Whoever comes for a coupon has made up his mind: such sites convert well, and may.
            let own = cell[.orderCoupon] - cell[.orderForeignCoupon]
            return of(max(0, min(cell[.order], cell[.click]) - own), cell[.click])
        },
        ShareSignal(
            .clicksAgain, .clicks, from: 30, usual: 0.1, alike: 15,
            "clicks came from a device that had clicked within a day"
        ) { cell, _ in of(cell[.clickAgain], cell[.clickDevice]) },
        ShareSignal(
            .returningClickDevices, .clicks, from: 30, usual: 0.15, alike: 10,
            "clicks came from a device that had clicked before"
        ) { cell, _ in again(cell, .clickDevice) },
        ShareSignal(
            .returningClickAddresses, .clicks, from: 30, usual: 0.15, alike: 8,
            "clicks came from an address that had clicked before"
        ) { cell, _ in again(cell, .clickAddress) },
        ShareSignal(
            .rapidClicks, .clicks, from: 30, usual: 0.03, alike: 20,
            "clicks came within a minute of the same device"
        ) { cell, _ in of(cell[.clickRapid], cell[.clickDevice]) },
        ShareSignal(
            .regularClicks, .clicks, from: 20, usual: 0.004, alike: 80,
            "clicks came at the same distance as the two before of their device"
        ) { cell, _ in of(cell[.clickRegular], cell[.clickDevice]) },
        ShareSignal(
            .programBursts, .clicks, from: 15, usual: 0.004, alike: 80,
            "clicks came within three seconds of one for another programme on the same device"
        ) { cell, _ in of(cell[.clickProgramBurst], cell[.clickDevice]) },
        ShareSignal(
            .clicksAfterRival, .clicks, from: 10, usual: 0.03, alike: 20,
            "clicks came within an hour of another affiliate's on the same device"
        ) { cell, _ in of(cell[.clickAfterRival], cell[.clickDevice]) },
        ShareSignal(
            .referrerlessClicks, .clicks, from: 30, usual: 0.3, alike: 3,
            "clicks came from nowhere"
        ) { cell, _ in of(cell[.clickReferrerless], cell[.click]) },
        ShareSignal(
            .topReferrer, .clicks, from: 30, usual: 0.5, alike: 2, isHeap: true,
            "clicks came from one site"
        ) { cell, _ in top(cell, .clickReferrer) },
        ShareSignal(
            .topClickAddress, .clicks, from: 20, usual: 0.02, alike: 15, isHeap: true,
            "clicks came from one IP address"
        ) { cell, _ in top(cell, .clickAddress) },
        ShareSignal(
            .topClickSubnet, .clicks, from: 20, usual: 0.03, alike: 15, isHeap: true,
            "clicks came from one network"
        ) { cell, _ in top(cell, .clickSubnet) },
        ShareSignal(
            .topClickDevice, .clicks, from: 20, usual: 0.02, alike: 20, isHeap: true,
            "clicks came from one device"
        ) { cell, _ in top(cell, .clickDevice) },
        ShareSignal(
            .topClickAgent, .clicks, from: 30, usual: 0.2, alike: 8, isHeap: true,
            "clicks came from one kind of browser"
        ) { cell, _ in top(cell, .clickAgent) },
        ShareSignal(
            .hostedClicks, .clicks, from: 10, usual: 0.01, alike: 30,
            "clicks came from data centres"
        ) { cell, _ in of(cell[.clickHosting], cell[.clickAddress]) },
        ShareSignal(
            .automatedClicks, .clicks, from: 10, usual: 0.004, alike: 60,
            "clicks came from a program instead of a browser"
        ) { cell, _ in of(cell[.clickAutomated], cell[.clickAgent]) },
        ShareSignal(
            .nightClicks, .clicks, from: 30, usual: 0.1, alike: 20,
            "clicks came between 1 and 6 at night where the visitor is"
        ) { cell, _ in of(cell[.clickNight], cell[.click]) },
        ShareSignal(
            .offMarketClicks, .clicks, from: 20, usual: 0.03, alike: 8,
            "clicks came from outside the programme's markets"
        ) { cell, _ in of(cell[.clickOffMarket], cell[.clickCountry]) },
        ShareSignal(
            .paidClicks, .clicks, from: 10, usual: 0.03, alike: 10,
            "clicks carry the mark of paid advertising"
        ) { cell, _ in of(cell[.clickPaid], cell[.clickLanding]) },
        ShareSignal(
            .assists, .clicks, from: 5, usual: 0.2, alike: 8,
            "purchases after a click of the affiliate counted for another"
        ) { cell, _ in of(cell[.assist], cell[.assist] + cell[.order]) },
    ]

    static let all = ofOrders + ofClicks
    static let named = Dictionary(uniqueKeysWithValues: all.map { ($0.signal, $0) })
}
