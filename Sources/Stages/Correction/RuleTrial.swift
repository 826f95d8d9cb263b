public import Domain
import Events
public import Postgres
import Storage

/// Rules that are tried on a programme's orders of the past, as if they had always been.
public struct RuleTrial: Sendable {
    public let programID: String
    public let wanted: [WantedRule]
    /// Orders of which time.
    public let span: Range<Timestamp>

    public init(programID: String, wanted: [WantedRule], span: Range<Timestamp>) {
        self.programID = programID
        self.wanted = wanted
        self.span = span
    }

    /// Why rules cannot be tried.
    public enum Refusal: Error, Hashable, Sendable {
        case programUnknown
        case rules(RulePlan.Refusal)

        /// For whoever tries them.
        public var sentence: String {
            switch self {
            case .programUnknown: "there is no such programme"
            case .rules(let refusal): refusal.sentence
            }
        }
    }

    /// What came of it.
    public struct Result: Sendable {
        public let whatIf: WhatIf
        /// The orders that would be paid otherwise; empty unless they were asked for.
        public let proposals: [Proposal]
        /// The versions by which they would be priced.
        public let versions: [RuleVersion]
        /// The programme's count of rule changes with these.
        public let rulesVersion: Int32
        /// Of the versions, the orders and everybody's money: whoever accepts it says what was seen.
        public let digest: Identifier
    }

    /// Prices the orders and writes nothing.
    public func tryOut(
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Swift.Result<Result, Refusal> {
        try price(locksCaps: false, keeps: 0, in: transaction)
    }

    /// Prices the orders.
    ///
    /// What they took out of caps themselves is given back first, all of it, so that the caps have left what everything
    /// else left; then they are priced in the order in which they came.
    ///
    /// - Parameters:
    ///   - locksCaps: whether the caps are going to be saved.
    ///   - maximum: proposals that are kept at most.
    func price(
        locksCaps: Bool, keeps maximum: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Swift.Result<Result, Refusal> {
        guard let program = try TrackingLoad.programs([programID], in: transaction)[programID],
            let known = try RuleStore.ruleSets(
                of: [programID], knownUpTo: [program.rulesVersion], in: transaction)[programID]
        else { return .failure(.programUnknown) }
        let versions: [RuleVersion]
        do throws(RulePlan.Refusal) {
            versions = try RuleCorrection.versions(
                wanted, known: known, rulesVersion: program.rulesVersion + 1, span: span)
        } catch {
            return .failure(.rules(error))
        }
        let proposed = known.adding(versions)
        try RecordedPriceStore.open(from: span.lowerBound, to: span.upperBound, programID: programID, in: transaction)
        var demand = CapDemand(proposed: proposed)
        if proposed.hasCaps {
            try RuleTrial.eachOrder(in: transaction) { demand.take($0, referrerID: $1) }
        }
        let keys = demand.keys.sorted()
        var caps =
            try locksCaps
            ? PricingLoad.lockCaps(keys, in: transaction) : PricingLoad.readCaps(keys, in: transaction)
        caps.giveBack(demand.takenMinor)
        var whatIf = WhatIf(proposed: proposed, caps: caps)
        var proposals: [Proposal] = []
        try RuleTrial.eachOrder(in: transaction) { recorded, referrerID in
            guard let proposal = whatIf.take(recorded, referrerID: referrerID), proposals.count < maximum else {
                return
            }
            proposals.append(proposal)
        }
        try RecordedPriceStore.close(in: transaction)
        return .success(
            Result(
                whatIf: whatIf, proposals: proposals, versions: versions, rulesVersion: program.rulesVersion + 1,
                digest: digest(whatIf, versions)))
    }

    /// Hands out the commissions of each order, and who referred its affiliate: who was paid for that, or else who did.
    private static func eachOrder(
        in transaction: borrowing Transaction, _ take: ([RecordedPrice], String?) -> Void
    ) throws(PostgresError) {
        var open: [RecordedPriceStore.Entry] = []
        func close() {
            let paid = open.first { $0.price.tier == 2 }?.price.affiliateID
            take(open.map(\.price), paid ?? open.first { $0.price.tier == 1 }?.referrerID)
            open = []
        }
        try RecordedPriceStore.read(in: transaction) { page in
            for entry in page {
                if let last = open.last, last.price.conversionID != entry.price.conversionID { close() }
                open.append(entry)
            }
        }
        close()
    }

    private func digest(_ whatIf: WhatIf, _ versions: [RuleVersion]) -> Identifier {
        let money = whatIf.differences.sorted { $0.key < $1.key }.map { key, difference in
            "\(key.affiliateID) \(key.currency.code) \(difference.recordedMinor) \(difference.proposedMinor)"
        }
        return Identifier(
            hashing: "correction", programID, span.lowerBound.rfc3339, span.upperBound.rfc3339,
            RuleDocument.json(versions), "\(whatIf.priced) \(whatIf.changed)", money.joined(separator: "\n"))
    }
}
