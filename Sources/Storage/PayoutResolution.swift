public import Domain
public import Postgres

/// What a person says became of a payout whose outcome no reply proved.
public enum PayoutVerdict: Hashable, Sendable {
    /// The provider has it under this id; the object is fetched before that is believed.
    case submitted(objectID: String)
    /// It moved no money, and never will.
    case declined
    /// It was paid by hand, and its money came back under this reference of the bank.
    case returned(reference: String)

    fileprivate init?(_ name: String, objectID: String) {
        switch name {
        case "submitted": self = .submitted(objectID: objectID)
        case "declined": self = .declined
        case "returned": self = .returned(reference: objectID)
        default: return nil
        }
    }

    fileprivate var name: String {
        switch self {
        case .submitted: "submitted"
        case .declined: "declined"
        case .returned: "returned"
        }
    }

    fileprivate var objectID: String {
        switch self {
        case .submitted(let id), .returned(let id): id
        case .declined: ""
        }
    }
}

/// What became of a person's word on an unknown outcome.
public enum ResolutionResult: Hashable, Sendable {
    case done
    case notFound
    /// Only a payout that is handed over to people is theirs to decide about.
    case notManual(PayoutState)
    /// What a provider paid comes back by its word alone, and what was not paid does not come back.
    case notReturnable(PayoutState)
    /// Empty searches prove nothing before this moment.
    case tooEarly(Timestamp)
    /// Somebody's word waits for a second person already.
    case alreadyProposed
    case nothingProposed
    /// Who said it cannot be the one who agrees.
    case samePerson
}

extension PayoutStore {
    /// How long a payout is searched for before people may say that it moved no money.
    public static let searchedSeconds: Int64 = 48 * 3_600

    /// Keeps what one person found out; nothing moves before a second one agrees.
    ///
    /// - Parameter evidence: what the person saw, 1 to 500 characters.
    public static func propose(
        _ verdict: PayoutVerdict, for payoutID: Identifier, evidence: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> ResolutionResult {
        guard let payout = try lock([payoutID], in: transaction).first else { return .notFound }
        if let refusal = refusal(of: verdict, payout, at: now) { return refusal }
        let stored = try transaction.run(
            """
            INSERT INTO payout_resolution (payout_id, verdict, provider_object_id, evidence, proposed_by, proposed_at)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (payout_id) WHERE confirmed_at IS NULL DO NOTHING
            """, .uuid(payoutID.value), .text(verdict.name), .text(verdict.objectID), .text(evidence), .text(actor),
            .moment(now))
        return stored == 1 ? .done : .alreadyProposed
    }

    /// Agrees with what another person found out.
    ///
    /// A payout that moved no money fails, and its money is payable again; one that the provider has is fetched, and
    /// follows what is found. One that people pay outside is paid, or comes back.
    public static func confirm(
        _ payoutID: Identifier, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ResolutionResult {
        guard let payout = try lock([payoutID], in: transaction).first else { return .notFound }
        let open = try transaction.query(
            """
            SELECT payout_resolution_id, verdict, provider_object_id, evidence, proposed_by FROM payout_resolution
            WHERE payout_id = $1 AND confirmed_at IS NULL FOR UPDATE
            """, .uuid(payoutID.value)
        ) { row in
            (
                id: try row.int8(0), verdict: PayoutVerdict(try row.text(1), objectID: try row.text(2)),
                evidence: try row.text(3), by: try row.text(4)
            )
        }
        guard let proposal = open.first, let verdict = proposal.verdict else { return .nothingProposed }
        guard proposal.by != actor else { return .samePerson }
        if let refusal = refusal(of: verdict, payout, at: now) { return refusal }
        _ = try transaction.run(
            "UPDATE payout_resolution SET confirmed_by = $2, confirmed_at = $3 WHERE payout_resolution_id = $1",
            .int8(proposal.id), .text(actor), .moment(now))
        switch verdict {
        case .submitted(let reference) where payout.provider == "manual":
            try settleByHand([(payout, reference)], by: actor, at: now, in: transaction)
        case .submitted:
            _ = try transaction.run(
                "UPDATE payout SET check_at = $2 WHERE payout_id = $1", .uuid(payoutID.value), .moment(now))
        case .declined: try decline(payout, evidence: proposal.evidence, by: actor, at: now, in: transaction)
        case .returned(let reference):
            try returnByHand(
                payout, evidence: "\(reference): \(proposal.evidence)", by: actor, at: now, in: transaction)
        }
        return .done
    }

    /// Ends a payout that moved no money, as two people say.
    private static func decline(
        _ payout: PayoutRecord, evidence: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE payout_attempt SET state = 'declined', next_send_at = NULL, outcome = 'declined: two people agreed'
            WHERE payout_id = $1 AND state = 'unknown'
            """, .uuid(payout.payoutID.value))
        let code = "declined_by_people"
        let declined = try move(
            [PayoutMove(payout, to: .declined, evidence: evidence, failureCode: code)], actor: actor, at: now,
            in: transaction)
        try move(
            declined.map { PayoutMove($0, to: .failed, evidence: evidence, failureCode: code) }, actor: actor,
            at: now, in: transaction)
    }

    private static func refusal(
        of verdict: PayoutVerdict, _ payout: PayoutRecord, at now: Timestamp
    ) -> ResolutionResult? {
        if case .returned = verdict {
            let isReturnable = payout.provider == "manual" && [.paid, .final].contains(payout.state)
            return isReturnable ? nil : .notReturnable(payout.state)
        }
        guard payout.state == .manual else { return .notManual(payout.state) }
        // What people pay outside is known to them at once.
        guard payout.provider != "manual" else { return nil }
        let searched = payout.updatedAt.adding(seconds: searchedSeconds)
        return verdict == .declined && now < searched ? .tooEarly(searched) : nil
    }
}
