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

/// Whether a kind of notification also comes by e-mail.
struct NotificationPreference: Encodable, Sendable {
    let kind: String
    let label: String
    let email: Bool
}

/// The inboxes: one of the admins together, and one of each affiliate.
enum NotificationQueries {
    /// - Parameter affiliateID: whose inbox; nil: that of the admins.
    /// - Returns: up to one row more than `limit`, newest first.
    static func list(
        of affiliateID: String?, limit: Int, cursor: Cursor?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [NotificationRow] {
        try transaction.query(
            """
            SELECT notification_id, affiliate_id, kind, title, body, link, created_at, read_at
            FROM notification
            WHERE CASE WHEN $1::text IS NULL THEN audience = 'admin'
                    ELSE audience = 'affiliate' AND affiliate_id = $1 END
                AND ($2::timestamptz IS NULL
                    OR (date_trunc('milliseconds', created_at), notification_id) < ($2, $3::uuid))
            ORDER BY date_trunc('milliseconds', created_at) DESC, notification_id DESC LIMIT $4
            """, .optionalText(affiliateID),
            .optionalTimestamp(cursor.flatMap { Timestamp(rfc3339: $0.fields[0]) }?.microsecondsSinceEpoch),
            .optionalUUID(cursor.flatMap { Identifier(text: $0.fields[1]) }?.value), .int8(Int64(limit) + 1)
        ) { row in
            NotificationRow(
                notificationId: try row.identifier(0), affiliateId: try row.textOrNull(1), kind: try row.text(2),
                title: try row.text(3), body: try row.text(4), link: try row.text(5), createdAt: try row.moment(6),
                readAt: try row.momentOrNull(7))
        }
    }

    static func unread(of affiliateID: String?, in transaction: borrowing Transaction) throws(PostgresError) -> Int64 {
        try transaction.query(
            """
            SELECT count(*) FROM notification WHERE read_at IS NULL AND CASE WHEN $1::text IS NULL
                THEN audience = 'admin' ELSE audience = 'affiliate' AND affiliate_id = $1 END
            """, .optionalText(affiliateID)
        ) { row in try row.int8(0) }.first ?? 0
    }

    static func markRead(
        of affiliateID: String?, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try transaction.run(
            """
            UPDATE notification SET read_at = $2 WHERE read_at IS NULL AND created_at <= $2
                AND CASE WHEN $1::text IS NULL THEN audience = 'admin'
                    ELSE audience = 'affiliate' AND affiliate_id = $1 END
            """, .optionalText(affiliateID), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }

    /// What a user may be told of, and what of it comes by e-mail.
    static func preferences(
        of session: Session, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [NotificationPreference] {
        let muted = Set(
            try transaction.query(
                "SELECT kind FROM notification_mute WHERE user_id = $1", .int8(session.userID)
            ) { row throws(PostgresError) in try row.text(0) })
        return session.notificationKinds.map {
            NotificationPreference(kind: $0.rawValue, label: $0.label, email: !muted.contains($0.rawValue))
        }
    }

    /// - Parameter muted: all that does not come by e-mail from now on.
    static func mute(
        _ muted: [NotificationKind], for session: Session, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            WITH unmuted AS (DELETE FROM notification_mute WHERE user_id = $1 AND kind <> ALL ($2::text[]))
            INSERT INTO notification_mute (user_id, kind) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING
            """, .int8(session.userID), .texts(muted.map(\.rawValue)))
    }
}

extension Session {
    /// What its user may be told of.
    var notificationKinds: [NotificationKind] {
        NotificationKind.allCases.filter { $0.concerns(affiliateID == nil ? .admin : .affiliate) }
    }
}
