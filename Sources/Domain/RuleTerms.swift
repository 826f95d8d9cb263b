/// What a rule says: for which orders, what it pays, and up to how much.
public struct RuleTerms: Hashable, Sendable {
    public var conditions: RuleConditions
    public var action: RuleAction
    /// The currency of every amount in it; nil: the programme's.
    public var currency: Currency?
    public var caps: [RuleCap]

    public init(
        conditions: RuleConditions = RuleConditions(), action: RuleAction, currency: Currency? = nil,
        caps: [RuleCap] = []
    ) {
        self.conditions = conditions
        self.action = action
        self.currency = currency
        self.caps = caps
    }

    /// Whether it names amounts of money, and so is for commissions of its currency only.
    public var statesMoney: Bool {
        switch action {
        case .fixed, .perItem, .tiered: true
        case .percent, .recurring, .secondTier: !caps.isEmpty || conditions.minimumOrderMinor != nil
        }
    }
}

/// For which orders a rule is. An empty set is for all; every stated condition must hold.
public struct RuleConditions: Hashable, Sendable {
    public var affiliates: Set<String> = []
    public var groups: Set<String> = []
    public var countries: Set<String> = []
    public var skus: Set<String> = []
    public var categories: Set<String> = []
    public var coupons: Set<String> = []
    public var subIDs: Set<String> = []
    public var newCustomer: Bool?
    public var minimumOrderMinor: Int64?

    public init() {}

    /// How many conditions are stated: the more, the more special the rule.
    public var count: Int {
        let sets = [affiliates, groups, countries, skus, categories, coupons, subIDs]
        return sets.count { !$0.isEmpty } + (newCustomer == nil ? 0 : 1) + (minimumOrderMinor == nil ? 0 : 1)
    }

    var namesItems: Bool { !skus.isEmpty || !categories.isEmpty }

    func takes(_ item: OrderItem) -> Bool {
        (skus.isEmpty || item.sku.map(skus.contains) == true)
            && (categories.isEmpty || item.category.map(categories.contains) == true)
    }
}

/// What a rule pays.
public enum RuleAction: Hashable, Sendable {
    case percent(BasisPoints)
    /// For each conversion; minor units.
    case fixed(Int64)
    /// For each piece of the order, or of the items that the conditions name; minor units.
    case perItem(Int64)
    /// By the affiliate's approved volume of the order's month: the last tier that it reaches rates the whole order.
    /// Tiers ascend; the first starts at 0.
    case tiered([RuleTier])
    /// Each order of a customer, until `months` after the first; nil: for ever.
    case recurring(BasisPoints, months: Int32?)
    /// Of the commission, to the affiliate who referred the one who earned it.
    case secondTier(BasisPoints)

    public var isSecondTier: Bool {
        if case .secondTier = self { true } else { false }
    }
}

/// From how much approved volume on which rate is paid.
public struct RuleTier: Hashable, Sendable {
    public let fromMinor: Int64
    public let rate: BasisPoints

    public init(fromMinor: Int64, rate: BasisPoints) {
        self.fromMinor = fromMinor
        self.rate = rate
    }
}

/// How much a rule pays at most.
public struct RuleCap: Hashable, Sendable {
    public enum Scope: String, CaseIterable, Sendable {
        /// All affiliates together.
        case program
        /// Each affiliate.
        case affiliate
    }

    public let scope: Scope
    public let period: CalendarPeriod
    public let limitMinor: Int64

    public init(scope: Scope, period: CalendarPeriod, limitMinor: Int64) {
        self.scope = scope
        self.period = period
        self.limitMinor = limitMinor
    }
}

/// A version of a rule. It never changes: a later version supersedes it.
public struct RuleVersion: Hashable, Sendable {
    public let ruleID: String
    /// From 1.
    public let version: Int32
    /// The programme's count of rule changes that brought it.
    public let rulesVersion: Int32
    public let validFrom: Timestamp
    /// Exclusive; nil: until a later version.
    public let validUntil: Timestamp?
    /// The greater goes first.
    public let priority: Int32
    public let terms: RuleTerms
    /// For orders of which time a correction put it in the place of the versions before it, whether or not it is valid
    /// in all of that; nil: it is no correction, and takes their place from `validFrom` on.
    public let corrects: Range<Timestamp>?

    public init(
        ruleID: String, version: Int32, rulesVersion: Int32, validFrom: Timestamp, validUntil: Timestamp?,
        priority: Int32, terms: RuleTerms, corrects: Range<Timestamp>? = nil
    ) {
        self.ruleID = ruleID
        self.version = version
        self.rulesVersion = rulesVersion
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.priority = priority
        self.terms = terms
        self.corrects = corrects
    }

    public func hasEnded(at moment: Timestamp) -> Bool { validUntil.map { $0 <= moment } ?? false }
}
