public import Domain
public import Postgres

/// One thing that somebody did.
public struct AuditEntry: Sendable {
    public let at: Timestamp
    public let actor: String
    /// A verb and its object, as in `approve payout`.
    public let action: String
    /// The id of what was changed.
    public let subject: String
    /// A JSON object.
    public let detail: String

    public init(at: Timestamp, actor: String, action: String, subject: String, detail: String) {
        self.at = at
        self.actor = actor
        self.action = action
        self.subject = subject
        self.detail = detail
    }
}

/// The log of what people and programs changed. Each row's hash covers the row before it, so that a row that was edited
/// or removed breaks the chain behind it.
public enum AuditLog {
    /// Appends within the transaction of the change itself; appends wait for each other until that one ends.
    public static func append(_ entry: AuditEntry, in transaction: borrowing Transaction) throws(PostgresError) {
        _ = try transaction.run(
            "SELECT pg_advisory_xact_lock(hashtextextended('audit_log', 0))")
        _ = try transaction.run(
            """
            WITH previous AS (
                SELECT audit_id, hash FROM audit_log ORDER BY audit_id DESC LIMIT 1
            ), entry AS (
                SELECT COALESCE((SELECT audit_id FROM previous), 0) + 1 AS audit_id,
                    COALESCE((SELECT hash FROM previous), '\\x') AS previous_hash,
                    $1::timestamptz AS at, $2::text AS actor, $3::text AS action, $4::text AS subject,
                    $5::jsonb AS detail
            )
            INSERT INTO audit_log (audit_id, at, actor, action, subject, detail, previous_hash, hash)
            SELECT audit_id, at, actor, action, subject, detail, previous_hash,
                sha256(previous_hash || convert_to(jsonb_build_array(
                    audit_id, (extract(epoch FROM at) * 1000000)::bigint, actor, action, subject, detail)::text,
                    'UTF8'))
            FROM entry
            """, .timestamp(microsecondsSinceEpoch: entry.at.microsecondsSinceEpoch), .text(entry.actor),
            .text(entry.action), .text(entry.subject), .jsonb(entry.detail))
    }

    /// - Returns: the id of the first row whose hash, or whose link to the row before, does not hold; nil: all hold.
    public static func firstBreak(in transaction: borrowing Transaction) throws(PostgresError) -> Int64? {
        try transaction.query(
            """
            SELECT audit_id FROM (
                SELECT audit_id, hash, previous_hash,
                    audit_id <> COALESCE(lag(audit_id) OVER chain, 0) + 1
                        OR previous_hash <> COALESCE(lag(hash) OVER chain, '\\x') AS is_unlinked,
                    sha256(previous_hash || convert_to(jsonb_build_array(
                        audit_id, (extract(epoch FROM at) * 1000000)::bigint, actor, action, subject, detail)::text,
                        'UTF8')) AS expected
                FROM audit_log WINDOW chain AS (ORDER BY audit_id)
            ) AS checked
            WHERE is_unlinked OR hash <> expected ORDER BY audit_id LIMIT 1
            """
        ) { row in try row.int8(0) }.first
    }
}
