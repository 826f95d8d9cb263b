public import Domain
import Events
public import Postgres

/// Something to tell an admin or an affiliate.
public struct NewNotification: Hashable, Sendable {
    /// The same for the same news to the same audience: it is told once.
    public let notificationID: Identifier
    /// The same for the same news, whomever it is told.
    public let eventID: Identifier
    public let audience: NotificationAudience
    /// Whom it is about; nil for what is about no affiliate.
    public let affiliateID: String?
    public let kind: NotificationKind
    public let title: String
    public let body: String
    /// A path of the console; empty where there is nothing to see.
    public let link: String
    /// The same as a JSON object, for programs.
    public let data: String

    /// - Parameter event: what makes it this piece of news among those of its kind.
    public init(
        _ kind: NotificationKind, event: String, audience: NotificationAudience, affiliateID: String?,
        title: String, body: String, link: String, data: String = "{}"
    ) {
        eventID = Identifier(hashing: kind.rawValue, event)
        notificationID = Identifier(hashing: eventID.description, audience.rawValue)
        self.audience = audience
        self.affiliateID = affiliateID
        self.kind = kind
        self.title = title
        self.body = body
        self.link = link
        self.data = data
    }
}

/// The inbox of the console, and what goes out of it.
public enum NotificationStore {
    /// Stores notifications with their deliveries; those that were told before are left as they are.
    ///
    /// An e-mail goes to each user of the audience who did not mute the kind, a webhook to each endpoint that wants it:
    /// once per piece of news, though two audiences are told. An affiliate's endpoint is told what the affiliate is.
    ///
    /// - Returns: how many are new.
    public static func insert(
        _ notifications: [NewNotification], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        guard !notifications.isEmpty else { return 0 }
        // A batch may say the same twice, which no INSERT may; and in one order everywhere, so that two workers wait
        // for each other instead of deadlocking.
        let sorted = Dictionary(notifications.map { ($0.notificationID, $0) }) { first, _ in first }.values
            .sorted { $0.notificationID < $1.notificationID }
        return Int(
            try transaction.query(
                """
                WITH news AS (
                    INSERT INTO notification (notification_id, event_id, audience, affiliate_id, kind, title, body,
                        link, data, created_at)
                    SELECT n.notification_id, n.event_id, n.audience, n.affiliate_id, n.kind, n.title, n.body, n.link,
                        n.data::jsonb, $10
                    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                        $8::text[], $9::text[]) AS n (notification_id, event_id, audience, affiliate_id, kind, title,
                        body, link, data)
                    ON CONFLICT (notification_id) DO NOTHING
                    RETURNING notification_id, event_id, audience, affiliate_id, kind
                ), outgoing AS (
                    INSERT INTO notification_delivery (channel, recipient_id, event_id, notification_id,
                        next_attempt_at, created_at)
                    SELECT 'email', u.user_id, n.event_id, n.notification_id, $10, $10
                    FROM news n JOIN console_user u ON NOT u.disabled AND CASE n.audience
                        WHEN 'admin' THEN u.role <> 'affiliate' ELSE u.affiliate_id = n.affiliate_id END
                    WHERE NOT EXISTS (SELECT FROM notification_mute m
                        WHERE m.user_id = u.user_id AND m.kind = n.kind)
                    UNION ALL
                    SELECT * FROM (SELECT DISTINCT ON (e.webhook_endpoint_id, n.event_id) 'webhook',
                            e.webhook_endpoint_id, n.event_id, n.notification_id, $10, $10
                        FROM news n JOIN webhook_endpoint e ON e.disabled_at IS NULL
                            AND (e.kinds = '{}' OR n.kind = ANY (e.kinds)) AND (e.affiliate_id IS NULL
                                OR (n.audience = 'affiliate' AND n.affiliate_id = e.affiliate_id))
                        ORDER BY e.webhook_endpoint_id, n.event_id, n.audience) AS hook
                    ON CONFLICT (channel, recipient_id, event_id, round) DO NOTHING
                )
                SELECT count(*) FROM news
                """, .uuids(sorted.map(\.notificationID.value)), .uuids(sorted.map(\.eventID.value)),
                .texts(sorted.map(\.audience.rawValue)), .optionalTexts(sorted.map(\.affiliateID)),
                .texts(sorted.map(\.kind.rawValue)), .texts(sorted.map(\.title)), .texts(sorted.map(\.body)),
                .texts(sorted.map(\.link)), .texts(sorted.map(\.data)),
                .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
            ) { row throws(PostgresError) in try row.int8(0) }.first ?? 0)
    }

    /// Forgets what was told long ago, with the log of its deliveries; what still waits for one stays.
    ///
    /// - Returns: how many went.
    static func prune(
        toldBefore moment: Timestamp, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try transaction.run(
            """
            WITH old AS (
                SELECT notification_id FROM notification n
                WHERE created_at < $1 AND NOT EXISTS (
                    SELECT FROM notification_delivery d
                    WHERE d.notification_id = n.notification_id AND d.state = 'waiting')
                ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
            ), sent AS (
                SELECT notification_delivery_id FROM notification_delivery JOIN old USING (notification_id)
            ), unlogged AS (
                DELETE FROM notification_attempt a USING sent s
                WHERE a.notification_delivery_id = s.notification_delivery_id
            ), undelivered AS (
                DELETE FROM notification_delivery d USING sent s
                WHERE d.notification_delivery_id = s.notification_delivery_id
            )
            DELETE FROM notification n USING old WHERE n.notification_id = old.notification_id
            """, .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch), .int8(Int64(limit)))
    }
}
