import Domain
import Events
import Storage

/// A conversion that is to be priced, and which commissions that makes.
struct PricingCase: Sendable {
    let conversionID: Identifier
    /// Of the first commission; the referrer's is a hash of it.
    let commissionID: Identifier
    let program: Program
    /// nil if nobody referred the affiliate.
    let referrerID: String?
    let customerKey: Identifier?
    /// What its ledger transaction names; of one conversion or correction only.
    let cause: Identifier
    var facts: OrderFacts
    /// The rules that price it, once they were asked; nil: none is for it.
    var winner: RuleVersion?
    var secondTierWinner: RuleVersion?
    /// Its prices where they were decided before, the referrer's behind the first; empty: they are to be.
    private(set) var decided: [Price] = []

    init(_ order: PlacedOrder) {
        conversionID = order.event.conversionID
        commissionID = order.event.conversionID
        program = order.program
        referrerID = order.party?.referrerID
        customerKey = order.event.customerKey
        cause = order.event.conversionID
        facts = order.facts
    }

    /// A conversion that is priced once more, for another affiliate.
    init(_ correction: LateClickCorrection) {
        conversionID = correction.conversion.conversionID
        commissionID = RefundSave.Correction.commissionID(of: conversionID, sequence: correction.sequence)
        program = correction.program
        referrerID = correction.party.referrerID
        customerKey = correction.customerKey
        cause = correction.source.key
        facts = correction.facts
    }

    /// A conversion that an accepted what-if prices once more.
    ///
    /// - Parameter sequence: which correction of the conversion it is, from 1.
    init(_ conversion: RecordedConversion, _ order: RepricedOrder, program: Program, sequence: Int32) {
        conversionID = conversion.conversionID
        commissionID = RefundSave.Correction.commissionID(of: conversionID, sequence: sequence)
        self.program = program
        referrerID = order.referrerID
        customerKey = nil
        cause = commissionID
        facts = order.facts
        decided = order.prices
    }

    var secondTierID: Identifier { Identifier(hashing: "second tier", commissionID.description) }

    var holdUntil: Timestamp { facts.occurredAt.adding(days: program.holdDays) }

    /// The month whose approved volume a tier looks at.
    var volumeKey: PricingLoad.VolumeKey {
        PricingLoad.VolumeKey(
            programID: program.programID, affiliateID: facts.affiliateID, currency: facts.commissionCurrency,
            month: CalendarPeriod.month.startDay(of: facts.occurredAt))
    }

    /// Every count that its caps look at.
    var capKeys: [CapKey] {
        keys(of: winner, for: facts.affiliateID) + keys(of: secondTierWinner, for: referrerID ?? "")
    }

    private func keys(of rule: RuleVersion?, for affiliateID: String) -> [CapKey] {
        guard let rule else { return [] }
        return CapBook.keys(
            of: rule, programID: program.programID, affiliateID: affiliateID, at: facts.occurredAt,
            in: facts.commissionCurrency)
    }
}
