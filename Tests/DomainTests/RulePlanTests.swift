import Domain
import Testing

@Suite("Plans of rules")
struct RulePlanTests {
    private static let now = Timestamp(secondsSinceEpoch: 1_000)

    private static func wanted(
        _ id: String, percent: Int32 = 1_000, priority: Int32 = 0, from: Int64? = nil, until: Int64? = nil
    ) -> WantedRule {
        WantedRule(
            ruleID: id, priority: priority, validFrom: from.map(Timestamp.init(secondsSinceEpoch:)),
            validUntil: until.map(Timestamp.init(secondsSinceEpoch:)),
            terms: RuleTerms(action: .percent(BasisPoints(percent))))
    }

    private static let current = [
        RuleSetTests.line("kept"), RuleSetTests.line("old") { $0.from = 500 },
        RuleSetTests.line("old") {
            $0.version = 2
            $0.from = 2_000
        },
        RuleSetTests.line("over") { $0.until = 900 },
    ]

    @Test(
        "Each change is a new version, and what is missing ends",
        arguments: [
            ([wanted("kept"), wanted("old")], []),
            ([wanted("kept")], ["old v3 2000-2000"]),
            ([wanted("kept", percent: 5), wanted("old")], ["kept v2 1000-"]),
            ([wanted("kept", priority: 1, from: 3_000), wanted("old")], ["kept v2 3000-"]),
            ([wanted("kept"), wanted("old"), wanted("new", until: 5_000)], ["new v1 1000-5000"]),
            ([wanted("kept"), wanted("old", percent: 5)], ["old v3 2000-"]),
        ])
    func changes(wanted: [WantedRule], versions: [String]) throws {
        let plan = try RulePlan(
            current: RuleSetTests.set(Self.current), rulesVersion: 7, wanted: wanted, at: Self.now)
        let made = plan.changes.compactMap(\.version)
        #expect(
            made.map { version in
                let from = version.validFrom.microsecondsSinceEpoch / 1_000_000
                let until = version.validUntil.map { String($0.microsecondsSinceEpoch / 1_000_000) } ?? ""
                return "\(version.ruleID) v\(version.version) \(from)-\(until)"
            } == versions)
        #expect(made.allSatisfy { $0.rulesVersion == 8 })
        #expect(plan.isEmpty == versions.isEmpty)
    }

    @Test(
        "What cannot be is refused",
        arguments: [
            ([wanted("a"), wanted("a")], .ruleTwice("a")),
            ([wanted("old", from: 1_999)], .beginsTooEarly("old", notBefore: Timestamp(secondsSinceEpoch: 2_000))),
            ([wanted("a", from: 5, until: 5)], .endsBeforeItBegins("a")), ([wanted("")], .badName("")),
        ] as [([WantedRule], RulePlan.Refusal)])
    func refusals(wanted: [WantedRule], refusal: RulePlan.Refusal) throws {
        let rules = try RuleSetTests.set(Self.current)
        #expect(throws: refusal) {
            try RulePlan(current: rules, rulesVersion: 7, wanted: wanted, at: Self.now)
        }
    }
}
