public import Domain
public import Postgres

/// A verified notice of a provider, before anything was done about it.
public struct WebhookNotice: Sendable {
    public let provider: String
    public let eventID: String
    /// The connected account that it is about; empty for the platform's own.
    public let account: String
    public let kind: String
    public let objectID: String
    /// As received; of what was asked for as much as is read.
    public let body: [UInt8]
    /// No webhook told of it.
    public let isAskedFor: Bool

    public init(
        provider: String, eventID: String, account: String, kind: String, objectID: String, body: [UInt8],
        isAskedFor: Bool = false
    ) {
        self.provider = provider
        self.eventID = eventID
        self.account = account
        self.kind = kind
        self.objectID = objectID
        self.body = body
        self.isAskedFor = isAskedFor
    }
}

/// The inbox of webhooks: stored before the provider gets its 2xx, applied afterwards.
public enum WebhookInboxStore {
    /// - Returns: how many of the events were not stored before.
    public static func store(
        _ notices: [WebhookNotice], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try transaction.run(
            """
            INSERT INTO webhook_inbox (provider, event_id, account, kind, object_id, body, asked_for, received_at)
            SELECT n.*, $8 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[],
                $7::bool[]) AS n ON CONFLICT (provider, event_id) DO NOTHING
            """, .texts(notices.map(\.provider)), .texts(notices.map(\.eventID)), .texts(notices.map(\.account)),
            .texts(notices.map(\.kind)), .texts(notices.map(\.objectID)), .bytesArray(notices.map(\.body)),
            .bools(notices.map(\.isAskedFor)), .moment(now))
    }

    /// The oldest notices that wait, behind those that were tried in vain.
    public static func waiting(
        provider: String, limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [WebhookNotice] {
        try transaction.query(
            """
            SELECT provider, event_id, account, kind, object_id, body, asked_for FROM webhook_inbox
            WHERE applied_at IS NULL AND provider = $1 AND (try_at IS NULL OR try_at <= $3)
            ORDER BY received_at LIMIT $2
            """, .text(provider), .int8(Int64(limit)), .moment(now)
        ) { row in
            WebhookNotice(
                provider: try row.text(0), eventID: try row.text(1), account: try row.text(2), kind: try row.text(3),
                objectID: try row.text(4), body: try row.bytes(5), isAskedFor: try row.bool(6))
        }
    }

    /// - Parameter result: what was done about them, for a reader of the table.
    public static func markApplied(
        _ eventIDs: [String], provider: String, result: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE webhook_inbox SET applied_at = $3, result = $4
            WHERE provider = $1 AND event_id = ANY ($2::text[]) AND applied_at IS NULL
            """, .text(provider), .texts(eventIDs), .moment(now), .text(result))
    }

    /// Keeps a notice for later, so that one whose object cannot be fetched does not stand before the others.
    public static func postpone(
        _ eventIDs: [String], provider: String, until moment: Timestamp, result: String,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE webhook_inbox SET try_at = $3, result = $4
            WHERE provider = $1 AND event_id = ANY ($2::text[]) AND applied_at IS NULL
            """, .text(provider), .texts(eventIDs), .moment(moment), .text(result))
    }
}
