import Events
import Postgres

/// A change of a programme's terms, from the audit log.
struct LimitChangeRow: Sendable {
    private static let rowsMaximum = 50

    let at: String
    let actor: String
    /// As in `daily_limit_minor: none → 500000`.
    let changes: [String]

    /// The newest first.
    static func list(
        of programID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [LimitChangeRow] {
        try transaction.query(
            """
            SELECT at, actor, detail::text FROM audit_log WHERE subject = $1 AND action = 'change program'
            ORDER BY audit_id DESC LIMIT $2
            """, .text(programID), .int8(Int64(rowsMaximum))
        ) { row in
            LimitChangeRow(
                at: try row.moment(0), actor: try row.text(1), changes: changes(in: try row.text(2)))
        }
    }

    private static func changes(in detail: String) -> [String] {
        guard case .object(let members) = JSONTree(Array(detail.utf8)[...]) else { return [] }
        return members.sorted { $0.key < $1.key }.map { name, change in
            "\(name): \(words(change["from"])) → \(words(change["to"]))"
        }
    }

    private static func words(_ value: JSONTree?) -> String {
        guard let value, value != .null else { return "none" }
        var writer = JSONWriter()
        writer.tree(value)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
