import Domain
import Testing

/// A programme with a rule for all and one for the affiliate `x`, and a correction for the seconds 10 up to 20.
@Suite("Rules of a correction")
struct RuleCorrectionTests {
    private static let span = second(10)..<second(20)

    private static func second(_ number: Int64) -> Timestamp { Timestamp(secondsSinceEpoch: number) }

    private static func terms(_ basisPoints: Int32, for affiliates: Set<String> = []) -> RuleTerms {
        var terms = RuleTerms(action: .percent(BasisPoints(basisPoints)))
        terms.conditions.affiliates = affiliates
        return terms
    }

    private static func version(
        _ ruleID: String, _ number: Int32, from first: Int64, change: Int32, for affiliates: Set<String> = []
    ) -> RuleVersion {
        RuleVersion(
            ruleID: ruleID, version: number, rulesVersion: change, validFrom: second(first), validUntil: nil,
            priority: 0, terms: terms(100, for: affiliates))
    }

    private static func wanted(
        _ ruleID: String, from first: Int64? = nil, until end: Int64? = nil, priority: Int32 = 0
    ) -> WantedRule {
        WantedRule(
            ruleID: ruleID, priority: priority, validFrom: first.map(second), validUntil: end.map(second),
            terms: terms(200))
    }

    private static func known() throws -> RuleSet {
        let versions = [
            version("standard", 1, from: 0, change: 1), version("x", 1, from: 0, change: 2, for: ["x"]),
            version("later", 1, from: 30, change: 3),
        ]
        return RuleSet(programID: "p", programCurrency: try #require(RuleSetTests.eur), versions: versions)
    }

    /// What is wanted of the span, and which version prices an order of whom at which second.
    static let cases: [(String, [WantedRule], affiliate: String, second: Int64, winner: String?)] = [
        ("before the span", [wanted("standard")], "a", 9, "standard 1"),
        ("at its start", [wanted("standard")], "a", 10, "standard 2"),
        ("at its end", [wanted("standard")], "a", 20, "standard 1"),
        ("a rule that is not wanted", [wanted("standard")], "x", 15, "standard 2"),
        ("the same behind the span", [wanted("standard")], "x", 25, "x 1"),
        ("nothing is wanted", [], "a", 15, nil),
        (
            "a new rule from a moment on, before it", [wanted("standard"), wanted("new", from: 15, priority: 1)], "a",
            14, "standard 2"
        ),
        ("a new rule from a moment on", [wanted("standard"), wanted("new", from: 15, priority: 1)], "a", 15, "new 1"),
        (
            "a new rule behind the span", [wanted("standard"), wanted("new", from: 15, priority: 1)], "a", 20,
            "standard 1"
        ),
        ("a new rule that ends", [wanted("standard"), wanted("new", until: 12, priority: 1)], "a", 12, "standard 2"),
        ("a rule that begins behind the span", [wanted("standard", from: 40)], "a", 15, nil),
    ]

    @Test("It prices orders of its time, and no others", arguments: cases)
    func winner(name: String, wanted: [WantedRule], affiliate: String, second: Int64, winner: String?) throws {
        let known = try Self.known()
        let added = try RuleCorrection.versions(wanted, known: known, rulesVersion: 4, span: Self.span)
        let order = try RuleSetTests.order {
            $0.affiliateID = affiliate
            $0.occurredAt = Self.second(second)
        }
        let found = known.adding(added).winner(for: order)
        #expect(found.map { "\($0.ruleID) \($0.version)" } == winner, "\(name)")
        #expect(known.adding(added).latestVersions.map(\.version) == [1, 1, 1], "\(name)")
    }

    @Test("A later change counts instead from its own start on, and takes a number of its own")
    func laterChange() throws {
        let known = try Self.known()
        let added = try RuleCorrection.versions(
            [Self.wanted("standard")], known: known, rulesVersion: 4, span: Self.span)
        let plan = try RulePlan(
            current: known.adding(added), rulesVersion: 4,
            wanted: [
                WantedRule(
                    ruleID: "standard", priority: 0, validFrom: Self.second(15), validUntil: nil,
                    terms: Self.terms(300))
            ], at: Self.second(50))
        let rules = known.adding(added + plan.changes.compactMap(\.version))
        let winners = try [12, 15, 25].map { second in
            rules.winner(for: try RuleSetTests.order { $0.occurredAt = Self.second(second) })
        }
        #expect(winners.map { $0?.version } == [2, 3, 3])
    }

    @Test("What cannot be is refused")
    func refusals() throws {
        let known = try Self.known()
        for (wanted, refusal) in [
            ([Self.wanted("a"), Self.wanted("a")], RulePlan.Refusal.ruleTwice("a")),
            ([Self.wanted("a", from: 15, until: 15)], .endsBeforeItBegins("a")), ([Self.wanted("")], .badName("")),
        ] {
            #expect(throws: refusal) {
                try RuleCorrection.versions(wanted, known: known, rulesVersion: 4, span: Self.span)
            }
        }
    }
}
