public import Domain
public import Postgres
public import Storage

/// Accepts what a trial of rules came to: first what is to be done, in one transaction, then the doing, in many.
public struct RuleAcceptance: Sendable {
    /// Orders that are corrected in one transaction.
    static let ordersPerTransaction = 500
    /// Orders of one acceptance: they are decided together, in memory.
    public static let ordersMaximum = 1_000_000

    public let trial: RuleTrial
    /// What the dry run said.
    public let digest: Identifier
    public let reason: String
    /// Who accepts it.
    public let actor: String

    public init(trial: RuleTrial, digest: Identifier, reason: String, actor: String) {
        self.trial = trial
        self.digest = digest
        self.reason = reason
        self.actor = actor
    }

    /// What became of it.
    public enum Outcome: Sendable {
        case accepted(RuleCorrectionStore.Accepted)
        /// The same was accepted before.
        case known(RuleCorrectionStore.Accepted)
        /// What would be accepted is not what was seen.
        case differs(Identifier)
        /// More orders than one acceptance takes.
        case tooMany(Int)
        /// Nobody would be paid otherwise.
        case empty
        case refused(RuleTrial.Refusal)
    }

    /// Decides every order, takes from the caps what they will, and records the versions that price them.
    public func accept(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) -> Outcome {
        try RuleCorrectionStore.lockRules(of: trial.programID, in: transaction)
        let programID = trial.programID
        if let known = try RuleCorrectionStore.accepted(of: programID, digest: digest, in: transaction).first {
            return .known(known)
        }
        switch try trial.price(locksCaps: true, keeps: RuleAcceptance.ordersMaximum, in: transaction) {
        case .failure(let refusal): return .refused(refusal)
        case .success(let result):
            guard result.digest == digest else { return .differs(result.digest) }
            guard result.whatIf.changed > 0 else { return .empty }
            guard result.whatIf.changed == result.proposals.count else { return .tooMany(result.whatIf.changed) }
            try PricingSave.caps(result.whatIf.caps, in: transaction)
            try RuleCorrectionStore.accept(
                RuleCorrectionStore.Acceptance(
                    programID: programID, digest: digest, span: trial.span, versions: result.versions,
                    rulesVersion: result.rulesVersion, proposals: result.proposals, reason: reason, actor: actor),
                at: now, in: transaction)
        }
        let accepted = try RuleCorrectionStore.accepted(of: programID, digest: digest, in: transaction)
        return accepted.first.map { .accepted($0) } ?? .empty
    }

    /// How many orders took which way.
    public struct Count: Hashable, Sendable {
        public var corrected = 0
        /// Something else corrected them since they were looked at; they stay as they are.
        public var overtaken = 0

        public init() {}
    }

    /// Corrects the orders of an accepted trial that wait, and commits again and again; whatever ends it, the next call
    /// goes on from there.
    public static func finish(
        _ accepted: RuleCorrectionStore.Accepted, on pool: PostgresPool, clock: @escaping @Sendable () -> Timestamp
    ) async throws(PostgresError) -> Count {
        var count = Count()
        while true {
            // The moment is taken anew if the books of the last one were closed meanwhile.
            let step = try await pool.transaction { transaction throws(PostgresError) in
                try OrderCorrection.step(accepted, limit: ordersPerTransaction, at: clock(), in: transaction)
            }
            guard step != Count() else { return count }
            count.corrected += step.corrected
            count.overtaken += step.overtaken
        }
    }
}
