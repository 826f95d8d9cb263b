import Domain
import Testing

@Suite("Rules in words") struct RuleNarrativeTests {
    private static func terms(_ action: RuleAction, _ change: (inout RuleTerms) -> Void = { _ in }) -> RuleTerms {
        var terms = RuleTerms(action: action)
        change(&terms)
        return terms
    }

    @Test(
        "What a rule pays is said in the currency of its amounts",
        arguments: [
            (terms(.percent(BasisPoints(1_250))), "12.50 % of the order"),
            (terms(.percent(BasisPoints(0))) { $0.conditions.skus = ["a"] }, "0.00 % of the items that it is for"),
            (terms(.fixed(1_250)), "12.50 EUR for each conversion"),
            (terms(.fixed(1_250)) { $0.currency = Currency(code: "JPY") }, "1250 JPY for each conversion"),
            (terms(.perItem(5)), "0.05 EUR for each piece of the order"),
            (
                terms(
                    .tiered([
                        RuleTier(fromMinor: 0, rate: BasisPoints(500)),
                        RuleTier(fromMinor: 100_000, rate: BasisPoints(800)),
                    ])),
                "by the affiliate's approved volume of the month: 5.00 % from 0.00 EUR, 8.00 % from 1000.00 EUR"
            ),
            (terms(.recurring(BasisPoints(300), months: nil)), "3.00 % of the order, for every order of a customer"),
            (
                terms(.recurring(BasisPoints(300), months: 12)),
                "3.00 % of the order, for every order of a customer until 12 months after the first"
            ),
            (
                terms(.secondTier(BasisPoints(1_000))),
                "10.00 % of the commission, to whoever referred the affiliate"
            ),
        ])
    func actions(terms: RuleTerms, words: String) throws {
        #expect(RuleNarrative.action(terms, in: try #require(Currency(code: "EUR"))) == words)
    }

    @Test("Conditions and caps are said one by one, a long list by its beginning")
    func conditionsAndCaps() throws {
        let euro = try #require(Currency(code: "EUR"))
        let terms = Self.terms(.percent(BasisPoints(1))) { terms in
            terms.conditions.countries = ["FR", "DE"]
            terms.conditions.coupons = Set((10..<24).map { "C\($0)" })
            terms.conditions.newCustomer = false
            terms.conditions.minimumOrderMinor = 5_000
            terms.caps = [
                RuleCap(scope: .affiliate, period: .month, limitMinor: 100),
                RuleCap(scope: .program, period: .total, limitMinor: 100_000),
            ]
        }
        #expect(
            RuleNarrative.conditions(terms, in: euro) == [
                "country DE, FR", "coupon C10, C11, C12, C13, C14, C15, C16, C17, C18, C19, C20, C21 and 2 more",
                "customers who ordered before", "orders from 50.00 EUR",
            ])
        #expect(
            RuleNarrative.caps(terms, in: euro) == [
                "at most 1.00 EUR per affiliate and month", "at most 1000.00 EUR in the programme in all",
            ])
        #expect(RuleNarrative.conditions(Self.terms(.fixed(1)), in: euro) == [])
    }
}
