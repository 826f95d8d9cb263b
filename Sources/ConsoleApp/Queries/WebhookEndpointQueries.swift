import Domain
import Postgres

/// An endpoint of others, without its secret.
struct WebhookEndpointRow: Encodable, Sendable {
    let webhookEndpointId: Int64
    let url: String
    /// None: all of them.
    let kinds: [String]
    /// Whose it is; nil: the company's.
    let affiliateId: String?
    let createdBy: String
    let createdAt: String
    let failuresInARow: Int32
    let disabledAt: String?
    let disabledReason: String?
}

/// A line of the delivery log.
struct WebhookDeliveryRow: Encodable, Sendable {
    let deliveryId: Int64
    let eventId: String
    let kind: String
    let state: String
    let attempts: Int32
    let createdAt: String
    let nextAttemptAt: String?
    let lastAttemptAt: String?
    let lastStatus: Int32?
    let lastError: String?

    var cursor: Cursor { Cursor(String(deliveryId)) }
}

enum WebhookEndpointQueries {
    static let endpointsMaximum: Int64 = 100

    /// - Parameter affiliateID: whose they are; nil: everybody's.
    static func list(
        of affiliateID: String?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [WebhookEndpointRow] {
        try transaction.query(
            """
            SELECT webhook_endpoint_id, url, kinds, created_by, created_at, failures_in_a_row, disabled_at,
                disabled_reason, affiliate_id
            FROM webhook_endpoint WHERE $2::text IS NULL OR affiliate_id = $2 ORDER BY webhook_endpoint_id LIMIT $1
            """, .int8(endpointsMaximum), .optionalText(affiliateID)
        ) { row throws(PostgresError) in
            WebhookEndpointRow(
                webhookEndpointId: try row.int8(0), url: try row.text(1), kinds: try row.texts(2),
                affiliateId: try row.textOrNull(8), createdBy: try row.text(3), createdAt: try row.moment(4),
                failuresInARow: try row.int4(5),
                disabledAt: try row.momentOrNull(6), disabledReason: try row.textOrNull(7))
        }
    }

    /// - Parameters:
    ///   - endpointID: nil: of all endpoints.
    ///   - affiliateID: of whose endpoints; nil: of everybody's.
    /// - Returns: up to one row more than `limit`, newest first.
    static func deliveries(
        of endpointID: Int64?, for affiliateID: String?, limit: Int, cursor: Cursor?,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [WebhookDeliveryRow] {
        try transaction.query(
            """
            SELECT d.notification_delivery_id, d.event_id, n.kind, d.state, d.attempts, d.created_at, d.next_attempt_at,
                a.at, a.status, a.error
            FROM notification_delivery d JOIN notification n USING (notification_id)
            LEFT JOIN LATERAL (SELECT at, status, error FROM notification_attempt a
                WHERE a.notification_delivery_id = d.notification_delivery_id
                ORDER BY attempt_number DESC LIMIT 1) AS a ON true
            WHERE d.channel = 'webhook' AND ($1::bigint IS NULL OR d.recipient_id = $1)
                AND ($2::bigint IS NULL OR d.notification_delivery_id < $2)
                AND ($4::text IS NULL OR d.recipient_id IN (
                    SELECT webhook_endpoint_id FROM webhook_endpoint WHERE affiliate_id = $4))
            ORDER BY d.notification_delivery_id DESC LIMIT $3
            """, endpointID.map { .int8($0) } ?? .null,
            cursor.flatMap { Int64($0.fields[0]) }.map { .int8($0) } ?? .null, .int8(Int64(limit) + 1),
            .optionalText(affiliateID)
        ) { row throws(PostgresError) in
            WebhookDeliveryRow(
                deliveryId: try row.int8(0), eventId: try row.identifier(1), kind: try row.text(2),
                state: try row.text(3), attempts: try row.int4(4), createdAt: try row.moment(5),
                nextAttemptAt: try row.momentOrNull(6), lastAttemptAt: try row.momentOrNull(7),
                lastStatus: try row.int4OrNull(8), lastError: try row.textOrNull(9))
        }
    }
}
