public import Domain
import Events
public import Outbox
public import Postgres

/// Payouts: their rows, moves, ledger transactions and messages, always together in the caller's transaction.
public enum PayoutStore {
    /// The lane on which every end of a payout is told; the reconciler publishes it.
    public static let settlementLane = Lane(emitter: "reconciler")

    /// The message that lets the payer send a payout.
    static func request(_ payout: PayoutRecord, at moment: Timestamp) -> OutboxMessage {
        OutboxMessage(
            PayoutRequested(
                payoutID: payout.payoutID, affiliateID: payout.affiliateID, amount: payout.amount,
                provider: payout.provider),
            id: Identifier(hashing: TopicName.payoutsRequested, payout.payoutID.description), at: moment)
    }
}

/// A move of the state machine, with what is known of its cause.
public struct PayoutMove: Sendable {
    /// As read under lock in the same transaction.
    public let payout: PayoutRecord
    public let to: PayoutState
    /// What a person may read later: a provider's object, an error code, a reason.
    public let evidence: String
    public let failureCode: String?
    /// When the bank will have the money; nil leaves it as it is.
    public let arrivalAt: Timestamp?

    public init(
        _ payout: PayoutRecord, to: PayoutState, evidence: String, failureCode: String? = nil,
        arrivalAt: Timestamp? = nil
    ) {
        self.payout = payout
        self.to = to
        self.evidence = evidence
        self.failureCode = failureCode
        self.arrivalAt = arrivalAt
    }
}

extension PayoutStore {
    /// Moves payouts along the state machine: rows, history, ledger, commissions and `payouts.settled`.
    ///
    /// - Parameters:
    ///   - moves: at most one per payout; each in the transition table, its payout locked by this transaction.
    ///   - actor: `planner`, `payer`, `webhook`, `poll`, `search`, or a console user.
    /// - Returns: the payouts as they are now, in the order of `moves`.
    /// - Throws: `PostgresError.rollback` if a payout was not in the state it was read in.
    @discardableResult
    public static func move(
        _ moves: [PayoutMove], actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutRecord] {
        guard !moves.isEmpty else { return [] }
        for move in moves {
            precondition(PayoutState.canMove(from: move.payout.state, to: move.to), "no such move of a payout")
        }
        try update(moves, at: now, in: transaction)
        try recordHistory(
            moves.map { ($0.payout.payoutID, $0.payout.state, $0.to, $0.evidence) }, actor: actor, at: now,
            in: transaction)
        try LedgerStore.append(moves.compactMap(ledgerTransaction), in: transaction, at: now)
        try moveCommissions(moves, actor: actor, at: now, in: transaction)
        try OutboxStore.append(
            moves.compactMap { settlement($0, at: now) }, to: settlementLane, in: transaction)
        return moves.map { move in
            var moved = move.payout
            moved.state = move.to
            return moved
        }
    }

    private static func update(
        _ moves: [PayoutMove], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let moved = try transaction.run(
            """
            UPDATE payout p
            SET state = m.target, updated_at = $6, failure_code = COALESCE(m.failure_code, p.failure_code),
                arrival_at = COALESCE(m.arrival_at, p.arrival_at),
                -- A webhook about it may have come before anybody knew it: what was just learned of is asked about.
                check_at = CASE WHEN m.target IN ('submitted', 'canceling') THEN $6
                    WHEN m.target IN ('unknown', 'manual', 'in_transit', 'paid') THEN COALESCE(p.check_at, $6) END
            FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
                AS m (payout_id, source, target, failure_code, arrival_at)
            WHERE p.payout_id = m.payout_id AND p.state = m.source
            """,
            .uuids(moves.map(\.payout.payoutID.value)), .texts(moves.map(\.payout.state.rawValue)),
            .texts(moves.map(\.to.rawValue)), .optionalTexts(moves.map(\.failureCode)),
            .optionalTimestamps(moves.map { $0.arrivalAt?.microsecondsSinceEpoch }),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        guard moved == moves.count else {
            throw PostgresError.rollback("a payout left the state it was read in")
        }
    }

    static func recordHistory(
        _ steps: [(payoutID: Identifier, from: PayoutState?, to: PayoutState, evidence: String)], actor: String,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.copy(
            into: """
                COPY payout_event (payout_id, from_state, to_state, actor, evidence, at) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for step in steps {
                rows.beginRow(columns: 6)
                rows.uuid(step.payoutID.value)
                rows.textOrNull(step.from?.rawValue)
                rows.text(step.to.rawValue)
                rows.text(actor)
                rows.text(step.evidence)
                rows.timestamp(now.microsecondsSinceEpoch)
            }
        }
    }

    private static func ledgerTransaction(of move: PayoutMove) -> LedgerTransaction? {
        let postings = move.payout.money.postings(from: move.payout.state, to: move.to)
        guard !postings.isEmpty else { return nil }
        let payoutID = move.payout.payoutID.description
        return LedgerTransaction(
            key: "payout:\(payoutID):\(move.to.rawValue)", kind: "payout_\(move.to.rawValue)",
            inputHash: Identifier(
                hashing: payoutID, move.payout.state.rawValue, move.to.rawValue,
                String(move.payout.amount.minorUnits), move.payout.amount.currency.code),
            postings: postings)
    }

    /// A payout's commissions are paid with it, and free again when its money comes back.
    private static func moveCommissions(
        _ moves: [PayoutMove], actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let paid = moves.filter { $0.to == .paid }.map(\.payout.payoutID.value)
        if !paid.isEmpty {
            _ = try transaction.run(
                """
                WITH moved AS (
                    UPDATE commission SET status = 'paid' WHERE payout_id = ANY ($1::uuid[]) AND status = 'locked'
                    RETURNING commission_id, payout_id)
                INSERT INTO commission_event (commission_id, from_status, to_status, actor, reason, at)
                SELECT commission_id, 'locked', 'paid', $2, 'payout ' || payout_id || ' paid', $3 FROM moved
                """, .uuids(paid), .text(actor), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        }
        let released = moves.filter { [.rejected, .failed, .canceled, .returned].contains($0.to) }
            .map(\.payout.payoutID.value)
        if !released.isEmpty {
            _ = try transaction.run(
                """
                WITH before AS (
                    SELECT commission_id, payout_id, status FROM commission
                    WHERE payout_id = ANY ($1::uuid[]) AND status IN ('locked', 'paid') FOR UPDATE
                ), moved AS (
                    UPDATE commission c SET status = 'approved', payout_id = NULL
                    FROM before b WHERE c.commission_id = b.commission_id)
                INSERT INTO commission_event (commission_id, from_status, to_status, actor, reason, at)
                SELECT commission_id, status, 'approved', $2, 'payout ' || payout_id || ' came back', $3 FROM before
                """, .uuids(released), .text(actor),
                .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        }
    }

    private static func settlement(_ move: PayoutMove, at now: Timestamp) -> OutboxMessage? {
        let outcome: PayoutSettled.Outcome? =
            switch move.to {
            case .paid: .paid
            case .final: .final
            case .failed: .failed
            case .returned: .returned
            // Money that a provider gave back is a failure to whoever waits for it; what was never sent is no news.
            case .canceled: [.submitted, .canceling, .inTransit].contains(move.payout.state) ? .failed : nil
            default: nil
            }
        guard let outcome else { return nil }
        let payout = move.payout
        return OutboxMessage(
            PayoutSettled(
                payoutID: payout.payoutID, affiliateID: payout.affiliateID, amount: payout.amount, outcome: outcome,
                failureCode: outcome == .failed || outcome == .returned ? move.failureCode ?? "canceled" : nil),
            id: Identifier(hashing: TopicName.payoutsSettled, payout.payoutID.description, outcome.rawValue), at: now)
    }
}
