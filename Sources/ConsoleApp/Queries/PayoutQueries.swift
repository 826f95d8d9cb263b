import Domain
import Events
import Postgres

/// A payout as lists show it.
struct PayoutRow: Encodable, Sendable {
    let payoutId: String
    let affiliateId: String
    let affiliateName: String
    let currency: String
    let amountMinor: Int64
    let provider: String
    let mode: String
    let state: String
    let failureCode: String?
    let submittedBy: String
    let approvedBy: String?
    /// Above the second limit two people approve.
    let needsSecond: Bool
    let secondApprovedBy: String?
    let createdAt: String
    let updatedAt: String
    let arrivalAt: String?

    var cursor: Cursor { Cursor(createdAt, payoutId) }
}

/// One move of a payout.
struct PayoutStepRow: Encodable, Sendable {
    let from: String?
    let to: String
    let actor: String
    let evidence: String
    let at: String
}

/// One try to pay at the provider.
struct PayoutAttemptRow: Encodable, Sendable {
    let operation: String
    let number: Int32
    let state: String
    let sends: Int32
    let providerObjectId: String?
    let httpStatus: Int32?
    let errorCode: String?
    /// What the last reply proved.
    let outcome: String?
    let idempotencyKey: String
    /// For the provider's support.
    let providerRequestId: String?
    let firstSentAt: String?
    let lastSentAt: String?
    let nextSendAt: String?
    /// From here on the key is not sent again.
    let keyExpiresAt: String?
    let createdAt: String
}

/// A payout with everything that happened to it.
struct PayoutStatus: Encodable, Sendable {
    let payout: PayoutRow
    let attempts: [PayoutAttemptRow]
    let timeline: [PayoutStepRow]
}

/// The payouts that a list shows; nil is no limit.
struct PayoutFilter: Sendable {
    var payoutID: Identifier?
    var affiliateID: String?
    var state: String?
    /// First and last day of creation, UTC.
    var from: Int32?
    var to: Int32?
    var limit = Form.limitDefault
    /// Two fields: time of creation, payout id.
    var cursor: Cursor?
}

/// Payouts, newest first.
enum PayoutQueries {
    /// - Returns: up to one row more than `filter.limit`.
    static func list(
        _ filter: PayoutFilter, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutRow] {
        let after = filter.cursor?.fields
        return try transaction.query(
            """
            SELECT p.payout_id, p.affiliate_id, a.name, p.currency, p.amount_minor, p.provider, p.mode, p.state,
                p.failure_code, p.submitted_by, p.approved_by, p.created_at, p.updated_at, p.arrival_at,
                p.needs_second, p.second_approved_by
            FROM payout p JOIN affiliate a USING (affiliate_id)
            WHERE ($1::uuid IS NULL OR p.payout_id = $1) AND ($2::text IS NULL OR p.affiliate_id = $2)
                AND ($3::text IS NULL OR p.state = $3)
                AND ($4::date IS NULL OR p.created_at >= $4) AND ($5::date IS NULL OR p.created_at < $5 + 1)
                AND ($6::timestamptz IS NULL
                    OR (date_trunc('milliseconds', p.created_at), p.payout_id) < ($6, $7::uuid))
            ORDER BY date_trunc('milliseconds', p.created_at) DESC, p.payout_id DESC LIMIT $8
            """, .optionalUUID(filter.payoutID?.value), .optionalText(filter.affiliateID), .optionalText(filter.state),
            .optionalDate(filter.from), .optionalDate(filter.to),
            .optionalTimestamp(after.flatMap { Timestamp(rfc3339: $0[0]) }?.microsecondsSinceEpoch),
            .optionalUUID(after.flatMap { Identifier(text: $0[1]) }?.value), .int8(Int64(filter.limit) + 1),
            decode: decodeRow)
    }

    /// The payouts with attempts and moves, in three queries however many they are.
    static func status(
        _ filter: PayoutFilter, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutStatus] {
        let payouts = try list(filter, in: transaction)
        let ids = PostgresValue.uuids(payouts.compactMap { Identifier(text: $0.payoutId)?.value })
        let attempts = try transaction.query(
            """
            SELECT payout_id, operation, attempt_number, state, send_count, provider_object_id, http_status,
                error_code, first_sent_at, created_at, outcome, idempotency_key, provider_request_id, last_sent_at,
                next_send_at, key_expires_at
            FROM payout_attempt WHERE payout_id = ANY ($1) ORDER BY payout_attempt_id
            """, ids, decode: { row in try decodeAttempt(row) })
        let moves = try transaction.query(
            """
            SELECT payout_id, from_state, to_state, actor, evidence, at
            FROM payout_event WHERE payout_id = ANY ($1) ORDER BY payout_event_id
            """, ids, decode: { row in try decodeMove(row) })
        let attemptsOf = Dictionary(grouping: attempts, by: \.payoutID)
        let movesOf = Dictionary(grouping: moves, by: \.payoutID)
        return payouts.map { payout in
            PayoutStatus(
                payout: payout, attempts: attemptsOf[payout.payoutId, default: []].map(\.attempt),
                timeline: movesOf[payout.payoutId, default: []].map(\.move))
        }
    }

    private static func decodeRow(_ row: borrowing Row) throws(PostgresError) -> PayoutRow {
        PayoutRow(
            payoutId: try row.identifier(0), affiliateId: try row.text(1), affiliateName: try row.text(2),
            currency: try row.text(3), amountMinor: try row.int8(4), provider: try row.text(5), mode: try row.text(6),
            state: try row.text(7), failureCode: try row.textOrNull(8), submittedBy: try row.text(9),
            approvedBy: try row.textOrNull(10), needsSecond: try row.bool(14), secondApprovedBy: try row.textOrNull(15),
            createdAt: try row.moment(11), updatedAt: try row.moment(12),
            arrivalAt: try row.momentOrNull(13))
    }

    private static func decodeAttempt(
        _ row: borrowing Row
    ) throws(PostgresError) -> (payoutID: String, attempt: PayoutAttemptRow) {
        (
            try row.identifier(0),
            PayoutAttemptRow(
                operation: try row.text(1), number: try row.int4(2), state: try row.text(3), sends: try row.int4(4),
                providerObjectId: try row.textOrNull(5), httpStatus: try row.int4OrNull(6),
                errorCode: try row.textOrNull(7), outcome: try row.textOrNull(10), idempotencyKey: try row.text(11),
                providerRequestId: try row.textOrNull(12), firstSentAt: try row.momentOrNull(8),
                lastSentAt: try row.momentOrNull(13), nextSendAt: try row.momentOrNull(14),
                keyExpiresAt: try row.momentOrNull(15), createdAt: try row.moment(9))
        )
    }

    private static func decodeMove(
        _ row: borrowing Row
    ) throws(PostgresError) -> (payoutID: String, move: PayoutStepRow) {
        (
            try row.identifier(0),
            PayoutStepRow(
                from: try row.textOrNull(1), to: try row.text(2), actor: try row.text(3), evidence: try row.text(4),
                at: try row.moment(5))
        )
    }
}

extension Row {
    /// A `uuid` as text.
    func identifier(_ column: Int) throws(PostgresError) -> String {
        Identifier(try uuid(column)).description
    }

    /// A `timestamptz` as RFC 3339.
    func moment(_ column: Int) throws(PostgresError) -> String {
        Timestamp(microsecondsSinceEpoch: try timestamp(column)).rfc3339
    }

    /// A `timestamptz` as RFC 3339, or nil.
    func momentOrNull(_ column: Int) throws(PostgresError) -> String? {
        try timestampOrNull(column).map { Timestamp(microsecondsSinceEpoch: $0).rfc3339 }
    }
}
