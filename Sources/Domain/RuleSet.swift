/// The rules of a programme as far as they are known, in the order in which they are asked.
///
/// Precedence, each step only among equals of the one before: rules for named affiliates, rules for groups, rules for
/// the whole programme; the greater priority; more conditions; the greater version; the smaller id.
public struct RuleSet: Sendable {
    public let programID: String
    public let programCurrency: Currency
    /// Rules for the affiliate who brought the order.
    public let firstTier: [RuleVersion]
    /// Rules for the affiliate who referred that one.
    public let secondTier: [RuleVersion]
    /// When later versions of the same rule count instead, by rule and version.
    private let superseded: [VersionKey: Supersession]
    private let numbered: [VersionKey: RuleVersion]

    private struct VersionKey: Hashable {
        let ruleID: String
        let version: Int32
    }

    private struct Supersession {
        /// By a later version, for good.
        var from: Timestamp?
        /// By corrections, each for its own time.
        var spans: [Range<Timestamp>] = []

        func includes(_ moment: Timestamp) -> Bool {
            from.map { $0 <= moment } ?? false || spans.contains { $0.contains(moment) }
        }
    }

    /// - Parameter versions: all that are known, in any order.
    public init(programID: String, programCurrency: Currency, versions: [RuleVersion]) {
        self.programID = programID
        self.programCurrency = programCurrency
        let sorted = versions.sorted { Precedence($0) < Precedence($1) }
        firstTier = sorted.filter { !$0.terms.action.isSecondTier }
        secondTier = sorted.filter { $0.terms.action.isSecondTier }
        var superseded: [VersionKey: Supersession] = [:]
        for later in Dictionary(grouping: versions, by: \.ruleID).values {
            var next = Supersession()
            for version in later.sorted(by: { $0.version > $1.version }) {
                superseded[VersionKey(ruleID: version.ruleID, version: version.version)] = next
                if let span = version.corrects {
                    next.spans.append(span)
                } else {
                    next.from = min(next.from ?? version.validFrom, version.validFrom)
                }
            }
        }
        self.superseded = superseded
        numbered = Dictionary(
            versions.map { (VersionKey(ruleID: $0.ruleID, version: $0.version), $0) }, uniquingKeysWith: { $1 })
    }

    /// A version by its number.
    func version(_ number: Int32, of ruleID: String) -> RuleVersion? {
        numbered[VersionKey(ruleID: ruleID, version: number)]
    }

    /// Every version that is known, in the order in which they are asked; the second tier behind the first.
    public var versions: [RuleVersion] { firstTier + secondTier }

    /// Of each rule the version with the greatest number that is no correction, in the order in which they are asked.
    public var latestVersions: [RuleVersion] {
        let all = versions.filter { $0.corrects == nil }
        return all.filter { version in !all.contains { $0.ruleID == version.ruleID && $0.version > version.version } }
    }

    /// Whether a price may depend on what was paid before it.
    public var hasCaps: Bool { versions.contains { !$0.terms.caps.isEmpty } }

    /// The rules with more versions known.
    public func adding(_ versions: [RuleVersion]) -> RuleSet {
        RuleSet(programID: programID, programCurrency: programCurrency, versions: self.versions + versions)
    }

    /// Whether a price needs the customer's first order.
    public var needsCustomers: Bool {
        firstTier.contains { if case .recurring = $0.terms.action { true } else { false } }
    }

    /// Whether a price needs the affiliate's approved volume.
    public var needsVolumes: Bool {
        firstTier.contains { if case .tiered = $0.terms.action { true } else { false } }
    }

    /// The rule that prices an order; nil if none is for it.
    public func winner(for order: OrderFacts) -> RuleVersion? {
        firstTier.first { loss(of: $0, for: order) == nil }
    }

    /// The rule that pays the referring affiliate; nil if none is for the order.
    public func secondTierWinner(for order: OrderFacts) -> RuleVersion? {
        secondTier.first { loss(of: $0, for: order) == nil }
    }

    /// Every rule of the first tier in the order in which they are asked, each with why it lost. The one without a loss
    /// won.
    public func contest(for order: OrderFacts) -> [RuleContestant] {
        contest(firstTier, for: order)
    }

    /// The same of the second tier.
    public func secondTierContest(for order: OrderFacts) -> [RuleContestant] {
        contest(secondTier, for: order)
    }

    private func contest(_ rules: [RuleVersion], for order: OrderFacts) -> [RuleContestant] {
        var winner: RuleVersion?
        return rules.map { rule in
            if let loss = loss(of: rule, for: order) { return RuleContestant(rule: rule, loss: loss) }
            if let winner { return RuleContestant(rule: rule, loss: .outranked(by: winner.ruleID)) }
            winner = rule
            return RuleContestant(rule: rule, loss: nil)
        }
    }

    /// Why a rule is not for an order, the first of the checks that fails; nil if it is.
    private func loss(of rule: RuleVersion, for order: OrderFacts) -> RuleLoss? {
        let moment = order.occurredAt
        guard rule.validFrom <= moment else { return .notYetInForce }
        if superseded[VersionKey(ruleID: rule.ruleID, version: rule.version)]?.includes(moment) == true {
            return .superseded
        }
        if let validUntil = rule.validUntil, validUntil <= moment { return .ended }
        if let condition = rule.terms.conditions.firstFailure(for: order) { return .condition(condition) }
        if rule.terms.statesMoney {
            let currency = rule.terms.currency ?? programCurrency
            guard order.commissionCurrency == currency else { return .currencyDiffers }
            guard rule.terms.conditions.minimumOrderMinor == nil || order.currency == currency else {
                return .currencyDiffers
            }
        }
        if case .recurring(_, let months) = rule.terms.action {
            guard let since = order.customerSince else { return .customerUnknown }
            if let months, moment >= since.adding(months: months) { return .durationOver }
        }
        return nil
    }
}

/// A rule in the contest for an order.
public struct RuleContestant: Hashable, Sendable {
    public let rule: RuleVersion
    /// nil for the winner.
    public let loss: RuleLoss?
}

/// A condition by its name in a rule's definition.
public enum RuleCondition: String, CaseIterable, Sendable {
    case affiliates, groups, countries, skus, categories, coupons
    case subIDs = "sub_ids"
    case newCustomer = "new_customer"
    case minimumOrder = "minimum_order_minor"
}

/// Why a rule did not price an order.
public enum RuleLoss: Hashable, Sendable {
    case notYetInForce
    /// A later version of the same rule counted.
    case superseded
    case ended
    case condition(RuleCondition)
    /// It names amounts of another currency than the commission's.
    case currencyDiffers
    /// It pays by customer, and the order names none.
    case customerUnknown
    /// The customer's first order is too long ago.
    case durationOver
    /// It is for the order, but another comes first.
    case outranked(by: String)
}

extension RuleConditions {
    /// The first condition that does not hold, in the order in which `RuleCondition` lists them.
    func firstFailure(for order: OrderFacts) -> RuleCondition? {
        func fails(_ allowed: Set<String>, _ value: String?) -> Bool {
            !allowed.isEmpty && value.map(allowed.contains) != true
        }
        if fails(affiliates, order.affiliateID) { return .affiliates }
        if fails(groups, order.groupID) { return .groups }
        if fails(countries, order.country) { return .countries }
        if namesItems, !order.items.contains(where: takes) { return skus.isEmpty ? .categories : .skus }
        if fails(coupons, order.coupon) { return .coupons }
        if fails(subIDs, order.subID) { return .subIDs }
        if let newCustomer, order.isNewCustomer != newCustomer { return .newCustomer }
        if let minimumOrderMinor, order.amountMinor < minimumOrderMinor { return .minimumOrder }
        return nil
    }
}

/// The place of a rule among its programme's.
private struct Precedence: Comparable {
    private let scope: Int
    private let rule: RuleVersion

    init(_ rule: RuleVersion) {
        let conditions = rule.terms.conditions
        scope = conditions.affiliates.isEmpty ? (conditions.groups.isEmpty ? 2 : 1) : 0
        self.rule = rule
    }

    static func < (left: Precedence, right: Precedence) -> Bool {
        if left.scope != right.scope { return left.scope < right.scope }
        if left.rule.priority != right.rule.priority { return left.rule.priority > right.rule.priority }
        let counts = (left.rule.terms.conditions.count, right.rule.terms.conditions.count)
        if counts.0 != counts.1 { return counts.0 > counts.1 }
        if left.rule.version != right.rule.version { return left.rule.version > right.rule.version }
        return left.rule.ruleID < right.rule.ruleID
    }
}
