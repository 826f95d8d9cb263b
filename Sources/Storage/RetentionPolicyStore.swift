public import Postgres

/// How long what grows with every event is kept.
public enum RetentionPolicyStore {
    /// What a policy is about.
    public enum Subject: String, CaseIterable, Sendable {
        /// Records that were taken in: provenance, and recognising repetitions.
        case event
        case click
        /// Messages that are on their topics.
        case outbox
        /// What people and programs were told, with its deliveries.
        case notification
    }

    /// What a policy cannot be.
    public enum Refusal: Error, Hashable, Sendable {
        /// Fewer days than a table may have.
        case outOfRange
        /// A click must be there for as long as a conversion may name it.
        case shorterThanAttribution(days: Int32)
    }

    public static let keepDaysRange: ClosedRange<Int32> = 31...36_600

    public static func all(in transaction: borrowing Transaction) throws(PostgresError) -> [Subject: Int32] {
        let rows = try transaction.query("SELECT subject, keep_days FROM retention_policy") {
            row throws(PostgresError) in (Subject(rawValue: try row.text(0)), try row.int4(1))
        }
        return rows.reduce(into: [:]) { policies, row in
            if let subject = row.0 { policies[subject] = row.1 }
        }
    }

    /// How long clicks are asked for: the longest window of a programme, and as long as a late one is waited for.
    public static func attributionDays(in transaction: borrowing Transaction) throws(PostgresError) -> Int32 {
        let longest = try transaction.query("SELECT max(attribution_window_days) FROM program") {
            row throws(PostgresError) in try row.int4OrNull(0)
        }
        return ((longest.first ?? nil) ?? 0) + AwaitedClickStore.patienceDays
    }

    /// - Returns: why it cannot be; nil if it is so now.
    public static func set(
        _ subject: Subject, keepDays: Int32, by actor: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Refusal? {
        guard keepDaysRange.contains(keepDays) else { return .outOfRange }
        let needed = try attributionDays(in: transaction)
        if subject == .click, keepDays < needed { return .shorterThanAttribution(days: needed) }
        try transaction.run(
            """
            UPDATE retention_policy SET keep_days = $2, changed_by = $3, changed_at = now() WHERE subject = $1
            """, .text(subject.rawValue), .int4(keepDays), .text(actor))
        return nil
    }
}
