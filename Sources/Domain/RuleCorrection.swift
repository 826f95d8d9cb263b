/// The versions by which a programme's orders of some time are to have been priced: new ones only, known from now on,
/// and for that time alone. What was priced before keeps the versions that were known then.
public enum RuleCorrection {
    /// - Parameters:
    ///   - wanted: all rules of that time; no other prices an order of it.
    ///   - known: every version that is known.
    ///   - rulesVersion: the programme's count of rule changes that brings them.
    ///   - span: for orders of which time they are. A rule without a date is for all of it.
    public static func versions(
        _ wanted: [WantedRule], known: RuleSet, rulesVersion: Int32, span: Range<Timestamp>
    ) throws(RulePlan.Refusal) -> [RuleVersion] {
        let numbers = known.nextNumbers
        func version(_ rule: WantedRule, _ valid: Range<Timestamp>) -> RuleVersion {
            RuleVersion(
                ruleID: rule.ruleID, version: numbers[rule.ruleID] ?? 1, rulesVersion: rulesVersion,
                validFrom: valid.lowerBound, validUntil: valid.upperBound, priority: rule.priority, terms: rule.terms,
                corrects: span)
        }
        var names: Set<String> = []
        var versions: [RuleVersion] = []
        for rule in wanted {
            guard names.insert(rule.ruleID).inserted else { throw .ruleTwice(rule.ruleID) }
            guard (1...64).contains(rule.ruleID.unicodeScalars.count) else { throw .badName(rule.ruleID) }
            let start = rule.validFrom ?? span.lowerBound
            if let end = rule.validUntil, end <= start { throw .endsBeforeItBegins(rule.ruleID) }
            versions.append(version(rule, (start..<(rule.validUntil ?? max(start, span.upperBound))).clamped(to: span)))
        }
        // A version that is valid at no moment takes the place of those that are not wanted.
        let none = span.lowerBound..<span.lowerBound
        for other in known.latestVersionsOfAll where !names.contains(other.ruleID) {
            guard known.versions.contains(where: { $0.ruleID == other.ruleID && $0.mayPrice(in: span) }) else {
                continue
            }
            let rule = WantedRule(
                ruleID: other.ruleID, priority: other.priority, validFrom: nil, validUntil: nil, terms: other.terms)
            versions.append(version(rule, none))
        }
        return versions
    }
}

extension RuleSet {
    /// Of each rule the version with the greatest number, corrections among them.
    fileprivate var latestVersionsOfAll: [RuleVersion] {
        Dictionary(grouping: versions, by: \.ruleID).values.compactMap { $0.max { $0.version < $1.version } }
            .sorted { $0.ruleID < $1.ruleID }
    }
}

extension RuleVersion {
    fileprivate func mayPrice(in span: Range<Timestamp>) -> Bool {
        validFrom < span.upperBound && (validUntil.map { span.lowerBound < $0 && validFrom < $0 } ?? true)
    }
}
