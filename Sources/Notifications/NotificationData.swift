import Domain
import Events

/// The figures of a notification, for programs.
enum NotificationData {
    static func object(_ members: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        writer.object(members)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension JSONWriter {
    mutating func amounts(_ name: StaticString, _ amounts: [Money]) {
        member(name, amounts) { writer, amount in
            writer.object { writer in
                writer.member("amount_minor", amount.minorUnits)
                writer.member("currency", amount.currency.code)
            }
        }
    }
}

extension Money {
    /// As in `EUR 1234.50`.
    var words: String { "\(currency.code) \(decimal)" }
}
