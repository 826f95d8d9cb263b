import DevKit
import Domain
import Postgres
import Providers
import Storage
import Testing

@Suite("Payout methods", .timeLimit(.minutes(5))) struct PayoutMethodTests {
    private static let address = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    private static let coolingSeconds: Int64 = 48 * 3_600

    @Test("An address is entered at Circle at once, and paid when its cooling time is over")
    func cooling() async throws {
        try await CircleRig.with { rig in
            try await PayoutMethodTests.addAffiliates(rig, "a")
            let method = PayoutMethod.usdc(try USDCAddress(chain: .base, text: PayoutMethodTests.address))
            #expect(try await rig.enter(method, of: "a"))
            try await rig.keep(until: "the address to be known") {
                try await rig.texts("SELECT provider_account FROM payout_method") != [""]
            }
            // By which the planner says why it pays nothing.
            #expect(
                try await rig.texts(
                    """
                    SELECT a.affiliate_id FROM affiliate a JOIN payout_method m USING (affiliate_id)
                    WHERE a.payout_method_usable_at = m.usable_from
                    """) == ["a"])
            rig.clock.advance(seconds: PayoutMethodTests.coolingSeconds - 60)
            try await rig.keeper.runOnce()
            #expect(try await rig.standing() == ["circle none cooling"])
            rig.clock.advance(seconds: 61)
            try await rig.keeper.runOnce()
            let account = try await rig.texts("SELECT recipient_id FROM payout_method")
            #expect(try await rig.standing() == ["circle \(account[0]) active"])
        }
    }

    @Test("A new method takes the old one's place at once, and its block with it; money waits for the cooling time")
    func replaced() async throws {
        try await CircleRig.with { rig in
            try await PayoutMethodTests.addAffiliates(rig, "a")
            let first = try PayoutMethod.checkedBank(account: "acct_1", lastDigits: "6789")
            #expect(try await rig.enter(first, of: "a"))
            rig.clock.advance(seconds: PayoutMethodTests.coolingSeconds)
            try await rig.keeper.runOnce()
            #expect(try await rig.standing() == ["stripe acct_1 active"])
            try await rig.run("UPDATE affiliate SET payout_block = 'account_closed'")
            #expect(try await rig.enter(.byHand(payee: "by cheque"), of: "a"))
            #expect(try await rig.standing() == ["manual none replaced", "manual none cooling"])
            #expect(try await rig.texts("SELECT 1::text FROM affiliate WHERE payout_block IS NOT NULL") == [])
            rig.clock.advance(seconds: PayoutMethodTests.coolingSeconds)
            try await rig.keeper.runOnce()
            #expect(
                try await rig.standing()
                    == ["manual by cheque replaced", "manual by cheque active"])
        }
    }

    @Test("An account that another affiliate has, or had, is flagged at both, on whatever chain")
    func shared() async throws {
        try await CircleRig.with { rig in
            try await PayoutMethodTests.addAffiliates(rig, "a", "b", "c")
            let base = PayoutMethod.usdc(try USDCAddress(chain: .base, text: PayoutMethodTests.address))
            let polygon = PayoutMethod.usdc(
                try USDCAddress(chain: .polygon, text: PayoutMethodTests.address.lowercased()))
            #expect(try await rig.enter(base, of: "a"))
            #expect(try await rig.enter(.byHand(payee: "x"), of: "a"))
            #expect(try await rig.texts("SELECT affiliate_id FROM fraud_case") == [])
            #expect(try await rig.enter(polygon, of: "b"))
            #expect(
                try await rig.texts(
                    "SELECT concat_ws(' ', affiliate_id, code, measured) FROM fraud_case ORDER BY affiliate_id")
                    == ["a 490 shared with b", "b 490 shared with a"])
            // Nobody decided yet, so their money waits for a person.
            #expect(
                try await rig.texts("SELECT affiliate_id FROM affiliate WHERE fraud_verdict = 'review' ORDER BY 1")
                    == ["a", "b"])
            #expect(try await rig.enter(.byHand(payee: "y"), of: "c"))
            #expect(try await rig.texts("SELECT affiliate_id FROM fraud_case WHERE affiliate_id = 'c'") == [])
        }
    }

    @Test("An address that Circle refuses is no method")
    func refused() async throws {
        try await CircleRig.with { rig in
            try await PayoutMethodTests.addAffiliates(rig, "a")
            // The rig's own first address, which is in the address book under the same key: found, not refused.
            let known = PayoutMethod.usdc(try USDCAddress(chain: .base, text: CircleRig.addressText(0)))
            #expect(try await rig.enter(known, of: "a"))
            try await rig.keep(until: "the address to be known") {
                try await rig.texts("SELECT provider_account FROM payout_method") == [rig.recipients[0]]
            }
            try await rig.enterByHand(PayoutMethodTests.address)
            let taken = PayoutMethod.usdc(try USDCAddress(chain: .base, text: PayoutMethodTests.address))
            #expect(try await rig.enter(taken, of: "a"))
            try await rig.keep(until: "the address to be refused") {
                try await rig.texts("SELECT refusal FROM payout_method WHERE state = 'refused'")
                    == ["address_registered"]
            }
            rig.clock.advance(seconds: PayoutMethodTests.coolingSeconds)
            try await rig.keeper.runOnce()
            #expect(try await rig.texts("SELECT provider_account FROM affiliate WHERE provider_account <> ''") == [])
        }
    }

    @Test("A method of nobody is refused")
    func unknown() async throws {
        try await CircleRig.with { rig in
            let isKnown = try await rig.enter(.byHand(payee: "x"), of: "nobody")
            #expect(!isKnown)
            #expect(try await rig.texts("SELECT account FROM payout_method") == [])
        }
    }

    @Test(
        "A bank account is an account at Stripe and four digits",
        arguments: [
            ("acct_1", "6789", nil), ("acct_", "6789", PayoutMethod.InvalidBank.account),
            ("ba_1", "6789", .account), ("acct_a b", "6789", .account), ("acct_1", "678", .lastDigits),
            ("acct_1", "67890", .lastDigits), ("acct_1", "6７89", .lastDigits),
        ])
    func bank(account: String, lastDigits: String, reason: PayoutMethod.InvalidBank?) {
        var thrown: PayoutMethod.InvalidBank?
        do { _ = try PayoutMethod.checkedBank(account: account, lastDigits: lastDigits) } catch { thrown = error }
        #expect(thrown == reason)
    }

    private static func addAffiliates(_ rig: CircleRig, _ names: String...) async throws {
        try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try transaction.run(
                "INSERT INTO affiliate (affiliate_id, name) SELECT n, n FROM unnest($1::text[]) AS n", .texts(names))
        }
    }
}

extension CircleRig {
    fileprivate var keeper: PayoutMethodKeeper {
        let clock = clock
        return PayoutMethodKeeper(
            circle: circle, pool: database.pool, askAgainSeconds: 0, requestsPerSecond: 100, clock: { clock.now },
            logger: .silent)
    }

    fileprivate func enter(_ method: PayoutMethod, of affiliateID: String) async throws -> Bool {
        let now = clock.now
        return try await database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutMethodStore.enter(
                method, of: affiliateID, by: "user:test", coolingSeconds: PayoutMethodStore.coolingSeconds, at: now,
                in: transaction)
        }
    }

    fileprivate func keep(until awaited: String, _ isSo: () async throws -> Bool) async throws {
        try await wait(for: awaited, within: .seconds(30), every: .milliseconds(10)) {
            try await keeper.runOnce()
            return try await isSo()
        }
    }

    /// Per method: what the affiliate's row says, and the method's state.
    fileprivate func standing() async throws -> [String] {
        try await texts(
            """
            SELECT concat_ws(' ', a.payout_provider, COALESCE(a.provider_account, 'none'), m.state)
            FROM payout_method m JOIN affiliate a USING (affiliate_id) ORDER BY m.payout_method_id
            """)
    }
}
