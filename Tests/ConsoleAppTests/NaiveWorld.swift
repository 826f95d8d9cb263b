import Domain
import Events

/// A world's events read a second and naive time: as lists, from their texts alone.
struct NaiveWorld {
    struct Event {
        let type: String
        let at: Timestamp
        let program: String
        /// Of an order that names a click: the click's.
        var affiliate: String
        /// Clicks, orders and customers are told apart within a programme.
        let click: String?
        let order: String?
        let customer: String?
        let device: String?
        let ip: String?
        let country: String?
        let agent: String?
        let referrer: String?
        let landing: String?
        let coupon: String?
        let amount: Int64
        let isNew: Bool?
        let subID: String?

        var day: Int32 { at.day }
        var milliseconds: Int64 { at.microsecondsSinceEpoch / 1_000 }
        var subnet: String? { ip.map { $0.split(separator: ".").prefix(3).joined(separator: ".") } }
        var isAtNight: Bool {
            let zone = country.flatMap { NaiveWorld.zones[$0] } ?? 0
            let hour = (at.microsecondsSinceEpoch / 60_000_000 + Int64(zone)) / 60 % 24
            return (1..<6).contains(hour)
        }
    }

    /// An order with what came before it.
    struct Order {
        let event: Event
        let clicked: Event?
        let isRepeated: Bool

        var secondsFromClick: Int64 { clicked.map { event.at.seconds(since: $0.at) } ?? 0 }
    }

    private static let zones = Dictionary(
        uniqueKeysWithValues: FraudEvent.timeZones.map { ($0.country, $0.minutes) })

    let clicks: [Event]
    private let clicksByDevice: [String?: [Event]]
    private(set) var orders: [Order] = []
    let losses: [Event]
    let limits: [String: Int64]
    let markets: [String: [String]]

    init(_ lines: [[UInt8]], limits: [String: Int64], markets: [String: [String]]) {
        self.limits = limits
        self.markets = markets
        let events = lines.compactMap(NaiveWorld.event).sorted { $0.at < $1.at }
        clicks = events.filter { $0.type == "click" }
        clicksByDevice = Dictionary(grouping: clicks, by: \.device)
        losses = events.filter { $0.type == "refund" || $0.type == "chargeback" }
        let byID = Dictionary(clicks.map { ($0.click ?? "", $0) }) { first, _ in first }
        var seen: Set<String> = []
        for var event in events where event.type == "conversion" {
            let clicked = event.click.flatMap { byID[$0] }.flatMap { $0.at <= event.at ? $0 : nil }
            event.affiliate = clicked?.affiliate ?? event.affiliate
            let isRepeated = !seen.insert(event.order ?? "").inserted
            orders.append(Order(event: event, clicked: clicked, isRepeated: isRepeated))
        }
    }

    private static func event(_ line: [UInt8]) -> Event? {
        guard let tree = JSONTree(line[...]), let at = tree["occurred_at"]?.string.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        func text(_ name: String) -> String? { tree[name]?.string }
        let program = text("program_id") ?? ""
        func own(_ name: String) -> String? { text(name).map { program + " " + $0 } }
        return Event(
            type: text("type") ?? "", at: at, program: program, affiliate: text("affiliate_id") ?? "",
            click: own("click_id"), order: own("order_id"), customer: own("customer_id"), device: text("device_id"),
            ip: text("ip"), country: text("country"), agent: text("user_agent"), referrer: text("referrer"),
            landing: text("landing_url"), coupon: own("coupon"), amount: tree["amount_minor"]?.integer ?? 0,
            isNew: tree["is_new_customer"]?.bool, subID: text("sub_id"))
    }

    /// Orders before this one with the same key, the newest last.
    func before(_ order: Order, _ key: (Event) -> String?) -> [Order] {
        guard let own = key(order.event) else { return [] }
        return orders.filter { other in
            !other.isRepeated && key(other.event) == own && other.event.at < order.event.at
                && other.event.order != order.event.order
        }
    }

    /// The last four clicks of a device before a moment, the newest first: as many as the engine remembers.
    func lastClicks(of device: String?, before at: Timestamp) -> [Event] {
        guard let device else { return [] }
        return (clicksByDevice[device] ?? []).filter { $0.at < at }.suffix(4).reversed()
    }

    /// Whether the device had followed another affiliate's link to the same shop within an hour.
    func isAfterRival(_ click: Event) -> Bool {
        lastClicks(of: click.device, before: click.at).contains {
            $0.program == click.program && $0.affiliate != click.affiliate
                && click.milliseconds - $0.milliseconds <= 3_600_000
        }
    }
}
