import Domain
import Events
import Postgres
import Storage

/// What an accepted what-if says about an order.
struct RepricedOrder: Sendable {
    let facts: OrderFacts
    /// Who referred its affiliate; nil: nobody.
    let referrerID: String?
    /// The referrer's behind the first.
    let prices: [Price]
}

/// Corrects orders of an accepted what-if: their commissions are taken back in full, wherever their money is, and
/// others put in their place.
///
/// Locks are taken as `MoneyFacts` says: commissions, then balances. Caps were taken from when it was accepted.
enum OrderCorrection {
    /// - Returns: nothing if no order waits.
    static func step(
        _ accepted: RuleCorrectionStore.Accepted, limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> RuleAcceptance.Count {
        let orders = try RuleCorrectionStore.take(limit, of: accepted.ruleCorrectionID, in: transaction)
        guard !orders.isEmpty else { return RuleAcceptance.Count() }
        let conversions = try RefundLoad.conversions(orders.map(\.conversionID), in: transaction)
        let rules = try RuleStore.ruleSets(
            of: [accepted.programID], knownUpTo: [accepted.rulesVersion], in: transaction)
        let cases = try cases(of: orders, accepted, conversions, rules[accepted.programID], in: transaction)
        let affiliates = conversions.values.flatMap { $0.commissions.map(\.affiliateID) }
        let facts = try MoneyFacts(decided: cases.map(\.pricing), rules: rules, refunded: affiliates, in: transaction)
        var money = MoneyFold(
            facts, conversions: conversions, actor: accepted.acceptedBy, ledger: ScoringLedger(kind: "correction"))
        var figures = ScoringFigures()
        var outcomes = Dictionary(
            uniqueKeysWithValues: orders.map { ($0.conversionID, RuleCorrectionStore.Outcome.overtaken) })
        for (pricing, conversion) in cases.map({ ($0.pricing, $0.conversion) }) {
            let reason = "correction \(accepted.ruleCorrectionID): \(accepted.reason)"
            let moves = money.correct(pricing.commissionID, reason: reason)
            figures.reprice(conversion, moves, FigureSource(pricing))
            outcomes[pricing.conversionID] = .corrected
        }
        try RefundSave.corrections(cases.map { $0.row(accepted) }, at: now, in: transaction)
        try money.save(at: now, in: transaction)
        _ = try figures.save(in: transaction)
        try RuleCorrectionStore.settle(outcomes, of: accepted.ruleCorrectionID, in: transaction)
        var count = RuleAcceptance.Count()
        count.corrected = cases.count
        count.overtaken = orders.count - cases.count
        return count
    }

    /// An order that stands as it was looked at.
    private struct Case {
        let pricing: PricingCase
        let conversion: RecordedConversion
        let sequence: Int32

        func row(_ accepted: RuleCorrectionStore.Accepted) -> RefundSave.Correction {
            RefundSave.Correction(
                conversionID: conversion.conversionID, sequence: sequence,
                cause: .replay(ruleCorrectionID: accepted.ruleCorrectionID), fromAffiliateID: conversion.affiliateID,
                toAffiliateID: conversion.affiliateID, actor: accepted.acceptedBy)
        }
    }

    private static func cases(
        of orders: [RuleCorrectionStore.Order], _ accepted: RuleCorrectionStore.Accepted,
        _ conversions: [Identifier: RecordedConversion], _ rules: RuleSet?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Case] {
        let ids = orders.map(\.conversionID)
        let entries = try RecordedPriceStore.firstPrices(of: ids, in: transaction)
        let corrections = try RuleCorrectionStore.corrections(of: ids, in: transaction)
        let programs = try TrackingLoad.programs([accepted.programID], in: transaction)
        guard let rules, var program = programs[accepted.programID] else { return [] }
        program.rulesVersion = accepted.rulesVersion
        return orders.compactMap { order in
            guard let conversion = conversions[order.conversionID], let entry = entries[order.conversionID],
                entry.price.commissionID == order.commissionID
            else { return nil }
            let repriced = RepricedOrder(
                facts: entry.price.facts, referrerID: order.referrerID,
                prices: rules.prices(
                    entry.price.facts, referrerID: order.referrerID,
                    capsLeft: (order.capLeftMinor, order.secondCapLeftMinor)))
            let sequence = (corrections[order.conversionID] ?? 0) + 1
            return Case(
                pricing: PricingCase(conversion, repriced, program: program, sequence: sequence),
                conversion: conversion, sequence: sequence)
        }
    }
}

extension FigureSource {
    fileprivate init(_ pricing: PricingCase) {
        self.init(
            key: pricing.cause, position: SourcePosition(partition: 0, offset: 0),
            occurredAt: pricing.facts.occurredAt)
    }
}
