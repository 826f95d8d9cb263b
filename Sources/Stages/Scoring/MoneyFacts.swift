import Domain
import Postgres
import Storage

/// What the database knows of the prices of a batch, before they are decided.
///
/// Caps are locked behind the commissions that refunds name and before balances: whoever takes several kinds of rows
/// takes them in this order.
struct MoneyFacts: Sendable {
    let rules: [String: RuleSet]
    /// With the rules that price them.
    private(set) var cases: [Identifier: PricingCase] = [:]
    var caps: CapBook
    /// What affiliates with a refund may be paid and owe.
    var balances: [AccountKey: FreeMoney]
    /// Customers whose first order is in this batch.
    private(set) var newCustomers: [Identifier: Timestamp] = [:]

    /// - Parameters:
    ///   - cases: in the order in which they are priced.
    ///   - refunded: affiliates whose commissions are taken back or restored.
    init(
        _ cases: [PricingCase], rules: [String: RuleSet], refunded: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        self.rules = rules
        let byVolume = cases.filter { rules[$0.program.programID]?.needsVolumes == true }
        let byCustomer = cases.filter { rules[$0.program.programID]?.needsCustomers == true }
        let volumes = try PricingLoad.volumes(unique(byVolume.map(\.volumeKey)), in: transaction)
        var customers = try PricingLoad.customers(unique(byCustomer.compactMap(\.customerKey)), in: transaction)
        for var pricing in cases {
            guard let rules = rules[pricing.program.programID] else { continue }
            if rules.needsVolumes { pricing.facts.approvedVolumeMinor = volumes[pricing.volumeKey] ?? 0 }
            if rules.needsCustomers, let key = pricing.customerKey {
                if customers[key] == nil {
                    customers[key] = pricing.facts.occurredAt
                    newCustomers[key] = pricing.facts.occurredAt
                }
                pricing.facts.customerSince = customers[key]
            }
            pricing.winner = rules.winner(for: pricing.facts)
            if pricing.referrerID != nil { pricing.secondTierWinner = rules.secondTierWinner(for: pricing.facts) }
            self.cases[pricing.commissionID] = pricing
        }
        caps = try PricingLoad.lockCaps(unique(self.cases.values.flatMap(\.capKeys)), in: transaction)
        balances = try RefundLoad.balances(unique(refunded), in: transaction)
    }

    /// - Parameters:
    ///   - decided: with their prices, for which caps were taken from before.
    ///   - refunded: as above.
    init(
        decided: [PricingCase], rules: [String: RuleSet], refunded: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        self.rules = rules
        cases = Dictionary(uniqueKeysWithValues: decided.map { ($0.commissionID, $0) })
        caps = CapBook()
        balances = try RefundLoad.balances(unique(refunded), in: transaction)
    }
}
