import DevKit
import Domain
import Events
import Foundation
import Postgres
import Storage

/// The provider of USDC in the demo, a fake in this process; nobody is paid over it where the environment names a
/// payment provider of its own.
struct CircleForDemo: Sendable {
    /// Affiliates that are paid in USDC.
    private static let affiliatesMaximum = 20
    /// The same where faults are shown: enough for each kind.
    private static let affiliatesWithFaultsMaximum = 200
    private static let readyWithin = Duration.seconds(60)

    /// What payer and reconciler need to know.
    let environment: [String: String]
    private let fake: FakeCircle?

    static func start() async throws -> CircleForDemo {
        let given = ProcessInfo.processInfo.environment
        let own = given.filter { $0.key.hasPrefix("CIRCLE_") }
        guard own["CIRCLE_API_KEY"] == nil, given["STRIPE_API_BASE"] == nil else {
            return CircleForDemo(environment: own, fake: nil)
        }
        var settings = FakeCircleSettings()
        settings.slowness = DemoFaults.slowness
        let fake = try await FakeCircle.start(settings, logger: .standardError)
        return CircleForDemo(
            environment: [
                "CIRCLE_API_BASE": fake.baseURL, "CIRCLE_API_KEY": FakeCircle.apiKey,
                "CIRCLE_WALLET_ID": settings.walletID, "CIRCLE_MODE": "test",
                "CIRCLE_ORIGINATOR": #"{"type":"business","name":"Tributary Demo"}"#,
                "PAYER_CIRCLE_SENDS_PER_SECOND": "100",
            ], fake: fake)
    }

    /// Tells the fake where its webhooks go; until then they wait.
    func deliverWebhooks(toPort port: Int) async {
        var control = FakeCircleControl()
        control.webhookURL = "http://127.0.0.1:\(port)/webhooks/circle"
        await fake?.apply(control)
    }

    func setAhead(seconds: Int64) async {
        var control = FakeCircleControl()
        control.aheadSeconds = seconds
        await fake?.apply(control)
    }

    /// Lets requests, webhooks and the chain go wrong, by recipient.
    func inject(
        _ faults: [String: [ProviderFault]], webhooks: [String: WebhookFault], scripts: [String: CircleScript]
    ) async {
        var control = FakeCircleControl()
        control.faults = faults
        control.webhookFaults = webhooks
        control.scripts = scripts
        await fake?.apply(control)
    }

    func stop() async { await fake?.stop() }

    /// Lets some affiliates choose USDC, as they would in the console, and waits until they can be paid.
    func chooseMethods(pool: PostgresPool, hasFaults: Bool) async throws {
        guard fake != nil else { return }
        let now = Timestamp(secondsSinceEpoch: Int64(Date().timeIntervalSince1970))
        let chosen = try await pool.transaction { (transaction) throws(PostgresError) in
            let affiliates = try CircleForDemo.candidates(
                maximum: hasFaults ? CircleForDemo.affiliatesWithFaultsMaximum : CircleForDemo.affiliatesMaximum,
                in: transaction)
            for affiliateID in affiliates {
                let digits = String(Identifier(hashing: "demo address", affiliateID).value, radix: 16)
                let text = "0x" + String(repeating: "d", count: 40 - digits.count) + digits
                guard let address = try? USDCAddress(chain: .base, text: text) else { continue }  // on no list
                _ = try PayoutMethodStore.enter(
                    .usdc(address), of: affiliateID, by: "demo", coolingSeconds: 0, at: now, in: transaction)
            }
            return affiliates
        }
        guard !chosen.isEmpty else { return }
        try await wait(for: "the addresses to be payable", within: CircleForDemo.readyWithin) {
            try await pool.transaction { (transaction) throws(PostgresError) in
                try transaction.query("SELECT count(*) FROM payout_method WHERE state = 'cooling'") { row in
                    try row.int8(0)
                }.first ?? 0
            } == 0
        }
    }

    /// A quarter of those who earn only what Circle pays, and whose names tell no bank to fail.
    private static func candidates(
        maximum: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String] {
        try transaction.query(
            """
            SELECT a.affiliate_id FROM affiliate a
            WHERE a.auto_registered AND a.affiliate_id !~ '_(no_account|returned|not_allowed)$'
                AND hashtext(a.affiliate_id) % 4 = 0
                AND EXISTS (SELECT FROM affiliate_balance b WHERE b.affiliate_id = a.affiliate_id)
                AND NOT EXISTS (SELECT FROM affiliate_balance b
                    WHERE b.affiliate_id = a.affiliate_id AND b.currency NOT IN ('USD', 'EUR'))
                AND NOT EXISTS (SELECT FROM payout_method m WHERE m.affiliate_id = a.affiliate_id)
                AND NOT EXISTS (SELECT FROM payout p WHERE p.affiliate_id = a.affiliate_id)
                AND (SELECT count(*) FROM payout_method) < $1
            ORDER BY a.affiliate_id LIMIT $1
            """, .int8(Int64(maximum))
        ) { row in try row.text(0) }
    }
}
