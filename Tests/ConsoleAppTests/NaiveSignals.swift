import Domain
import Events

/// A second and naive way to count what signals measure: over lists of raw events, one event after the other, from the
/// words of the sentences alone.
struct NaiveSignals {
    struct Event {
        let type: String
        let at: Timestamp
        let program: String
        let affiliate: String
        let click: String?
        let order: String?
        let customer: String?
        let device: String?
        let ip: String?
        let country: String?
        let agent: String?
        let amount: Int64
        let isNew: Bool?
        let subID: String?

        var day: Int32 { at.day }
        var subnet: String? { ip.map { $0.split(separator: ".").prefix(3).joined(separator: ".") } }
    }

    /// An order with what came before it.
    struct Order {
        let event: Event
        let clicked: Event?
        let isRepeated: Bool
    }

    private(set) var clicks: [Event] = []
    private(set) var orders: [Order] = []
    private(set) var losses: [Event] = []
    private let limits: [String: Int64]
    private let markets: [String: [String]]

    init(_ lines: [[UInt8]], limits: [String: Int64], markets: [String: [String]]) {
        self.limits = limits
        self.markets = markets
        let events = lines.compactMap { NaiveSignals.event($0) }
        clicks = events.filter { $0.type == "click" }
        losses = events.filter { $0.type == "refund" || $0.type == "chargeback" }
        let byID = Dictionary(clicks.map { ($0.program + " " + ($0.click ?? ""), $0) }) { first, _ in first }
        var seen: Set<String> = []
        for event in events where event.type == "conversion" {
            let clicked = event.click.flatMap { byID[event.program + " " + $0] }.flatMap {
                $0.at <= event.at ? $0 : nil
            }
            let isRepeated = !seen.insert(event.program + " " + (event.order ?? "")).inserted
            orders.append(Order(event: event, clicked: clicked, isRepeated: isRepeated))
        }
    }

    private static func event(_ line: [UInt8]) -> Event? {
        guard let tree = JSONTree(line[...]), let at = tree["occurred_at"]?.string.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        func text(_ name: String) -> String? { tree[name]?.string }
        return Event(
            type: text("type") ?? "", at: at, program: text("program_id") ?? "", affiliate: text("affiliate_id") ?? "",
            click: text("click_id"), order: text("order_id"), customer: text("customer_id"), device: text("device_id"),
            ip: text("ip"), country: text("country"), agent: text("user_agent"),
            amount: tree["amount_minor"]?.integer ?? 0, isNew: tree["is_new_customer"]?.bool, subID: text("sub_id"))
    }

    /// k and n of a signal over some of the events in a programme.
    ///
    /// - Returns: the pairs that the sentence may mean (where it says "unusually soon", one for each line that may be
    ///   drawn); nil for a signal that this does not know.
    func counts(
        _ signal: FraudSignal, _ program: String, of isWanted: (Event) -> Bool
    ) -> [(k: Int, n: Int)]? {
        let own = orders.filter { $0.event.program == program && isWanted($0.event) }
        let real = own.filter { !$0.isRepeated }
        let clicked = real.filter { $0.clicked != nil }
        func share(_ of: [Order], _ isCounted: (Order) -> Bool) -> [(k: Int, n: Int)] {
            [(of.filter(isCounted).count, of.count)]
        }
        func soonerThan(_ seconds: Int64) -> (k: Int, n: Int) {
            (clicked.filter { gap($0) < seconds }.count, clicked.count)
        }
        switch signal {
        case .fastOrders: return [2, 5, 15, 60, 300].map(soonerThan)
        case .instantOrders: return [soonerThan(5)]
        case .slowOrders:
            return DayCell.timeEdges.map { (clicked.count - soonerThan($0).k, clicked.count) }
        case .dayLateOrders: return [(clicked.count - soonerThan(86_400).k, clicked.count)]
        case .unknownClicks: return share(real.filter { $0.event.click != nil }) { $0.clicked == nil }
        case .missingClicks: return share(real) { $0.event.click == nil }
        case .usedClicks: return share(clicked) { !before($0) { $0.click }.isEmpty }
        case .foreignClicks: return share(clicked) { isForeign($0) }
        case .otherDevices: return differing(clicked) { $0.device }
        case .otherNetworks: return differing(clicked) { $0.subnet }
        case .otherCountries: return differing(clicked) { $0.country }
        case .newCustomers: return share(real.filter { $0.event.isNew != nil }) { $0.event.isNew == true }
        case .returningCustomers: return share(real.filter { $0.event.isNew != nil }) { $0.event.isNew == false }
        case .nearLimitOrders:
            guard let limit = limits[program] else { return nil }
            let near = real.filter { $0.event.amount >= limit - limit / 10 && $0.event.amount < limit }.count
            return repetitions(real).map { (max(0, near - $0), real.count) }
        case .repeatedOrders: return share(own) { $0.isRepeated }
        case .offMarketOrders:
            return share(real.filter { $0.event.country != nil }) { order in
                !(markets[program] ?? []).contains(order.event.country ?? "")
            }
        case .refunds: return share(real) { lost($0, "refund") }
        case .chargebacks: return share(real) { lost($0, "chargeback") }
        default: return devices(signal, real) ?? heaps(signal, real) ?? ofClicks(signal, program, real, isWanted)
        }
    }

    /// How often the commonest amount was repeated; of four weeks the engine knows the amounts of the last two alone,
    /// of which it takes as many for the rest.
    private func repetitions(_ real: [Order]) -> Set<Int> {
        let days = Set(real.map(\.event.at.day))
        return Set(
            days.map { day in
                let known = real.filter { $0.event.at.day >= day }
                let top = Dictionary(known.map { ($0.event.amount, 1) }, uniquingKeysWith: +).values.max() ?? 1
                return Int((Double((top - 1) * real.count) / Double(known.count)).rounded())
            })
    }

    private func gap(_ order: Order) -> Int64 { order.clicked.map { order.event.at.seconds(since: $0.at) } ?? 0 }

    /// Orders before this one with the same key, of the whole programme or world.
    private func before(_ order: Order, _ key: (Event) -> String?) -> [Order] {
        guard let own = key(order.event) else { return [] }
        return orders.filter { other in
            !other.isRepeated && key(other.event) == own && NaiveSignals.precedes(other.event, order.event)
        }
    }

    private static func precedes(_ left: Event, _ right: Event) -> Bool {
        left.at < right.at && left.order != right.order
    }

    private func isForeign(_ order: Order) -> Bool {
        guard let first = before(order, { $0.click }).first?.event else { return false }
        return (order.event.customer ?? order.event.device) != (first.customer ?? first.device)
    }

    private func differing(_ clicked: [Order], _ key: (Event) -> String?) -> [(k: Int, n: Int)] {
        let both = clicked.filter { key($0.event) != nil && $0.clicked.flatMap(key) != nil }
        return [(both.filter { key($0.event) != $0.clicked.flatMap(key) }.count, both.count)]
    }

    private func lost(_ order: Order, _ type: String) -> Bool {
        losses.contains { $0.type == type && $0.order == order.event.order && $0.program == order.event.program }
    }

    private func devices(_ signal: FraudSignal, _ real: [Order]) -> [(k: Int, n: Int)]? {
        let known = real.filter { $0.event.device != nil }
        func others(_ order: Order) -> Bool {
            order.event.customer != nil
                && before(order) { $0.device }.contains {
                    $0.event.customer != nil && $0.event.customer != order.event.customer
                }
        }
        switch signal {
        case .sharedDevices: return [(known.filter(others).count, known.count)]
        case .newOnUsedDevices:
            return [(known.filter { others($0) && $0.event.isNew == true }.count, known.count)]
        case .rivalDevices:
            let rivals = known.filter { order in
                before(order) { $0.device }.contains { $0.event.affiliate != order.event.affiliate }
            }
            return [(rivals.count, known.count)]
        default: return nil
        }
    }

    /// Events beyond the first of one key, or of all keys.
    private func heaps(_ signal: FraudSignal, _ real: [Order]) -> [(k: Int, n: Int)]? {
        let keys: [String]
        switch signal {
        case .topOrderAddress, .reorderingAddresses: keys = real.compactMap(\.event.ip)
        case .topOrderSubnet: keys = real.compactMap(\.event.subnet)
        case .topOrderDevice, .reorderingDevices: keys = real.compactMap(\.event.device)
        case .topCustomer: keys = real.compactMap(\.event.customer)
        case .topOrderAgent: keys = real.compactMap(\.event.agent)
        case .topAmount: keys = real.map { String($0.event.amount) }
        case .topSubID: keys = real.compactMap(\.event.subID)
        default: return nil
        }
        let heaps = Dictionary(grouping: keys, by: \.self).mapValues(\.count)
        if [.reorderingAddresses, .reorderingDevices].contains(signal) {
            return [(keys.count - heaps.count, keys.count)]
        }
        return [(max(0, (heaps.values.max() ?? 0) - 1), max(0, keys.count - 1))]
    }

    private func ofClicks(
        _ signal: FraudSignal, _ program: String, _ real: [Order], _ isWanted: (Event) -> Bool
    ) -> [(k: Int, n: Int)]? {
        let own = clicks.filter { $0.program == program && isWanted($0) }
        switch signal {
        case .lowConversion, .highConversion: return [(min(real.count, own.count), own.count)]
        default: return nil
        }
    }
}
