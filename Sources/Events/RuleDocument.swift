public import Domain

/// Rules as files and the API have them: a definition with its id, its priority and the time that it is for.
public enum RuleDocument {
    /// Reads the rules of a list.
    ///
    /// - Throws: for the first member that is missing, unknown, of another type or out of its limits.
    public static func wanted(_ tree: JSONTree) throws(RuleDefinitionError) -> [WantedRule] {
        guard let list = tree.array else { throw RuleDefinitionError(field: "rules", problem: "is no list") }
        var wanted: [WantedRule] = []
        for (index, element) in list.enumerated() {
            do throws(RuleDefinitionError) {
                wanted.append(try rule(element))
            } catch {
                let name = element["id"]?.string ?? "number \(index + 1)"
                throw RuleDefinitionError(field: "rule \(name), \(error.field)", problem: error.problem)
            }
        }
        return wanted
    }

    private static func rule(_ tree: JSONTree) throws(RuleDefinitionError) -> WantedRule {
        guard case .object(var members) = tree else { throw RuleDefinitionError(field: "it", problem: "is no object") }
        guard let id = members.removeValue(forKey: "id")?.string, !id.isEmpty else {
            throw RuleDefinitionError(field: "id", problem: "is missing")
        }
        let priority = members.removeValue(forKey: "priority") ?? .integer(0)
        guard let number = priority.integer, let priority = Int32(exactly: number) else {
            throw RuleDefinitionError(field: "priority", problem: "is not a whole number of 32 bits")
        }
        let validFrom = try moment(members.removeValue(forKey: "valid_from"), "valid_from")
        let validUntil = try moment(members.removeValue(forKey: "valid_until"), "valid_until")
        // What a version is called is said by the programme's history.
        members.removeValue(forKey: "version")
        return WantedRule(
            ruleID: id, priority: priority, validFrom: validFrom, validUntil: validUntil,
            terms: try RuleDefinition.terms(.object(members)))
    }

    private static func moment(_ tree: JSONTree?, _ field: String) throws(RuleDefinitionError) -> Timestamp? {
        guard let tree, tree != .null else { return nil }
        guard let text = tree.string, let moment = Timestamp(rfc3339: text) else {
            throw RuleDefinitionError(field: field, problem: "is not an RFC 3339 date and time")
        }
        return moment
    }

    /// Versions as a JSON list that `wanted` reads.
    public static func json(_ versions: [RuleVersion]) -> String {
        var writer = JSONWriter()
        writer.array(versions) { $1.write(to: &$0) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension RuleVersion {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", ruleID)
            writer.member("version", Int64(version))
            writer.member("priority", Int64(priority))
            writer.member("valid_from", validFrom.rfc3339)
            if let validUntil { writer.member("valid_until", validUntil.rfc3339) }
            terms.writeMembers(to: &writer)
        }
    }
}

extension RulePlan.Refusal {
    /// For whoever wrote the rules.
    public var sentence: String {
        switch self {
        case .ruleTwice(let id): "the rule \(id) is there twice"
        case .beginsTooEarly(let id, let moment):
            "the rule \(id) begins before the version that it supersedes: not before \(moment.rfc3339)"
        case .endsBeforeItBegins(let id): "the rule \(id) ends before it begins"
        case .badName(let id): "the rule \(id) needs an id of 1 to 64 characters"
        }
    }
}
