import Domain
import Postgres

/// Something that people should know.
struct NotificationRow: Encodable, Sendable {
    let notificationId: String
    let affiliateId: String?
    let kind: String
    let title: String
    let body: String
    let link: String
    let createdAt: String
    let readAt: String?

    var cursor: Cursor { Cursor(createdAt, notificationId) }
}

/// A suspicion about an affiliate.
struct FraudFlagRow: Encodable, Sendable {
    let fraudFlagId: Int64
    let affiliateId: String
    let affiliateName: String
    let code: Int32
    let sentence: String
    let occurrences: Int64
    let measured: String
    let status: String
    let decidedBy: String?
    let openedAt: String
    let lastSeenAt: String

    var cursor: Cursor { Cursor(String(fraudFlagId)) }
}

/// What waits on the desks of the admins.
enum DeskQueries {
    /// - Returns: up to one row more than `limit`, newest first, of those meant for admins.
    static func notifications(
        limit: Int, cursor: Cursor?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [NotificationRow] {
        try transaction.query(
            """
            SELECT notification_id, affiliate_id, kind, title, body, link, created_at, read_at
            FROM notification
            WHERE audience = 'admin' AND ($1::timestamptz IS NULL
                OR (date_trunc('milliseconds', created_at), notification_id) < ($1, $2::uuid))
            ORDER BY date_trunc('milliseconds', created_at) DESC, notification_id DESC LIMIT $3
            """, .optionalTimestamp(cursor.flatMap { Timestamp(rfc3339: $0.fields[0]) }?.microsecondsSinceEpoch),
            .optionalUUID(cursor.flatMap { Identifier(text: $0.fields[1]) }?.value), .int8(Int64(limit) + 1)
        ) { row in
            NotificationRow(
                notificationId: try row.identifier(0), affiliateId: try row.textOrNull(1), kind: try row.text(2),
                title: try row.text(3), body: try row.text(4), link: try row.text(5), createdAt: try row.moment(6),
                readAt: try row.momentOrNull(7))
        }
    }

    static func unreadNotifications(in transaction: borrowing Transaction) throws(PostgresError) -> Int64 {
        try transaction.query(
            "SELECT count(*) FROM notification WHERE audience = 'admin' AND read_at IS NULL"
        ) { row in try row.int8(0) }.first ?? 0
    }

    static func markNotificationsRead(
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try transaction.run(
            "UPDATE notification SET read_at = $1 WHERE audience = 'admin' AND read_at IS NULL AND created_at <= $1",
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }

    /// - Parameter status: nil for all.
    /// - Returns: up to one row more than `limit`, newest first.
    static func fraudFlags(
        status: String?, limit: Int, cursor: Cursor?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudFlagRow] {
        try transaction.query(
            """
            SELECT f.fraud_flag_id, f.affiliate_id, COALESCE(a.name, f.affiliate_id), f.code, f.occurrences, f.measured,
                f.status, f.decided_by, f.opened_at, f.last_seen_at
            FROM fraud_flag f LEFT JOIN affiliate a USING (affiliate_id)
            WHERE ($1::text IS NULL OR f.status = $1) AND ($2::bigint IS NULL OR f.fraud_flag_id < $2)
            ORDER BY f.fraud_flag_id DESC LIMIT $3
            """, .optionalText(status), .optionalInt8(cursor.flatMap { Int64($0.fields[0]) }), .int8(Int64(limit) + 1)
        ) { row in
            let code = try row.int4(3)
            return FraudFlagRow(
                fraudFlagId: try row.int8(0), affiliateId: try row.text(1), affiliateName: try row.text(2), code: code,
                sentence: ReasonCode(rawValue: code)?.sentence ?? "Unknown reason code.", occurrences: try row.int8(4),
                measured: try row.text(5), status: try row.text(6), decidedBy: try row.textOrNull(7),
                openedAt: try row.moment(8), lastSeenAt: try row.moment(9))
        }
    }
}
