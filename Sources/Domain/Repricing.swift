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
        let rule = recorded.tier == 1 ? winner(for: recorded.facts) : secondTierWinner(for: recorded.facts)
        var caps = CapBook()
        if let rule, let left = recorded.capLeftMinor {
            let keys = CapBook.keys(
                of: rule, programID: programID, affiliateID: recorded.affiliateID, at: recorded.facts.occurredAt,
                in: recorded.facts.commissionCurrency)
            let used = zip(keys, rule.terms.caps).map { ($0, max(0, $1.limitMinor - left)) }
            caps = CapBook(usedMinor: Dictionary(used, uniquingKeysWith: min))
        }
        guard recorded.tier == 2 else { return price(recorded.facts, by: rule, caps: &caps) }
        guard let rule else { return nil }
        return secondTierPrice(
            of: recorded.baseMinor, for: recorded.facts, to: recorded.affiliateID, by: rule, caps: &caps)
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

/// What affiliates would have earned by other rules, priced in the order in which it was recorded.
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
    /// Caps begin unused at the start of what is replayed.
    private var caps = CapBook()
    public private(set) var differences: [Key: Difference] = [:]
    /// Commissions that would have another amount.
    public private(set) var changed = 0
    public private(set) var priced = 0

    /// - Parameter proposed: the programme's rules with those that are proposed.
    public init(proposed: RuleSet) {
        self.proposed = proposed
    }

    /// Prices a conversion as it would have been.
    ///
    /// - Parameters:
    ///   - recorded: its commissions of the programme that no correction superseded, the first behind no other.
    ///   - referrerID: who referred the affiliate; nil: nobody.
    public mutating func take(_ recorded: [RecordedPrice], referrerID: String?) {
        guard let first = recorded.first(where: { $0.tier == 1 }) else { return }
        let facts = first.facts
        let price = proposed.price(facts, by: proposed.winner(for: facts), caps: &caps)
        var amounts = [first.affiliateID: price.amountMinor]
        if let referrerID, let rule = proposed.secondTierWinner(for: facts), price.amountMinor > 0 {
            amounts[referrerID, default: 0] +=
                proposed.secondTierPrice(
                    of: price.amountMinor, for: facts, to: referrerID, by: rule, caps: &caps
                ).amountMinor
        }
        var before: [String: Int64] = [:]
        for commission in recorded { before[commission.affiliateID, default: 0] += commission.amountMinor }
        priced += 1
        if amounts.filter({ $0.value > 0 }) != before.filter({ $0.value > 0 }) { changed += 1 }
        for affiliateID in Set(amounts.keys).union(before.keys) {
            let key = Key(affiliateID: affiliateID, currency: facts.commissionCurrency)
            differences[key, default: Difference()].recordedMinor += before[affiliateID] ?? 0
            differences[key, default: Difference()].proposedMinor += amounts[affiliateID] ?? 0
        }
    }
}
