import DevKit
import Postgres

/// What goes wrong with the demo's payouts: requests, webhooks and ends of every kind, spread evenly over those to be
/// paid.
struct DemoFaults: Sendable {
    /// How long a slow reply of a fake takes, and how long the payer waits for one.
    static let slowness = Duration.seconds(8)
    static let requestTimeoutSeconds = 5

    /// Those with an end; a payout that pays another amount, or never moves, is for a person.
    private static let ends: [CircleScript] = [.complete, .undocumented, .failed, .denied, .invalid, .fee]

    /// Requests that go wrong, each another affiliate's.
    let count: Int

    /// Lets them happen to those who have money waiting.
    func inject(pool: PostgresPool, stripe: StripeForDemo, circle: CircleForDemo) async throws {
        guard count > 0, stripe.isFake else { return }
        let count = count
        let accounts = try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT payout_provider, provider_account FROM affiliate a
                WHERE provider_account <> '' AND EXISTS (SELECT FROM affiliate_balance b
                    WHERE b.affiliate_id = a.affiliate_id AND b.payable > 0)
                ORDER BY hashtext(affiliate_id), affiliate_id LIMIT $1
                """, .int8(Int64(count))
            ) { row in (provider: try row.text(0), account: try row.text(1)) }
        }
        let banks = accounts.filter { $0.provider == "stripe" }.map(\.account)
        let wallets = accounts.filter { $0.provider == "circle" }.map(\.account)
        await stripe.inject(DemoFaults.requests(of: banks), webhooks: DemoFaults.webhooks(of: banks))
        await circle.inject(
            DemoFaults.requests(of: wallets), webhooks: DemoFaults.webhooks(of: wallets),
            scripts: DemoFaults.inTurn(DemoFaults.ends, wallets))
        complain("\(banks.count) requests to Stripe and \(wallets.count) to Circle will go wrong")
    }

    private static func requests(of accounts: [String]) -> [String: [ProviderFault]] {
        inTurn(ProviderFault.allCases, accounts).mapValues { [$0] }
    }

    private static func webhooks(of accounts: [String]) -> [String: WebhookFault] {
        // One more than the kinds of the requests divide by, so that each meets each.
        inTurn(WebhookFault.allCases + [.none, .none], accounts)
    }

    private static func inTurn<Kind>(_ kinds: [Kind], _ accounts: [String]) -> [String: Kind] {
        Dictionary(
            accounts.enumerated().map { ($1, kinds[$0 % kinds.count]) }, uniquingKeysWith: { $1 })
    }
}
