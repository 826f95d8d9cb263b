import Domain
import Events

/// The members of an event record as they stand in its text, for tests to spoil.
struct EventText {
    private var members: [(name: String, value: String)]

    static let click = EventText(members: [
        ("event_id", "\"e-1\""), ("type", "\"click\""), ("occurred_at", "\"2026-03-04T12:00:00Z\""),
        ("program_id", "\"p\""), ("affiliate_id", "\"a\""), ("click_id", "\"c-1\""),
    ])
    static let conversion = EventText(members: [
        ("event_id", "\"e-2\""), ("type", "\"conversion\""), ("occurred_at", "\"2026-03-04T12:00:00Z\""),
        ("program_id", "\"p\""), ("affiliate_id", "\"a\""), ("order_id", "\"o-1\""), ("amount_minor", "1250"),
        ("currency", "\"EUR\""),
    ])
    static let refund = EventText(members: [
        ("event_id", "\"e-3\""), ("type", "\"refund\""), ("occurred_at", "\"2026-03-04T12:00:00Z\""),
        ("program_id", "\"p\""), ("order_id", "\"o-1\""), ("amount_minor", "1250"), ("currency", "\"EUR\""),
    ])

    static func of(_ kind: String) -> EventText {
        switch kind {
        case "click": click
        case "conversion": conversion
        default: refund.with("type", "\"\(kind)\"")
        }
    }

    /// With a member of another value, or of none at all.
    func with(_ name: String, _ value: String?) -> EventText {
        var changed = self
        changed.members.removeAll { $0.name == name }
        if let value { changed.members.append((name, value)) }
        return changed
    }

    var text: String { "{" + members.map { "\"\($0.name)\": \($0.value)" }.joined(separator: ", ") + "}" }

    var bytes: [UInt8] { Array(text.utf8) }

    /// What the reader makes of it.
    var outcome: String { bytes.outcome }
}

extension [UInt8] {
    /// What the reader of `conversions.raw` makes of these bytes: `accepted`, or how and with which code not.
    var outcome: String {
        switch TrackingEventReader.read(self[...]) {
        case .event: "accepted"
        case .rejected(let rejection): "rejected \(rejection.code.rawValue)"
        case .unreadable(let code, _): "dead \(code.rawValue)"
        case .futureSchema(let major): "future \(major)"
        }
    }
}
