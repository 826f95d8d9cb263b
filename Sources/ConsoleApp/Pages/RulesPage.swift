import Domain
import Storage

/// Programmes, or one of them with its rules and the simulator, as the template shows them.
struct RulesPage: Sendable {
    struct Row: Sendable {
        let id: String
        let name: String
        let address: String
        let conversionsAddress: String
        let currency: String
        let terms: Terms
    }

    struct Terms: Sendable {
        let paysIn: String
        let hold: String
        let window: String
        let coupons: String
        let minimum: String
        let automatic: String
        let markets: String
        let rulesVersion: String
    }

    struct Program: Sendable {
        let row: Row
        let firstTier: [RuleView]
        let secondTier: [RuleView]
        let hasSecondTier: Bool
        let simulator: Simulator
    }

    /// The form, filled as it was sent, and what came of it.
    struct Simulator: Sendable {
        let affiliate: String
        let amount: String
        let currency: String
        let date: String
        let quantity: String
        let country: String
        let coupon: String
        let subID: String
        let customer: String
        let sku: String
        let category: String
        let newCustomer: [ConversionsPage.Choice]
        let conversion: String
        let error: Refusal?
        let result: Result?
    }

    struct Refusal: Sendable {
        let sentence: String
        let value: String?
    }

    struct Result: Sendable {
        let amount: String
        let uncapped: String?
        let currency: String
        let affiliate: String
        let winner: String?
        let steps: [String]
        let rules: [RuleView]
        let codes: [ConversionsPage.Reason]
        let referrer: Referrer?
    }

    struct Referrer: Sendable {
        let affiliate: String
        let rule: String
        let amount: String
        let currency: String
    }

    let programs: [Row]
    /// Empty on the last page, and where one programme is shown.
    let next: String?
    let program: Program?
}

extension RulesPage.Row {
    init(_ terms: ProgramTerms) {
        id = terms.programId
        name = terms.name
        address = "/console/rules" + PercentEncoding.query(["program_id": terms.programId])
        conversionsAddress = "/console/conversions" + PercentEncoding.query(["program_id": terms.programId])
        currency = terms.currency
        self.terms = RulesPage.Terms(
            paysIn: terms.paysIn == "program" ? "The programme's currency" : "The order's currency",
            hold: RulesPage.Row.days(terms.holdDays), window: RulesPage.Row.days(terms.attributionWindowDays),
            coupons: terms.couponBeatsClick ? "Coupon before click" : "Click before coupon",
            minimum: Figures.amount(terms.minimumPayoutMinor, terms.currency),
            automatic: Figures.amount(terms.autoApproveLimitMinor, terms.currency),
            markets: terms.mainMarkets.isEmpty ? "–" : terms.mainMarkets.joined(separator: ", "),
            rulesVersion: String(terms.rulesVersion))
    }

    private static func days(_ count: Int32) -> String { "\(count) \(count == 1 ? "day" : "days")" }
}

extension RulesPage.Result {
    /// - Parameter currency: the programme's.
    init(_ simulation: RuleSimulation, _ currency: Currency?) {
        amount = Figures.amount(simulation.amountMinor, simulation.currency)
        uncapped =
            simulation.uncappedMinor == simulation.amountMinor
            ? nil : Figures.amount(simulation.uncappedMinor, simulation.currency)
        self.currency = simulation.currency
        affiliate = simulation.affiliateId
        winner = simulation.rules.first { $0.lost == nil }.map { "\($0.ruleId) version \($0.version)" }
        steps = simulation.calculation
        rules = RuleView.contest(simulation.rules, currency)
        codes = simulation.codes.map(ConversionsPage.Reason.init)
        referrer = simulation.referrer.map { share in
            RulesPage.Referrer(
                affiliate: share.affiliateId, rule: share.ruleId,
                amount: Figures.amount(share.amountMinor, simulation.currency), currency: simulation.currency)
        }
    }
}
