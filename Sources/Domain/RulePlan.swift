/// A rule as somebody wants it to be.
public struct WantedRule: Hashable, Sendable {
    public let ruleID: String
    public let priority: Int32
    /// nil: from now on, if it is a change.
    public let validFrom: Timestamp?
    /// Exclusive.
    public let validUntil: Timestamp?
    public let terms: RuleTerms

    public init(ruleID: String, priority: Int32, validFrom: Timestamp?, validUntil: Timestamp?, terms: RuleTerms) {
        self.ruleID = ruleID
        self.priority = priority
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.terms = terms
    }
}

/// What has to be done for a programme to have the rules that somebody wants: new versions only, as none ever changes.
public struct RulePlan: Hashable, Sendable {
    public enum Change: Hashable, Sendable {
        case add(RuleVersion)
        case change(RuleVersion, from: RuleVersion)
        /// No order from `RuleVersion.validFrom` on is priced by it.
        case end(RuleVersion)
        case keep(RuleVersion)

        /// The version to be recorded; nil if there is nothing to do.
        public var version: RuleVersion? {
            switch self {
            case .add(let version), .change(let version, _), .end(let version): version
            case .keep: nil
            }
        }
    }

    /// Why a set of rules cannot be planned.
    public enum Refusal: Error, Hashable, Sendable {
        case ruleTwice(String)
        /// It would begin before the version that it supersedes.
        case beginsTooEarly(String, notBefore: Timestamp)
        case endsBeforeItBegins(String)
        /// It has no letters, or more than 64 characters.
        case badName(String)
    }

    /// In the order of the rules' ids.
    public let changes: [Change]
    /// The programme's count of rule changes that it starts from.
    public let rulesVersion: Int32

    public var isEmpty: Bool { changes.allSatisfy { $0.version == nil } }

    /// - Parameters:
    ///   - current: every version that is known.
    ///   - rulesVersion: the programme's, at which `current` was read.
    ///   - wanted: all rules that the programme is to have; others end.
    ///   - now: when versions without a date begin.
    public init(
        current: RuleSet, rulesVersion: Int32, wanted: [WantedRule], at now: Timestamp
    ) throws(Refusal) {
        self.rulesVersion = rulesVersion
        let numbers = current.nextNumbers
        let latest = Dictionary(uniqueKeysWithValues: current.latestVersions.map { ($0.ruleID, $0) })
        var changes: [Change] = []
        var names: Set<String> = []
        for wanted in wanted {
            guard names.insert(wanted.ruleID).inserted else { throw .ruleTwice(wanted.ruleID) }
            guard (1...64).contains(wanted.ruleID.unicodeScalars.count) else { throw .badName(wanted.ruleID) }
            changes.append(
                try RulePlan.change(
                    wanted, latest[wanted.ruleID], number: numbers[wanted.ruleID] ?? 1, rulesVersion: rulesVersion + 1,
                    at: now))
        }
        for (ruleID, last) in latest where !names.contains(ruleID) && last.validUntil.map({ $0 > now }) ?? true {
            let start = max(now, last.validFrom)
            changes.append(
                .end(
                    RuleVersion(
                        ruleID: ruleID, version: numbers[ruleID] ?? 1, rulesVersion: rulesVersion + 1, validFrom: start,
                        validUntil: start, priority: last.priority, terms: last.terms)))
        }
        self.changes = changes.sorted { $0.ruleID < $1.ruleID }
    }

    private static func change(
        _ wanted: WantedRule, _ last: RuleVersion?, number: Int32, rulesVersion: Int32, at now: Timestamp
    ) throws(Refusal) -> Change {
        if let last, wanted.terms == last.terms, wanted.priority == last.priority,
            wanted.validUntil == last.validUntil, wanted.validFrom ?? last.validFrom == last.validFrom
        {
            return .keep(last)
        }
        let start = wanted.validFrom ?? max(now, last?.validFrom ?? now)
        if let last, start < last.validFrom { throw .beginsTooEarly(wanted.ruleID, notBefore: last.validFrom) }
        if let end = wanted.validUntil, end <= start { throw .endsBeforeItBegins(wanted.ruleID) }
        let version = RuleVersion(
            ruleID: wanted.ruleID, version: number, rulesVersion: rulesVersion, validFrom: start,
            validUntil: wanted.validUntil, priority: wanted.priority, terms: wanted.terms)
        return last.map { .change(version, from: $0) } ?? .add(version)
    }
}

extension RuleSet {
    /// The number of each known rule's next version: corrections are counted too.
    var nextNumbers: [String: Int32] {
        Dictionary(versions.map { ($0.ruleID, $0.version + 1) }, uniquingKeysWith: max)
    }
}

extension RulePlan.Change {
    public var ruleID: String {
        switch self {
        case .add(let version), .change(let version, _), .end(let version), .keep(let version): version.ruleID
        }
    }
}
