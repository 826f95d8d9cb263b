public import Domain
public import Postgres

/// What a person says became of a payout whose outcome no reply proved.
public enum PayoutVerdict: Hashable, Sendable {
    /// The provider has it under this id; the object is fetched before that is believed.
    case submitted(objectID: String)
    /// It moved no money, and never will.
    case declined

    fileprivate var name: String {
        switch self {
        case .submitted: "submitted"
        case .declined: "declined"
        }
    }

    fileprivate var objectID: String {
        guard case .submitted(let objectID) = self else { return "" }
        return objectID
    }
}

/// What became of a person's word on an unknown outcome.
public enum ResolutionResult: Hashable, Sendable {
    case done
    case notFound
    /// Only a payout that is handed over to people is theirs to decide about.
    case notManual(PayoutState)
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
    /// follows what is found. One that people pay outside is paid.
    public static func confirm(
        _ payoutID: Identifier, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ResolutionResult {
        guard let payout = try lock([payoutID], in: transaction).first else { return .notFound }
        let open = try transaction.query(
            """
            SELECT payout_resolution_id, provider_object_id, evidence, proposed_by FROM payout_resolution
            WHERE payout_id = $1 AND confirmed_at IS NULL FOR UPDATE
            """, .uuid(payoutID.value)
        ) { row in
            (id: try row.int8(0), objectID: try row.text(1), evidence: try row.text(2), by: try row.text(3))
        }
        guard let proposal = open.first else { return .nothingProposed }
        guard proposal.by != actor else { return .samePerson }
        let verdict = proposal.objectID.isEmpty ? PayoutVerdict.declined : .submitted(objectID: proposal.objectID)
        if let refusal = refusal(of: verdict, payout, at: now) { return refusal }
        _ = try transaction.run(
            "UPDATE payout_resolution SET confirmed_by = $2, confirmed_at = $3 WHERE payout_resolution_id = $1",
            .int8(proposal.id), .text(actor), .moment(now))
        guard verdict == .declined else {
            if payout.provider == "manual" {
                try settleByHand([(payout, proposal.objectID)], by: actor, at: now, in: transaction)
                return .done
            }
            _ = try transaction.run(
                "UPDATE payout SET check_at = $2 WHERE payout_id = $1", .uuid(payoutID.value), .moment(now))
            return .done
        }
        _ = try transaction.run(
            """
            UPDATE payout_attempt SET state = 'declined', next_send_at = NULL, outcome = 'declined: two people agreed'
            WHERE payout_id = $1 AND state = 'unknown'
            """, .uuid(payoutID.value))
        let code = "declined_by_people"
        let declined = try move(
            [PayoutMove(payout, to: .declined, evidence: proposal.evidence, failureCode: code)], actor: actor,
            at: now, in: transaction)
        try move(
            declined.map { PayoutMove($0, to: .failed, evidence: proposal.evidence, failureCode: code) }, actor: actor,
            at: now, in: transaction)
        return .done
    }

    private static func refusal(
        of verdict: PayoutVerdict, _ payout: PayoutRecord, at now: Timestamp
    ) -> ResolutionResult? {
        guard payout.state == .manual else { return .notManual(payout.state) }
        // What people pay outside is known to them at once.
        guard payout.provider != "manual" else { return nil }
        let searched = payout.updatedAt.adding(seconds: searchedSeconds)
        return verdict == .declined && now < searched ? .tooEarly(searched) : nil
    }
}
