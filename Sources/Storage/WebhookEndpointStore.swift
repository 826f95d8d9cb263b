import Crypto
public import Domain
import Foundation
public import Postgres

/// Where programs of others are told what happened.
public enum WebhookEndpointStore {
    /// Deliveries that one replay may make.
    public static let replayMaximum = 10_000
    /// Endpoints that one affiliate may have.
    public static let endpointsOfAffiliateMaximum = 5

    /// A new secret, of 32 random bytes.
    public static func makeSecret() -> [UInt8] {
        SymmetricKey(size: .bits256).withUnsafeBytes(Array.init)
    }

    /// The secret as the libraries of Standard Webhooks take it.
    public static func text(of secret: [UInt8]) -> String {
        "whsec_" + Data(secret).base64EncodedString()
    }

    /// - Parameters:
    ///   - kinds: what it wants; none: everything that it may be told.
    ///   - affiliateID: whose it is, which is told of nobody else; nil: the company's.
    /// - Returns: its id; nil if the affiliate has as many as it may have.
    public static func add(
        url: String, kinds: [NotificationKind], secret: [UInt8], of affiliateID: String? = nil, by actor: String,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int64? {
        // One after another, so that two at once are not one too many.
        if let affiliateID { try AffiliateStore.lock(affiliateID, in: transaction) }
        return try transaction.query(
            """
            INSERT INTO webhook_endpoint (url, kinds, secret, affiliate_id, created_by, created_at)
            SELECT $1, $2, $3, $4::text, $5, $6 WHERE $4::text IS NULL
                OR (SELECT count(*) FROM webhook_endpoint WHERE affiliate_id = $4) < $7
            RETURNING webhook_endpoint_id
            """, .text(url), .texts(kinds.map(\.rawValue)), .bytes(secret), .optionalText(affiliateID), .text(actor),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .int8(Int64(endpointsOfAffiliateMaximum))
        ) { row throws(PostgresError) in try row.int8(0) }.first
    }

    /// Stops an endpoint. What waits for it is given up; a replay brings it back.
    ///
    /// - Parameter affiliateID: who asks, about its own alone; nil: the company.
    /// - Returns: false if there is none.
    public static func stop(
        _ id: Int64, of affiliateID: String? = nil, reason: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        let found = try transaction.run(
            """
            UPDATE webhook_endpoint SET disabled_reason = $2, disabled_at = COALESCE(disabled_at, $3)
            WHERE webhook_endpoint_id = $1 AND ($4::text IS NULL OR affiliate_id = $4)
            """, .int8(id), .text(reason), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch),
            .optionalText(affiliateID))
        guard found == 1 else { return false }
        _ = try transaction.run(
            """
            UPDATE notification_delivery SET state = 'failed', next_attempt_at = NULL
            WHERE channel = 'webhook' AND recipient_id = $1 AND state = 'waiting'
            """, .int8(id))
        return true
    }

    /// Lets an endpoint be told again, as if it had never failed.
    ///
    /// - Parameter affiliateID: who asks, about its own alone; nil: the company.
    /// - Returns: false if there is none.
    public static func resume(
        _ id: Int64, of affiliateID: String? = nil, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        let found = try transaction.run(
            """
            UPDATE webhook_endpoint SET disabled_reason = NULL, disabled_at = NULL, failures_in_a_row = 0
            WHERE webhook_endpoint_id = $1 AND ($2::text IS NULL OR affiliate_id = $2)
            """, .int8(id), .optionalText(affiliateID))
        return found == 1
    }

    /// Sends an endpoint again what happened from a moment on, under the same ids, the oldest first.
    ///
    /// - Parameter affiliateID: who asks, about its own alone; nil: the company.
    /// - Returns: how many deliveries that makes; nil if there is no such endpoint, or a disabled one.
    public static func replay(
        _ id: Int64, of affiliateID: String? = nil, from moment: Timestamp, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int? {
        let exists = try transaction.query(
            """
            SELECT FROM webhook_endpoint WHERE webhook_endpoint_id = $1 AND disabled_at IS NULL
                AND ($2::text IS NULL OR affiliate_id = $2) FOR UPDATE
            """, .int8(id), .optionalText(affiliateID)
        ) { _ throws(PostgresError) in true }
        guard !exists.isEmpty else { return nil }
        return try transaction.run(
            """
            INSERT INTO notification_delivery (channel, recipient_id, event_id, notification_id, round,
                next_attempt_at, created_at)
            SELECT 'webhook', $1, n.event_id, n.notification_id, 1 + (SELECT COALESCE(max(round), -1)
                FROM notification_delivery d
                WHERE d.channel = 'webhook' AND d.recipient_id = $1 AND d.event_id = n.event_id), $3, $3
            FROM (SELECT DISTINCT ON (n.event_id) n.event_id, n.notification_id, n.created_at
                FROM notification n JOIN webhook_endpoint e ON e.webhook_endpoint_id = $1
                    AND (e.kinds = '{}' OR n.kind = ANY (e.kinds)) AND (e.affiliate_id IS NULL
                        OR (n.audience = 'affiliate' AND n.affiliate_id = e.affiliate_id))
                WHERE n.created_at >= $2 ORDER BY n.event_id, n.audience) AS n
            ORDER BY n.created_at LIMIT $4
            """, .int8(id), .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .int8(Int64(replayMaximum)))
    }
}
