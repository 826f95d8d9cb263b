import Domain

/// A second and naive way to count what signals measure: over lists of raw events, one event after the other, from the
/// words of the sentences alone.
struct NaiveSignals {
    typealias Event = NaiveWorld.Event
    typealias Order = NaiveWorld.Order
    typealias Share = (k: Int, n: Int)

    let world: NaiveWorld
    let program: String
    /// Events that are counted.
    let isWanted: (Event) -> Bool
    /// What comes back after this day is not known yet.
    let lastDay: Int32
    /// Orders that are new, and those of them with a click.
    let real: [Order]
    let clicked: [Order]

    init(_ world: NaiveWorld, program: String, through lastDay: Int32, of isWanted: @escaping (Event) -> Bool) {
        self.world = world
        self.program = program
        self.isWanted = isWanted
        self.lastDay = lastDay
        real = world.orders.filter { $0.event.program == program && isWanted($0.event) && !$0.isRepeated }
        clicked = real.filter { $0.clicked != nil }
    }

    /// k and n of a signal.
    ///
    /// - Returns: the pairs that the sentence may mean (where it says "unusually soon", one for each line that may be
    ///   drawn; below a limit, as the days go whose amounts are known one by one); nil for a signal that counts no
    ///   shares.
    func counts(_ signal: FraudSignal) -> [Share]? {
        switch signal {
        case .fastOrders: [2, 5, 15, 60, 300].map(soonerThan)
        case .slowOrders: DayCell.timeEdges.map { (clicked.count - soonerThan($0).k, clicked.count) }
        case .nearLimitOrders: nearLimit()
        default:
            (times(signal) ?? buyers(signal) ?? places(signal) ?? money(signal) ?? heaps(signal)).map { [$0] }
                ?? NaiveClicks(self).counts(signal).map { [$0] }
        }
    }

    func share<Item>(_ items: [Item], _ isCounted: (Item) -> Bool) -> Share {
        (items.filter(isCounted).count, items.count)
    }

    private func soonerThan(_ seconds: Int64) -> Share { share(clicked) { $0.secondsFromClick < seconds } }

    private func times(_ signal: FraudSignal) -> Share? {
        switch signal {
        case .instantOrders: return soonerThan(5)
        case .dayLateOrders: return (clicked.count - soonerThan(86_400).k, clicked.count)
        case .paidOrders:
            return share(clicked.filter { $0.clicked?.landing != nil }) {
                $0.clicked?.landing?.contains("gclid=") ?? false
            }
        case .ordersAfterRival: return share(clicked) { $0.clicked.map(world.isAfterRival) ?? false }
        case .unknownClicks: return share(real.filter { $0.event.click != nil }) { $0.clicked == nil }
        case .missingClicks: return share(real) { $0.event.click == nil }
        case .nightOrders: return share(real) { $0.event.isAtNight }
        case .rushedOrders: return share(gaps) { $0.now <= 60_000 }
        case .evenOrders:
            return share(gaps) { gap in
                gap.now > 2_000 && gap.last.map { $0 > 0 && abs(gap.now - $0) * 12 <= gap.now } ?? false
            }
        default: return nil
        }
    }

    /// Milliseconds since the affiliate's order before, and between that and the one before it.
    private var gaps: [(now: Int64, last: Int64?)] {
        real.compactMap { order in
            let earlier = world.orders.filter {
                !$0.isRepeated && $0.event.program == program && $0.event.affiliate == order.event.affiliate
                    && $0.event.at < order.event.at
            }.suffix(2).map(\.event.milliseconds)
            guard let last = earlier.last else { return nil }
            return (order.event.milliseconds - last, earlier.count > 1 ? last - earlier[0] : nil)
        }
    }

    private func buyers(_ signal: FraudSignal) -> Share? {
        let known = real.filter { $0.event.device != nil }
        let named = real.filter { $0.event.customer != nil }
        let ofNewness = real.filter { $0.event.isNew != nil }
        func isShared(_ order: Order) -> Bool {
            order.event.customer != nil
                && world.before(order) { $0.device }.contains {
                    $0.event.customer != nil && $0.event.customer != order.event.customer
                }
        }
        func last(_ order: Order) -> String? { world.before(order) { $0.customer }.last?.event.affiliate }
        switch signal {
        case .usedClicks: return share(clicked) { !world.before($0) { $0.click }.isEmpty }
        case .foreignClicks: return share(clicked, isForeign)
        case .sharedDevices: return share(known, isShared)
        case .newOnUsedDevices: return share(known) { isShared($0) && $0.event.isNew == true }
        case .rivalDevices:
            return share(known) { order in
                world.before(order) { $0.device }.contains { $0.event.affiliate != order.event.affiliate }
            }
        case .newCustomers: return share(ofNewness) { $0.event.isNew == true }
        case .returningCustomers: return share(ofNewness) { $0.event.isNew == false }
        case .repeatCustomers: return share(named) { last($0) == $0.event.affiliate }
        case .rivalCustomers: return share(named) { order in last(order).map { $0 != order.event.affiliate } ?? false }
        case .twinOrders: return share(real, isTwin)
        case .repeatedOrders:
            return share(world.orders.filter { $0.event.program == program && isWanted($0.event) }) { $0.isRepeated }
        default: return nil
        }
    }

    private func isForeign(_ order: Order) -> Bool {
        guard let first = world.before(order, { $0.click }).first?.event else { return false }
        return (order.event.customer ?? order.event.device) != (first.customer ?? first.device)
    }

    private func isTwin(_ order: Order) -> Bool {
        [world.before(order) { $0.customer }, world.before(order) { $0.device }].compactMap(\.last?.event).contains {
            $0.affiliate == order.event.affiliate && order.event.at.seconds(since: $0.at) <= 4 * 86_400
                && abs(order.event.amount - $0.amount) * 100 <= $0.amount
        }
    }

    private func places(_ signal: FraudSignal) -> Share? {
        switch signal {
        case .otherDevices: differing { $0.device }
        case .otherNetworks: differing { $0.subnet }
        case .otherCountries: differing { $0.country }
        case .offMarketOrders:
            share(real.filter { $0.event.country != nil }) { order in
                !(world.markets[program] ?? []).contains(order.event.country ?? "")
            }
        default: nil
        }
    }

    private func differing(_ key: (Event) -> String?) -> Share {
        let both = clicked.filter { key($0.event) != nil && $0.clicked.flatMap(key) != nil }
        return share(both) { key($0.event) != $0.clicked.flatMap(key) }
    }

    private func money(_ signal: FraudSignal) -> Share? {
        switch signal {
        case .refunds: return lost("refund") { _, _ in true }
        case .earlyRefunds: return lost("refund") { $1.at.seconds(since: $0.at) <= 3 * 86_400 }
        case .chargebacks: return lost("chargeback") { _, _ in true }
        case .foreignCoupons:
            return share(real.filter { $0.event.coupon != nil }, isAnothersCoupon)
        default: return nil
        }
    }

    /// Of four weeks the engine knows the amounts of the last two alone, of which it takes as many for the rest.
    private func nearLimit() -> [Share]? {
        guard let limit = world.limits[program] else { return nil }
        let near = real.count { $0.event.amount >= limit - limit / 10 && $0.event.amount < limit }
        let repetitions = Set(real.map(\.event.day)).map { day in
            let known = real.filter { $0.event.day >= day }
            let top = Dictionary(known.map { ($0.event.amount, 1) }, uniquingKeysWith: +).values.max() ?? 1
            return Int((Double((top - 1) * real.count) / Double(known.count)).rounded())
        }
        return Set(repetitions).sorted().map { (max(0, near - $0), real.count) }
    }

    private func lost(_ type: String, _ isCounted: (Event, Event) -> Bool) -> Share {
        let lost = real.map { order in
            world.losses.count {
                $0.type == type && $0.order == order.event.order && $0.day <= lastDay && isCounted(order.event, $0)
            }
        }
        return (min(lost.reduce(0, +), real.count), real.count)
    }

    /// Whether the order's coupon is another's: of who used it first, five times before, and fewer than three others.
    func isAnothersCoupon(_ order: Order) -> Bool {
        let uses = world.orders.filter {
            !$0.isRepeated && $0.event.coupon == order.event.coupon && $0.event.at <= order.event.at
        }.map(\.event.affiliate)
        let others = Set(uses.filter { $0 != uses.first })
        return uses.first != order.event.affiliate && uses.count { $0 == uses.first } >= 5 && others.count < 3
    }

    /// Orders beyond the first of one key, or of all keys.
    private func heaps(_ signal: FraudSignal) -> Share? {
        switch signal {
        case .topOrderAddress: heap(real.compactMap(\.event.ip))
        case .topOrderSubnet: heap(real.compactMap(\.event.subnet))
        case .topOrderDevice: heap(real.compactMap(\.event.device))
        case .topCustomer: heap(real.compactMap(\.event.customer))
        case .topOrderAgent: heap(real.compactMap(\.event.agent))
        case .topAmount: heap(real.map { String($0.event.amount) })
        case .topSubID: heap(real.compactMap(\.event.subID))
        case .reorderingAddresses: again(real.compactMap(\.event.ip))
        case .reorderingDevices: again(real.compactMap(\.event.device))
        default: nil
        }
    }

    func heap(_ keys: [String]) -> Share {
        let most = Dictionary(grouping: keys, by: \.self).values.map(\.count).max() ?? 0
        return (max(0, most - 1), max(0, keys.count - 1))
    }

    func again(_ keys: [String]) -> Share { (keys.count - Set(keys).count, keys.count) }
}

/// The same of clicks.
struct NaiveClicks {
    private let signals: NaiveSignals
    let clicks: [NaiveWorld.Event]
    private var world: NaiveWorld { signals.world }

    init(_ signals: NaiveSignals) {
        self.signals = signals
        clicks = signals.world.clicks.filter { $0.program == signals.program && signals.isWanted($0) }
    }

    func counts(_ signal: FraudSignal) -> NaiveSignals.Share? {
        let orders = min(signals.real.count, clicks.count)
        switch signal {
        case .lowConversion: return (orders, clicks.count)
        case .highConversion:
            let own = signals.real.count {
                $0.event.coupon != nil && !signals.isAnothersCoupon($0)
            }
            return (max(0, orders - own), clicks.count)
        case .referrerlessClicks: return signals.share(clicks) { $0.referrer == nil }
        case .nightClicks: return signals.share(clicks) { $0.isAtNight }
        case .offMarketClicks:
            return signals.share(clicks.filter { $0.country != nil }) {
                !(world.markets[signals.program] ?? []).contains($0.country ?? "")
            }
        case .paidClicks:
            return signals.share(clicks.filter { $0.landing != nil }) { $0.landing?.contains("gclid=") ?? false }
        case .assists: return assists
        default: return ofDevices(signal) ?? heaps(signal)
        }
    }

    private func ofDevices(_ signal: FraudSignal) -> NaiveSignals.Share? {
        let known = clicks.filter { $0.device != nil }
        /// Milliseconds since the device's last clicks on the affiliate's own links, the newest first.
        func gaps(_ click: NaiveWorld.Event, isHere: Bool = true) -> [Int64] {
            world.lastClicks(of: click.device, before: click.at).filter {
                $0.affiliate == click.affiliate && ($0.program == click.program) == isHere
            }.map { click.milliseconds - $0.milliseconds }
        }
        func isWithin(_ milliseconds: Int64) -> NaiveSignals.Share {
            signals.share(known) { click in gaps(click).first.map { $0 <= milliseconds } ?? false }
        }
        switch signal {
        case .clicksAgain: return isWithin(86_400_000)
        case .rapidClicks: return isWithin(60_000)
        case .regularClicks:
            return signals.share(known) { click in
                let gaps = gaps(click)
                return gaps.count > 1 && gaps[0] > 5_000 && abs(gaps[1] - 2 * gaps[0]) * 12 <= gaps[0]
            }
        case .programBursts:
            return signals.share(known) { click in gaps(click, isHere: false).contains { $0 <= 3_000 } }
        case .clicksAfterRival: return signals.share(known, world.isAfterRival)
        default: return nil
        }
    }

    private func heaps(_ signal: FraudSignal) -> NaiveSignals.Share? {
        switch signal {
        case .returningClickDevices: signals.again(clicks.compactMap(\.device))
        case .returningClickAddresses: signals.again(clicks.compactMap(\.ip))
        case .topReferrer:
            signals.heap(clicks.compactMap(\.referrer).map { $0.split(separator: "/")[1].description })
        case .topClickAddress: signals.heap(clicks.compactMap(\.ip))
        case .topClickSubnet: signals.heap(clicks.compactMap(\.subnet))
        case .topClickDevice: signals.heap(clicks.compactMap(\.device))
        case .topClickAgent: signals.heap(clicks.compactMap(\.agent))
        default: nil
        }
    }

    /// Orders of others on devices that had followed the affiliate's link, beside its own.
    private var assists: NaiveSignals.Share {
        let assisted = world.orders.filter { !$0.isRepeated && $0.event.program == signals.program }.reduce(0) {
            let order = $1.event
            let helpers = Set(
                world.lastClicks(of: order.device, before: order.at).filter { $0.program == order.program }
                    .map(\.affiliate))
            return $0
                + helpers.subtracting([order.affiliate]).count { helper in
                    var event = order
                    event.affiliate = helper
                    return signals.isWanted(event)
                }
        }
        return (assisted, assisted + signals.real.count)
    }
}
