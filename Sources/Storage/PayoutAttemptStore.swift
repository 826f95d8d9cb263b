import Crypto
public import Domain
public import Postgres

/// A request to a provider that nobody has sent yet, with its exact bytes.
public struct NewAttempt: Sendable {
    public let payoutID: Identifier
    public let operation: PayoutOperation
    /// 1 for the first; a new one is made only after the provider proved that the last moved no money.
    public let number: Int32
    public let provider: String
    public let account: String
    public let requestPath: String
    public let requestBody: [UInt8]
    public let amount: Money
    /// Whether it is about real money.
    public let isLive: Bool

    public init(
        payoutID: Identifier, operation: PayoutOperation, number: Int32, provider: String, account: String,
        requestPath: String, requestBody: [UInt8], amount: Money, isLive: Bool = false
    ) {
        self.payoutID = payoutID
        self.operation = operation
        self.number = number
        self.provider = provider
        self.account = account
        self.requestPath = requestPath
        self.requestBody = requestBody
        self.amount = amount
        self.isLive = isLive
    }
}

/// An attempt that this process may send now, until its lease ends.
public struct ClaimedAttempt: Sendable {
    public let attemptID: Int64
    public let request: NewAttempt
    public let idempotencyKey: String
    /// Rises with every claim; a result is recorded only under the current one.
    public let ownerEpoch: Int64
    /// This send included.
    public let sendCount: Int
    /// No earlier send of this key can have been executed.
    public let isFirstSend: Bool
    /// From here on a replay could be a second payment.
    public let keyExpiresAt: Timestamp
    let requestSHA256: [UInt8]

    /// The bytes to send are those that were stored.
    public var isWhole: Bool { SHA256.hash(data: request.requestBody).elementsEqual(requestSHA256) }
}

/// The requests to providers: made before the send, sent with the same key and bytes, closed by proof.
public enum PayoutAttemptStore {
    /// What a claim violates whose account another payer is claiming an attempt of.
    public static let oneSendingConstraint = "payout_attempt_one_sending"

    /// Stores attempts that are due at `sendAt`.
    ///
    /// - Throws: `PostgresError` of class `data` if a payout has a live attempt of the same operation: the database
    ///   allows one.
    public static func insert(
        _ attempts: [NewAttempt], sendAt: Timestamp, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.copy(
            into: """
                COPY payout_attempt (payout_id, operation, attempt_number, provider, account, idempotency_key,
                request_path, request_body, request_sha256, livemode, amount_minor, currency, state, next_send_at,
                created_at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for attempt in attempts {
                rows.beginRow(columns: 15)
                rows.uuid(attempt.payoutID.value)
                rows.text(attempt.operation.rawValue)
                rows.int4(attempt.number)
                rows.text(attempt.provider)
                rows.text(attempt.account)
                rows.text(attempt.operation.key(payoutID: attempt.payoutID, number: attempt.number))
                rows.text(attempt.requestPath)
                rows.bytes(attempt.requestBody)
                rows.bytes(Array(SHA256.hash(data: attempt.requestBody)))
                rows.bool(attempt.isLive)
                rows.int8(attempt.amount.minorUnits)
                rows.text(attempt.amount.currency.code)
                rows.text("prepared")
                rows.timestamp(sendAt.microsecondsSinceEpoch)
                rows.timestamp(now.microsecondsSinceEpoch)
            }
        }
    }

    /// Takes due attempts of a provider, at most one per account, and commits them to being sent: their payouts are
    /// `submitting` before the first byte leaves.
    ///
    /// An attempt whose owner died is swept up when its lease ends; it is then sent with the same key and bytes. The
    /// database allows one request under way per account.
    public static func claim(
        provider: String, schedule: PayoutSchedule, maximum: Int, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ClaimedAttempt] {
        // A plan that was kept from when there were few attempts compares each with each once there are thousands.
        try transaction.run("SET LOCAL plan_cache_mode = force_custom_plan")
        let claimed = try transaction.query(
            """
            WITH due AS MATERIALIZED (
                SELECT a.payout_attempt_id, a.account, a.state FROM payout_attempt a
                JOIN payout p ON p.payout_id = a.payout_id
                WHERE a.state IN ('prepared', 'unknown') AND a.next_send_at <= $1 AND a.provider = $2
                    AND (a.key_expires_at IS NULL OR a.key_expires_at > $1)
                    AND p.state IN ('reserved', 'submitting', 'unknown')
                    AND NOT EXISTS (
                        SELECT FROM payout_freeze z WHERE z.lifted_at IS NULL AND (z.scope = 'all'
                            OR (z.scope = 'provider' AND z.subject = p.provider)
                            OR (z.scope = 'affiliate' AND z.subject = p.affiliate_id)))
                    AND NOT EXISTS (
                        SELECT FROM payout_attempt r
                        WHERE r.provider = a.provider AND r.account = a.account AND r.state = 'sending')
                    -- Behind one that was turned away the others of its account wait, so that they keep their order.
                    AND NOT EXISTS (
                        SELECT FROM payout_attempt e WHERE e.provider = a.provider AND e.account = a.account
                            AND e.state = 'prepared' AND e.next_send_at > $1
                            AND e.payout_attempt_id < a.payout_attempt_id)
                ORDER BY a.next_send_at, a.payout_attempt_id LIMIT $3 FOR UPDATE OF a SKIP LOCKED
            ), chosen AS (
                SELECT DISTINCT ON (account) payout_attempt_id, state FROM due ORDER BY account, payout_attempt_id
            )
            UPDATE payout_attempt a
            SET state = 'sending', send_count = a.send_count + 1, owner_epoch = a.owner_epoch + 1, last_sent_at = $1,
                first_sent_at = COALESCE(a.first_sent_at, $1), key_expires_at = COALESCE(a.key_expires_at, $4),
                next_send_at = $5
            FROM chosen c WHERE a.payout_attempt_id = c.payout_attempt_id
            RETURNING a.payout_attempt_id, a.payout_id, a.operation, a.attempt_number, a.provider, a.account,
                a.request_path, a.request_body, a.amount_minor, a.currency, a.idempotency_key, a.owner_epoch,
                a.send_count, c.state = 'prepared', a.key_expires_at, a.livemode, a.request_sha256
            """, .moment(now), .text(provider), .int8(Int64(maximum)),
            .moment(now.adding(seconds: schedule.keyLifetimeSeconds)),
            .moment(now.adding(seconds: schedule.leaseSeconds))
        ) { row in try ClaimedAttempt(row) }
        let payouts = try PayoutStore.lock(claimed.map(\.request.payoutID), in: transaction)
        try PayoutStore.move(
            payouts.filter { $0.state == .reserved }.map {
                PayoutMove($0, to: .submitting, evidence: "attempt claimed")
            },
            actor: "payer", at: now, in: transaction)
        return claimed
    }

    /// Takes attempts from owners whose lease ended: nobody knows what became of the request. Keys that the provider
    /// may have forgotten are not sent again: a person decides about their payouts.
    ///
    /// - Returns: how many payouts now wait for a person.
    @discardableResult
    public static func sweep(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) -> Int {
        let swept = try transaction.query(
            """
            UPDATE payout_attempt
            SET state = 'unknown', owner_epoch = owner_epoch + 1,
                outcome = CASE state WHEN 'sending' THEN 'unknown: its sender ended' ELSE outcome END,
                next_send_at = CASE WHEN key_expires_at > $1 THEN next_send_at END
            WHERE next_send_at <= $1 AND (state = 'sending' OR (state = 'unknown' AND key_expires_at <= $1))
            RETURNING payout_id, key_expires_at <= $1
            """, .moment(now)
        ) { row in (payoutID: try row.identifier(0), isExpired: try row.bool(1)) }
        let payouts = try markUnknown(
            try PayoutStore.lock(swept.map(\.payoutID), in: transaction), evidence: "its sender ended", at: now,
            in: transaction)
        let expired = Set(swept.filter(\.isExpired).map(\.payoutID))
        return try handOver(
            payouts.filter { expired.contains($0.payoutID) }, evidence: "key expired", at: now, in: transaction)
    }

    /// Moves those that are `submitting` to `unknown`.
    static func markUnknown(
        _ payouts: [PayoutRecord], evidence: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutRecord] {
        let moved = try PayoutStore.move(
            payouts.filter { $0.state == .submitting }.map { PayoutMove($0, to: .unknown, evidence: evidence) },
            actor: "payer", at: now, in: transaction)
        return payouts.filter { $0.state != .submitting } + moved
    }

    /// Moves those that are `unknown` to `manual`.
    static func handOver(
        _ payouts: [PayoutRecord], evidence: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try PayoutStore.move(
            payouts.filter { $0.state == .unknown }.map { PayoutMove($0, to: .manual, evidence: evidence) },
            actor: "payer", at: now, in: transaction
        ).count
    }

    /// When the next attempt is due; nil: none waits.
    public static func nextDue(
        provider: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Timestamp? {
        try transaction.query(
            """
            SELECT min(next_send_at) FROM payout_attempt
            WHERE state IN ('prepared', 'sending', 'unknown') AND provider = $1
            """, .text(provider)
        ) { row in try row.timestampOrNull(0).map { Timestamp(microsecondsSinceEpoch: $0) } }
        .first ?? nil
    }
}

extension ClaimedAttempt {
    fileprivate init(_ row: borrowing Row) throws(PostgresError) {
        guard let operation = PayoutOperation(rawValue: try row.text(2)) else {
            throw PostgresError(code: .decoding, message: "a stored operation is unknown")
        }
        self.init(
            attemptID: try row.int8(0),
            request: NewAttempt(
                payoutID: try row.identifier(1), operation: operation, number: try row.int4(3),
                provider: try row.text(4), account: try row.text(5), requestPath: try row.text(6),
                requestBody: try row.bytes(7),
                amount: Money(minorUnits: try row.int8(8), currency: try row.currency(9)), isLive: try row.bool(15)),
            idempotencyKey: try row.text(10), ownerEpoch: try row.int8(11), sendCount: Int(try row.int4(12)),
            isFirstSend: try row.bool(13), keyExpiresAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(14)),
            requestSHA256: try row.bytes(16))
    }
}

extension PostgresValue {
    static func moment(_ moment: Timestamp) -> PostgresValue {
        .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch)
    }
}
