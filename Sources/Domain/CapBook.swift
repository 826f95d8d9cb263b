/// One count that a cap limits.
public struct CapKey: Hashable, Comparable, Sendable {
    public let programID: String
    public let ruleID: String
    /// Empty where all affiliates share the cap.
    public let affiliateID: String
    public let period: CalendarPeriod
    /// Days since 1970-01-01, UTC.
    public let startDay: Int32
    public let currency: Currency

    public init(
        programID: String, ruleID: String, affiliateID: String, period: CalendarPeriod, startDay: Int32,
        currency: Currency
    ) {
        self.programID = programID
        self.ruleID = ruleID
        self.affiliateID = affiliateID
        self.period = period
        self.startDay = startDay
        self.currency = currency
    }

    public static func < (left: CapKey, right: CapKey) -> Bool {
        let texts = (left.programID, left.ruleID, left.affiliateID, left.period.rawValue)
        let others = (right.programID, right.ruleID, right.affiliateID, right.period.rawValue)
        return texts == others
            ? (left.startDay, left.currency) < (right.startDay, right.currency) : texts < others
    }
}

/// What the caps of a batch have used.
///
/// Whoever prices holds the rows of these counts, so nobody else adds to them meanwhile.
public struct CapBook: Sendable {
    /// Minor units, by count.
    public private(set) var usedMinor: [CapKey: Int64]
    /// Which counts were added to.
    public private(set) var changed: Set<CapKey> = []

    public init(usedMinor: [CapKey: Int64] = [:]) {
        self.usedMinor = usedMinor
    }

    /// As if the caps of a rule had so much left for one commission.
    ///
    /// - Parameter keys: one for each of the rule's caps.
    init(leaving leftMinor: Int64, to rule: RuleVersion, _ keys: [CapKey]) {
        let used = zip(keys, rule.terms.caps).map { ($0, max(0, $1.limitMinor - leftMinor)) }
        self.init(usedMinor: Dictionary(used, uniquingKeysWith: min))
    }

    /// The counts that a rule's caps look at for one commission, in the order of the caps.
    ///
    /// - Parameter affiliateID: who gets the commission.
    public static func keys(
        of rule: RuleVersion, programID: String, affiliateID: String, at moment: Timestamp, in currency: Currency
    ) -> [CapKey] {
        rule.terms.caps.map { cap in
            CapKey(
                programID: programID, ruleID: rule.ruleID, affiliateID: cap.scope == .affiliate ? affiliateID : "",
                period: cap.period, startDay: cap.period.startDay(of: moment), currency: currency)
        }
    }

    /// Gives back what commissions took that others take the place of.
    public mutating func giveBack(_ takenMinor: [CapKey: Int64]) {
        for (key, amountMinor) in takenMinor where amountMinor > 0 {
            usedMinor[key] = max(0, usedMinor[key, default: 0] - amountMinor)
            changed.insert(key)
        }
    }

    /// Takes up to `wantedMinor` out of every cap.
    ///
    /// - Parameter keys: one for each of `caps`.
    /// - Returns: what is granted, and what the tightest cap had left before; nil without caps.
    mutating func take(
        _ wantedMinor: Int64, from caps: [RuleCap], _ keys: [CapKey]
    ) -> (grantedMinor: Int64, leftMinor: Int64?) {
        let left = zip(caps, keys).map { cap, key in max(0, cap.limitMinor - usedMinor[key, default: 0]) }.min()
        guard let left else { return (wantedMinor, nil) }
        let granted = min(wantedMinor, left)
        for key in Set(keys) where granted > 0 {
            usedMinor[key, default: 0] += granted
            changed.insert(key)
        }
        return (granted, left)
    }
}
