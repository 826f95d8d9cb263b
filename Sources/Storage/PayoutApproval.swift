public import Domain
public import Outbox
public import Postgres

/// What became of a person's word on a payout.
public enum PayoutApproval: Hashable, Sendable {
    case done
    /// Approved by the first of the two people that its amount needs.
    case firstOfTwo
    case notFound
    /// It does not wait for approval any more.
    case notWaiting(PayoutState)
    /// Who submitted a payout may not approve it, nor who approved it first be the second.
    case sameActor
    /// The affiliate has no account that money could be sent to.
    case noDestination
}

extension PayoutStore {
    /// Approves payouts that wait for a person and requests them on `lane`.
    ///
    /// A payout without a destination takes the one that the affiliate has by now; one above the second limit waits for
    /// another person.
    /// - Parameter approver: a console user; never the payout's submitter.
    /// - Returns: one answer per payout, in the order of `payoutIDs`; the others went through whatever one of them
    /// says.
    public static func approve(
        _ payoutIDs: [Identifier], by approver: String, lane: Lane, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(payoutID: Identifier, result: PayoutApproval)] {
        let payouts = try lockWithDestination(payoutIDs, in: transaction)
        let answers = payoutIDs.map { id in (payoutID: id, result: judgeApproval(of: payouts[id], by: approver)) }
        let first = answers.filter { $0.result == .firstOfTwo }.map(\.payoutID)
        let approved = Set(answers.filter { $0.result == .done }.map(\.payoutID))
            .compactMap { payouts[$0] }.sorted { $0.payoutID < $1.payoutID }
        _ = try transaction.run(
            """
            UPDATE payout p SET destination = a.destination, approved_by = COALESCE(p.approved_by, $3),
                approved_at = COALESCE(p.approved_at, $4),
                second_approved_by = CASE WHEN p.approved_by IS NOT NULL THEN $3 END,
                second_approved_at = CASE WHEN p.approved_by IS NOT NULL THEN $4 END
            FROM unnest($1::uuid[], $2::text[]) AS a (payout_id, destination) WHERE p.payout_id = a.payout_id
            """, .uuids(approved.map(\.payoutID.value) + first.map(\.value)),
            .texts(approved.map(\.destination) + first.map { payouts[$0]?.destination ?? "" }), .text(approver),
            .moment(now))
        let moved = try move(
            approved.map { PayoutMove($0, to: .reserved, evidence: "approved") }, actor: approver, at: now,
            in: transaction)
        try OutboxStore.append(moved.map { request($0, at: now) }, to: lane, in: transaction)
        return answers
    }

    /// Rejects payouts that wait for a person; their money is payable again.
    ///
    /// - Parameter reason: kept in the history.
    /// - Returns: one answer per payout, in the order of `payoutIDs`.
    public static func reject(
        _ payoutIDs: [Identifier], by actor: String, reason: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(payoutID: Identifier, result: PayoutApproval)] {
        var payouts: [Identifier: PayoutRecord] = [:]
        for payout in try lock(payoutIDs, in: transaction) { payouts[payout.payoutID] = payout }
        let answers = payoutIDs.map { id -> (payoutID: Identifier, result: PayoutApproval) in
            guard let payout = payouts[id] else { return (id, .notFound) }
            return (id, payout.state == .awaitingApproval ? .done : .notWaiting(payout.state))
        }
        let rejected = Set(answers.filter { $0.result == .done }.map(\.payoutID))
            .compactMap { payouts[$0] }.sorted { $0.payoutID < $1.payoutID }
        try move(
            rejected.map { PayoutMove($0, to: .rejected, evidence: reason) }, actor: actor, at: now, in: transaction)
        return answers
    }

    private static func judgeApproval(of payout: PayoutRecord?, by approver: String) -> PayoutApproval {
        guard let payout else { return .notFound }
        guard payout.state == .awaitingApproval else { return .notWaiting(payout.state) }
        guard payout.submittedBy != approver, payout.approvedBy != approver else { return .sameActor }
        guard !payout.destination.isEmpty || payout.provider == "manual" else { return .noDestination }
        if payout.needsSecond, payout.approvedBy == nil { return .firstOfTwo }
        return .done
    }

    private static func lockWithDestination(
        _ payoutIDs: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: PayoutRecord] {
        var payouts: [Identifier: PayoutRecord] = [:]
        for payout in try lock(payoutIDs, in: transaction) { payouts[payout.payoutID] = payout }
        let bare = payouts.values.filter(\.destination.isEmpty)
        guard !bare.isEmpty else { return payouts }
        let accounts = try transaction.query(
            """
            SELECT affiliate_id, payout_provider, provider_account FROM affiliate
            WHERE affiliate_id = ANY ($1::text[]) AND provider_account <> ''
            """, .texts(bare.map(\.affiliateID))
        ) { row in (affiliateID: try row.text(0), provider: try row.text(1), account: try row.text(2)) }
        let account = Dictionary(accounts.map { ($0.affiliateID, $0) }) { first, _ in first }
        for payout in bare {
            // A payout keeps its provider: an account somewhere else is none that it could be sent to.
            guard let current = account[payout.affiliateID], current.provider == payout.provider else { continue }
            payouts[payout.payoutID] = payout.sent(to: current.account)
        }
        return payouts
    }
}

extension PayoutRecord {
    fileprivate func sent(to destination: String) -> PayoutRecord {
        PayoutRecord(
            payoutID: payoutID, affiliateID: affiliateID, amount: amount, provider: provider, destination: destination,
            state: state, submittedBy: submittedBy, failureCode: failureCode, arrivalAt: arrivalAt,
            updatedAt: updatedAt, needsSecond: needsSecond, approvedBy: approvedBy)
    }
}
