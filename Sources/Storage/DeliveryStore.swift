public import Domain
public import Postgres

/// A notification on its way to one recipient.
public struct Delivery: Sendable {
    public enum Recipient: Sendable {
        case mailbox(address: String, name: String)
        /// The mailbox of somebody who may not use the console any more.
        case closedMailbox
        /// - Parameter secret: signs what is sent.
        case endpoint(id: Int64, url: String, secret: [UInt8])
    }

    public let deliveryID: Int64
    /// Of the attempt that is under way, from 1.
    public let attempt: Int
    public let recipient: Recipient
    public let eventID: Identifier
    public let kind: String
    public let title: String
    public let body: String
    public let link: String
    /// A JSON object.
    public let data: String
    /// When it was told first.
    public let at: Timestamp
}

/// What goes out to mailboxes and endpoints, with its log.
public enum DeliveryStore {
    /// An endpoint that failed so often, without a success in between, is not asked any more.
    public static let failuresInARowMaximum: Int32 = 20
    /// While an attempt is under way nobody repeats it; after this long its process is taken for dead.
    public static let leaseSeconds: Int64 = 300

    /// Takes deliveries that are due. An attempt counts from here, before anything is sent: a process that dies between
    /// sending and recording makes a repetition, which carries the same id.
    public static func claim(
        limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Delivery] {
        try transaction.query(
            """
            WITH due AS (
                SELECT notification_delivery_id FROM notification_delivery
                WHERE state = 'waiting' AND next_attempt_at <= $1
                ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
            ), claimed AS (
                UPDATE notification_delivery d SET attempts = attempts + 1, next_attempt_at = $3
                FROM due WHERE d.notification_delivery_id = due.notification_delivery_id
                RETURNING d.*
            )
            SELECT c.notification_delivery_id, c.attempts, u.email, u.name, e.webhook_endpoint_id, e.url, e.secret,
                c.event_id, n.kind, n.title, n.body, n.link, n.data, n.created_at, COALESCE(u.disabled, false)
            FROM claimed c JOIN notification n USING (notification_id)
            LEFT JOIN console_user u ON c.channel = 'email' AND u.user_id = c.recipient_id
            LEFT JOIN webhook_endpoint e ON c.channel = 'webhook' AND e.webhook_endpoint_id = c.recipient_id
            ORDER BY c.notification_delivery_id
            """, .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .int8(Int64(limit)),
            .timestamp(microsecondsSinceEpoch: now.adding(seconds: leaseSeconds).microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            let recipient: Delivery.Recipient =
                if try row.bool(14) {
                    .closedMailbox
                } else if let address = try row.textOrNull(2) {
                    .mailbox(address: address, name: try row.text(3))
                } else {
                    .endpoint(id: try row.int8(4), url: try row.text(5), secret: try row.bytes(6))
                }
            return Delivery(
                deliveryID: try row.int8(0), attempt: Int(try row.int4(1)), recipient: recipient,
                eventID: Identifier(try row.uuid(7)), kind: try row.text(8), title: try row.text(9),
                body: try row.text(10), link: try row.text(11), data: try row.json(12),
                at: Timestamp(microsecondsSinceEpoch: try row.timestamp(13)))
        }
    }

    /// Records how attempts ended: in the log, in the deliveries, and in the endpoints' count of failures.
    public static func settle(
        _ ended: [(delivery: Delivery, result: DeliveryResult)], at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !ended.isEmpty else { return }
        let moment = PostgresValue.timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        let fates = ended.map { $0.result.fate(after: $0.delivery.attempt) }
        // An attempt that outlived its lease was repeated: the repetition decides.
        _ = try transaction.run(
            """
            WITH ended AS (
                SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::text[])
                    AS e (id, attempt, state, pause, status, error)
            ), logged AS (
                INSERT INTO notification_attempt (notification_delivery_id, attempt_number, at, status, error)
                SELECT id, attempt, $7, status::int, error FROM ended
                ON CONFLICT (notification_delivery_id, attempt_number) DO NOTHING
            )
            UPDATE notification_delivery d
            SET state = e.state,
                next_attempt_at = CASE WHEN e.state = 'waiting' THEN $7 + e.pause * interval '1 second' END
            FROM ended e
            WHERE d.notification_delivery_id = e.id AND d.attempts = e.attempt AND d.state = 'waiting'
            """, .int8s(ended.map(\.delivery.deliveryID)), .int4s(ended.map { Int32($0.delivery.attempt) }),
            .texts(fates.map(\.state)), .int8s(fates.map(\.pauseSeconds)),
            .optionalInt8s(ended.map { $0.result.status.map(Int64.init) }), .optionalTexts(ended.map(\.result.error)),
            moment)
        try count(ended, at: moment, in: transaction)
    }

    private static func count(
        _ ended: [(delivery: Delivery, result: DeliveryResult)], at moment: PostgresValue,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        var (ids, succeeded, gone) = ([Int64](), [Bool](), [Bool]())
        for (delivery, result) in ended {
            guard case .endpoint(let id, _, _) = delivery.recipient else { continue }
            ids.append(id)
            succeeded.append(result.error == nil)
            gone.append(result.isGone)
        }
        guard !ids.isEmpty else { return }
        _ = try transaction.run(
            """
            WITH counted AS (
                SELECT id, count(*) FILTER (WHERE NOT succeeded) AS failures, bool_or(succeeded) AS succeeded,
                    bool_or(gone) AS gone
                FROM unnest($1::bigint[], $2::bool[], $3::bool[]) AS e (id, succeeded, gone) GROUP BY id
            ), disabled AS (
                UPDATE webhook_endpoint w
                SET failures_in_a_row = CASE WHEN c.succeeded THEN 0 ELSE w.failures_in_a_row + c.failures END,
                    disabled_at = CASE WHEN c.gone OR (NOT c.succeeded AND w.failures_in_a_row + c.failures >= $4)
                        THEN $5 ELSE w.disabled_at END,
                    disabled_reason = CASE WHEN c.gone THEN 'it says that it is gone'
                        WHEN NOT c.succeeded AND w.failures_in_a_row + c.failures >= $4 THEN 'it failed too often'
                        ELSE w.disabled_reason END
                FROM counted c WHERE w.webhook_endpoint_id = c.id AND w.disabled_at IS NULL
                RETURNING w.webhook_endpoint_id, w.disabled_at
            )
            UPDATE notification_delivery d SET state = 'failed', next_attempt_at = NULL
            FROM disabled x
            WHERE d.channel = 'webhook' AND d.recipient_id = x.webhook_endpoint_id AND d.state = 'waiting'
                AND x.disabled_at IS NOT NULL
            """, .int8s(ids), .bools(succeeded), .bools(gone), .int4(failuresInARowMaximum), moment)
    }
}

extension DeliveryFate {
    fileprivate var state: String {
        switch self {
        case .delivered: "delivered"
        case .failed: "failed"
        case .waiting: "waiting"
        }
    }

    fileprivate var pauseSeconds: Int64 { if case .waiting(let seconds) = self { seconds } else { 0 } }
}

extension DeliveryResult {
    fileprivate var status: Int32? {
        switch self {
        case .delivered(let status), .gone(let status): status
        case .delayed(let status, _), .refused(let status, _): status
        }
    }

    /// nil: delivered.
    fileprivate var error: String? {
        switch self {
        case .delivered: nil
        case .delayed(_, let error), .refused(_, let error): error
        case .gone: "gone"
        }
    }

    fileprivate var isGone: Bool { if case .gone = self { true } else { false } }
}
