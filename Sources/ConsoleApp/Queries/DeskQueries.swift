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
}
