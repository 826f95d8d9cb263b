import Domain
import Events
import Storage

/// Prices what a batch took in, step by step: commissions, what refunds take back, what corrections move, and the
/// postings of all of it. Nothing here reads a clock or a table.
struct MoneyFold: Sendable {
    /// What a refund did to the commissions of its conversion.
    private struct Settlement {
        /// Taken back; negative: given back.
        var reversedMinor: Int64 = 0
        var transactionID: Identifier?
        var moves: [CommissionMove] = []
    }

    var facts: MoneyFacts
    /// Conversions that refunds or corrections concern, those of this batch among them.
    private(set) var conversions: [Identifier: RecordedConversion]
    private(set) var commissions: [NewCommission] = []
    private(set) var refunds: [TrackingSave.Refund] = []
    private(set) var refundReversals: [TrackingSave.RefundReversal] = []
    /// Conversions whose commissions changed after they were recorded.
    private(set) var changed: Set<Identifier> = []
    private(set) var history: [CommissionChange] = []
    private(set) var ledger: ScoringLedger
    /// Whose doing it is.
    private let actor: String

    /// - Parameters:
    ///   - conversions: as they stand in the database.
    ///   - actor: a worker's group, or who accepted a correction.
    init(
        _ facts: MoneyFacts, conversions: [Identifier: RecordedConversion], actor: String = ScoringStage.group,
        ledger: ScoringLedger = ScoringLedger(kind: "score")
    ) {
        self.facts = facts
        self.conversions = conversions
        self.actor = actor
        self.ledger = ledger
    }

    // MARK: Prices

    /// Prices an order.
    ///
    /// - Returns: the new commissions, the referrer's behind the first; none for a test.
    mutating func price(_ order: PlacedOrder) -> [NewCommission] {
        conversions[order.event.conversionID] = order.recorded
        guard !order.event.isTest, let pricing = facts.cases[order.event.conversionID] else { return [] }
        return record(pricing)
    }

    private mutating func record(_ pricing: PricingCase) -> [NewCommission] {
        let prices = pricing.decided.isEmpty ? decide(pricing) : pricing.decided
        let parties = [
            (pricing.commissionID, Int16(1), pricing.facts.affiliateID),
            (pricing.secondTierID, 2, pricing.referrerID ?? ""),
        ]
        let made = zip(parties, prices).map { party, price in
            commission(pricing, party.0, tier: party.1, party.2, price)
        }
        commissions += made
        conversions[pricing.conversionID]?.commissions += made.map(\.recorded)
        return made
    }

    /// The price, and the referrer's behind it if there is one.
    private mutating func decide(_ pricing: PricingCase) -> [Price] {
        guard let rules = facts.rules[pricing.program.programID] else { return [] }
        let price = rules.price(pricing.facts, by: pricing.winner, caps: &facts.caps)
        guard let rule = pricing.secondTierWinner, let referrerID = pricing.referrerID, price.amountMinor > 0 else {
            return [price]
        }
        let second = rules.secondTierPrice(
            of: price.amountMinor, for: pricing.facts, to: referrerID, by: rule, caps: &facts.caps)
        return [price, second]
    }

    private mutating func commission(
        _ pricing: PricingCase, _ id: Identifier, tier: Int16, _ affiliateID: String, _ price: Price
    ) -> NewCommission {
        let currency = pricing.facts.commissionCurrency
        let needsVolumes = facts.rules[pricing.program.programID]?.needsVolumes == true
        let transactionID =
            price.amountMinor > 0
            ? ledger.accrue(price.amountMinor, affiliateID, currency, cause: pricing.cause) : nil
        return NewCommission(
            commissionID: id, conversionID: pricing.conversionID, tier: tier, affiliateID: affiliateID,
            programID: pricing.program.programID, currency: currency, price: price,
            rulesVersion: pricing.program.rulesVersion, quoteID: pricing.facts.quote?.quoteID,
            groupID: pricing.facts.groupID,
            volumeMinor: needsVolumes ? pricing.facts.approvedVolumeMinor : nil,
            customerSince: pricing.facts.customerSince, holdUntil: pricing.holdUntil, transactionID: transactionID)
    }

    // MARK: Refunds

    /// Takes back what a refund or chargeback costs the commissions of its order.
    mutating func refund(_ event: TrackingEvent) -> [CommissionMove] {
        guard let currency = event.currency else { return [] }
        conversions[event.conversionID]?.refundedMinor += event.amountMinor
        conversions[event.conversionID]?.refunds += 1
        let settlement = settle(event.conversionID, cause: event.refundKey, reason: event.kind.name)
        refunds.append(
            TrackingSave.Refund(
                event: event, currency: currency, reversedMinor: settlement.reversedMinor,
                transactionID: settlement.transactionID))
        return settlement.moves
    }

    /// Gives back what a refund took that did not happen after all.
    mutating func reverse(_ event: TrackingEvent) -> [CommissionMove] {
        conversions[event.conversionID]?.refundedMinor -= event.amountMinor
        conversions[event.conversionID]?.refunds -= 1
        let cause = Identifier(hashing: "reversal", event.refundKey.description)
        let settlement = settle(event.conversionID, cause: cause, reason: event.kind.name)
        refundReversals.append(
            TrackingSave.RefundReversal(
                event: event, restoredMinor: -settlement.reversedMinor, transactionID: settlement.transactionID))
        return settlement.moves
    }

    /// Moves what is reversed of a conversion's commissions to what its refunds ask for.
    private mutating func settle(_ conversionID: Identifier, cause: Identifier, reason: String) -> Settlement {
        var settlement = Settlement()
        guard var conversion = conversions[conversionID] else { return settlement }
        for index in conversion.commissions.indices {
            let commission = conversion.commissions[index]
            // An order of nothing is refunded by any refund, but not by none.
            let target =
                conversion.refunds == 0
                ? 0
                : CommissionReversal.targetMinor(
                    commissionMinor: commission.amountMinor, orderMinor: conversion.amountMinor,
                    refundedMinor: conversion.refundedMinor)
            let amountMinor = target - commission.reversedMinor
            guard amountMinor != 0 else { continue }
            let transactionID = move(amountMinor, &conversion.commissions[index], cause: cause, reason: reason)
            settlement.reversedMinor += amountMinor
            settlement.transactionID = settlement.transactionID ?? transactionID
            settlement.moves.append(CommissionMove(commission: commission, amountMinor: -amountMinor))
            changed.insert(conversionID)
        }
        conversions[conversionID] = conversion
        return settlement
    }

    /// Takes an amount back from a commission, or gives it back if it is negative.
    private mutating func move(
        _ amountMinor: Int64, _ commission: inout RecordedCommission, cause: Identifier, reason: String
    ) -> Identifier? {
        let key = AccountKey(affiliateID: commission.affiliateID, currency: commission.currency)
        let free = facts.balances[key] ?? FreeMoney()
        let postings =
            amountMinor > 0
            ? CommissionReversal.postings(
                affiliateID: commission.affiliateID, currency: commission.currency, status: commission.status,
                amountMinor: amountMinor, payableMinor: free.payableMinor)
            : CommissionReversal.restoration(
                affiliateID: commission.affiliateID, currency: commission.currency, status: commission.status,
                amountMinor: -amountMinor, owedMinor: free.owedMinor)
        facts.balances[key, default: FreeMoney()].take(postings)
        let transactionID = ledger.add(postings, cause: cause)
        commission.reversedMinor += amountMinor
        let before = commission.status
        let isUnpaid = [.pending, .held, .approved].contains(before)
        if isUnpaid, commission.reversedMinor == commission.amountMinor { commission.status = .reversed }
        // What it was before is in its history; being judged again does no harm.
        if before == .reversed, commission.reversedMinor < commission.amountMinor { commission.status = .pending }
        history.append(
            CommissionChange(
                commissionID: commission.commissionID, from: before, to: commission.status, amountMinor: amountMinor,
                actor: actor, reason: reason, transactionID: transactionID))
        return transactionID
    }

    // MARK: Corrections

    /// Takes a conversion's commissions back in full and prices it anew: for whom its click leads to, or as it was
    /// accepted.
    ///
    /// - Parameter commissionID: of the pricing case, among the facts.
    mutating func correct(_ commissionID: Identifier, reason: String) -> [CommissionMove] {
        guard let pricing = facts.cases[commissionID], var conversion = conversions[pricing.conversionID] else {
            return []
        }
        let conversionID = pricing.conversionID
        var moves: [CommissionMove] = []
        for var commission in conversion.commissions {
            let left = commission.amountMinor - commission.reversedMinor
            if left > 0 {
                _ = move(left, &commission, cause: pricing.cause, reason: reason)
                moves.append(CommissionMove(commission: commission, amountMinor: -left))
            }
            commission.isSuperseded = true
            superseded.append(commission)
        }
        changed.insert(conversionID)
        conversion.affiliateID = pricing.facts.affiliateID
        conversion.commissions = []
        conversions[conversionID] = conversion
        moves += record(pricing).map { CommissionMove(commission: $0.recorded, amountMinor: $0.price.amountMinor) }
        return moves + settle(conversionID, cause: pricing.cause, reason: "refunded before").moves
    }

    /// Commissions that a correction put others in the place of.
    private var superseded: [RecordedCommission] = []

    /// Commissions of this batch or before it that refunds or corrections changed, each once, as they stand now.
    var changedCommissions: [RecordedCommission] {
        let standing = changed.sorted().flatMap { conversions[$0]?.commissions ?? [] }
        return (standing + superseded).sorted { $0.commissionID < $1.commissionID }
    }
}

extension FreeMoney {
    /// Follows postings on the two accounts.
    fileprivate mutating func take(_ postings: [Posting]) {
        for posting in postings {
            if posting.debit == .payable { payableMinor -= posting.amountMinor }
            if posting.credit == .payable { payableMinor += posting.amountMinor }
            if posting.debit == .clawback { owedMinor += posting.amountMinor }
            if posting.credit == .clawback { owedMinor -= posting.amountMinor }
        }
    }
}
