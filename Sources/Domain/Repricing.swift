/// What a commission was priced with, and what came of it.
public struct RecordedPrice: Hashable, Sendable {
    public let commissionID: Identifier
    public let conversionID: Identifier
    /// 1, or 2 for the affiliate who referred the first.
    public let tier: Int16
    /// Who got it.
    public let affiliateID: String
    /// The order, with everything that was looked up for it; of the second tier, the order of the first.
    public let facts: OrderFacts
    /// The programme's count of rule changes at the time.
    public let rulesVersion: Int32
    public let ruleID: String?
    public let ruleVersion: Int32?
    /// What the rule rated.
    public let baseMinor: Int64
    public let uncappedMinor: Int64
    public let capLeftMinor: Int64?
    public let amountMinor: Int64

    public init(
        commissionID: Identifier, conversionID: Identifier, tier: Int16, affiliateID: String, facts: OrderFacts,
        rulesVersion: Int32, ruleID: String?, ruleVersion: Int32?, baseMinor: Int64, uncappedMinor: Int64,
        capLeftMinor: Int64?, amountMinor: Int64
    ) {
        self.commissionID = commissionID
        self.conversionID = conversionID
        self.tier = tier
        self.affiliateID = affiliateID
        self.facts = facts
        self.rulesVersion = rulesVersion
        self.ruleID = ruleID
        self.ruleVersion = ruleVersion
        self.baseMinor = baseMinor
        self.uncappedMinor = uncappedMinor
        self.capLeftMinor = capLeftMinor
        self.amountMinor = amountMinor
    }
}

extension RuleSet {
    /// The price once more, from what was recorded: the rules that were known, and what the caps had left.
    ///
    /// - Parameter recorded: of this programme, `self` being its rules at `recorded.rulesVersion`.
    /// - Returns: what it should have been; nil if the rules have no price of its tier for it.
    public func reprice(_ recorded: RecordedPrice) -> Price? {
        let facts = recorded.facts
        guard recorded.tier == 2 else { return price(facts, capLeftMinor: recorded.capLeftMinor) }
        return secondTierPrice(
            of: recorded.baseMinor, for: facts, to: recorded.affiliateID, capLeftMinor: recorded.capLeftMinor)
    }

    /// The prices of an order whose caps had so much left: the first, and the referrer's behind it if there is one.
    ///
    /// - Parameters:
    ///   - referrerID: who referred the affiliate; nil: nobody.
    ///   - capsLeft: what the tightest cap of each tier had left; nil: no cap.
    public func prices(
        _ facts: OrderFacts, referrerID: String?, capsLeft: (first: Int64?, second: Int64?)
    ) -> [Price] {
        let first = price(facts, capLeftMinor: capsLeft.first)
        guard let referrerID, first.amountMinor > 0 else { return [first] }
        let second = secondTierPrice(
            of: first.amountMinor, for: facts, to: referrerID, capLeftMinor: capsLeft.second)
        return [first] + (second.map { [$0] } ?? [])
    }

    private func price(_ facts: OrderFacts, capLeftMinor: Int64?) -> Price {
        let rule = winner(for: facts)
        var caps = caps(leaving: capLeftMinor, to: rule, facts, facts.affiliateID)
        return price(facts, by: rule, caps: &caps)
    }

    private func secondTierPrice(
        of commissionMinor: Int64, for facts: OrderFacts, to referrerID: String, capLeftMinor: Int64?
    ) -> Price? {
        guard let rule = secondTierWinner(for: facts) else { return nil }
        var caps = caps(leaving: capLeftMinor, to: rule, facts, referrerID)
        return secondTierPrice(of: commissionMinor, for: facts, to: referrerID, by: rule, caps: &caps)
    }

    private func caps(
        leaving leftMinor: Int64?, to rule: RuleVersion?, _ facts: OrderFacts, _ affiliateID: String
    ) -> CapBook {
        guard let rule, let leftMinor else { return CapBook() }
        return CapBook(leaving: leftMinor, to: rule, capKeys(of: rule, facts, affiliateID))
    }

    fileprivate func capKeys(of rule: RuleVersion, _ facts: OrderFacts, _ affiliateID: String) -> [CapKey] {
        CapBook.keys(
            of: rule, programID: programID, affiliateID: affiliateID, at: facts.occurredAt,
            in: facts.commissionCurrency)
    }
}

extension RecordedPrice {
    /// Whether a price is what was recorded, to the minor unit and by the same rule.
    public func agrees(with price: Price?) -> Bool {
        guard let price else { return false }
        return price.amountMinor == amountMinor && price.uncappedMinor == uncappedMinor
            && price.rule?.ruleID == ruleID && price.rule?.version == ruleVersion && price.baseMinor == baseMinor
    }
}

extension RuleSet {
    /// What a rule's price took out of its caps.
    fileprivate func capUsage(
        of rule: RuleVersion?, _ facts: OrderFacts, _ affiliateID: String, _ amountMinor: Int64
    ) -> [CapKey: Int64] {
        guard let rule, amountMinor > 0 else { return [:] }
        let keys = Set(capKeys(of: rule, facts, affiliateID))
        return Dictionary(uniqueKeysWithValues: keys.map { ($0, amountMinor) })
    }

    /// What commissions took out of caps when they were priced.
    fileprivate func capUsage(of recorded: [RecordedPrice]) -> [CapKey: Int64] {
        recorded.filter { $0.capLeftMinor != nil }.reduce(into: [:]) { usage, commission in
            let rule = commission.ruleID.flatMap { version(commission.ruleVersion ?? 0, of: $0) }
            let taken = capUsage(of: rule, commission.facts, commission.affiliateID, commission.amountMinor)
            usage.merge(taken, uniquingKeysWith: +)
        }
    }
}

/// What conversions took out of caps that are to be priced once more, and what caps their prices look at.
public struct CapDemand: Sendable {
    private let proposed: RuleSet
    /// Minor units, by count.
    public private(set) var takenMinor: [CapKey: Int64] = [:]
    /// Every count that was taken from or will be looked at.
    public private(set) var keys: Set<CapKey> = []

    /// - Parameter proposed: the programme's rules with those that are proposed.
    public init(proposed: RuleSet) {
        self.proposed = proposed
    }

    /// Counts a conversion, as `WhatIf` prices it.
    public mutating func take(_ recorded: [RecordedPrice], referrerID: String?) {
        let usage = proposed.capUsage(of: recorded)
        takenMinor.merge(usage, uniquingKeysWith: +)
        keys.formUnion(usage.keys)
        guard let facts = recorded.first(where: { $0.tier == 1 })?.facts else { return }
        if let rule = proposed.winner(for: facts) {
            keys.formUnion(proposed.capKeys(of: rule, facts, facts.affiliateID))
        }
        guard let referrerID, let rule = proposed.secondTierWinner(for: facts) else { return }
        keys.formUnion(proposed.capKeys(of: rule, facts, referrerID))
    }
}

/// What a conversion would have paid by other rules.
public struct Proposal: Hashable, Sendable {
    public let conversionID: Identifier
    /// Its first commission as it stands.
    public let commissionID: Identifier
    /// Who referred its affiliate; nil: nobody.
    public let referrerID: String?
    public let first: Price
    /// The referrer's; nil: none.
    public let second: Price?
    /// What its commissions are together, in minor units of their currency.
    public let beforeMinor: Int64
    public let afterMinor: Int64
}

/// What affiliates would have earned by other rules, priced in the order in which their orders came.
public struct WhatIf: Sendable {
    /// An affiliate's money in one currency, minor units.
    public struct Difference: Hashable, Sendable {
        public var recordedMinor: Int64 = 0
        public var proposedMinor: Int64 = 0
        public var changedMinor: Int64 { proposedMinor - recordedMinor }
    }

    /// Whose money, in which currency.
    public struct Key: Hashable, Comparable, Sendable {
        public let affiliateID: String
        public let currency: Currency

        public static func < (left: Key, right: Key) -> Bool {
            (left.affiliateID, left.currency) < (right.affiliateID, right.currency)
        }
    }

    private let proposed: RuleSet
    public private(set) var caps: CapBook
    public private(set) var differences: [Key: Difference] = [:]
    /// Conversions that would be paid otherwise, or counted by other caps.
    public private(set) var changed = 0
    public private(set) var priced = 0

    /// - Parameters:
    ///   - proposed: the programme's rules with those that are proposed.
    ///   - caps: what everything has taken but the conversions that are priced.
    public init(proposed: RuleSet, caps: CapBook) {
        self.proposed = proposed
        self.caps = caps
    }

    /// Prices a conversion as it would have been.
    ///
    /// - Parameters:
    ///   - recorded: its commissions of the programme that no correction superseded, the first behind no other.
    ///   - referrerID: who referred the affiliate; nil: nobody.
    /// - Returns: nil if nobody would be paid more or less, and no other cap would count it.
    public mutating func take(_ recorded: [RecordedPrice], referrerID: String?) -> Proposal? {
        guard let standing = recorded.first(where: { $0.tier == 1 }) else { return nil }
        let facts = standing.facts
        let first = proposed.price(facts, by: proposed.winner(for: facts), caps: &caps)
        var amounts = [facts.affiliateID: first.amountMinor]
        var second: Price?
        if let referrerID, let rule = proposed.secondTierWinner(for: facts), first.amountMinor > 0 {
            let price = proposed.secondTierPrice(
                of: first.amountMinor, for: facts, to: referrerID, by: rule, caps: &caps)
            amounts[referrerID, default: 0] += price.amountMinor
            second = price
        }
        var before: [String: Int64] = [:]
        for commission in recorded { before[commission.affiliateID, default: 0] += commission.amountMinor }
        priced += 1
        for affiliateID in Set(amounts.keys).union(before.keys) {
            let key = Key(affiliateID: affiliateID, currency: facts.commissionCurrency)
            differences[key, default: Difference()].recordedMinor += before[affiliateID] ?? 0
            differences[key, default: Difference()].proposedMinor += amounts[affiliateID] ?? 0
        }
        var usage = proposed.capUsage(of: first.rule, facts, facts.affiliateID, first.amountMinor)
        if let second, let referrerID {
            let shared = proposed.capUsage(of: second.rule, facts, referrerID, second.amountMinor)
            usage.merge(shared, uniquingKeysWith: +)
        }
        let isPaidAlike = amounts.filter { $0.value > 0 } == before.filter { $0.value > 0 }
        guard !isPaidAlike || usage != proposed.capUsage(of: recorded) else { return nil }
        changed += 1
        return Proposal(
            conversionID: standing.conversionID, commissionID: standing.commissionID, referrerID: referrerID,
            first: first, second: second, beforeMinor: before.values.reduce(0, +),
            afterMinor: amounts.values.reduce(0, +))
    }
}
