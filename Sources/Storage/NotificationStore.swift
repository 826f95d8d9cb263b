public import Domain
public import Postgres

/// Something to tell an admin or an affiliate.
public struct NewNotification: Hashable, Sendable {
    public enum Audience: String, Sendable {
        case admin, affiliate
    }

    /// The same for the same news to the same audience: it is told once.
    public let notificationID: Identifier
    public let audience: Audience
    /// Whom it is about.
    public let affiliateID: String
    public let kind: String
    public let title: String
    public let body: String
    /// A path of the console; empty where there is nothing to see.
    public let link: String

    public init(
        notificationID: Identifier, audience: Audience, affiliateID: String, kind: String, title: String, body: String,
        link: String
    ) {
        self.notificationID = notificationID
        self.audience = audience
        self.affiliateID = affiliateID
        self.kind = kind
        self.title = title
        self.body = body
        self.link = link
    }
}

/// The inbox of the console.
public enum NotificationStore {
    /// Stores notifications; those that were told before are left as they are.
    ///
    /// - Returns: how many are new.
    public static func insert(
        _ notifications: [NewNotification], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        guard !notifications.isEmpty else { return 0 }
        // In one order everywhere, so that two workers wait for each other instead of deadlocking.
        let sorted = notifications.sorted { $0.notificationID < $1.notificationID }
        return try transaction.run(
            """
            INSERT INTO notification (notification_id, audience, affiliate_id, kind, title, body, link, created_at)
            SELECT n.*, $8
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[]) AS n
            ON CONFLICT (notification_id) DO NOTHING
            """, .uuids(sorted.map(\.notificationID.value)), .texts(sorted.map(\.audience.rawValue)),
            .texts(sorted.map(\.affiliateID)), .texts(sorted.map(\.kind)), .texts(sorted.map(\.title)),
            .texts(sorted.map(\.body)), .texts(sorted.map(\.link)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }
}
