import Domain
import Events
import Outbox
import Postgres
import Storage
import Testing

@testable import ConsoleApp

/// What a payout did not pay is paid by a new one, which is planned as any other.
@Suite struct PayoutRetryTests {
    @Test("A planning of one affiliate leaves the others alone, and refuses a body that it does not understand")
    func oneAffiliate() async throws {
        try await TestConsole.with { console in
            for affiliateID in ["a", "b"] { try await earn(affiliateID, 5_000, console) }
            try await earn("a", 7_000, currency: "EUR", console)
            let client = try await console.browser(.finance)
            for (body, status, code, value) in [
                ("nonsense", 400, "body_not_object", nil), ("[]", 400, "body_not_object", nil),
                (#"{"affiliate": "a"}"#, 400, "field_unknown", "affiliate"),
                (#"{"affiliate_id": null}"#, 400, "invalid_affiliate_id", "null"),
                (#"{"affiliate_id": 7}"#, 400, "invalid_affiliate_id", "7"),
                (#"{"affiliate_id": "nobody"}"#, 404, "not_found", "nobody"),
            ] as [(String, Int, String, String?)] {
                let reply = try await client.post("/process-payments", json: body, key: body)
                #expect(reply.status == status, "\(body)")
                #expect(reply.json?["code"]?.string == code, "\(body)")
                #expect(reply.json?["value"]?.string == value, "\(body)")
            }
            let one = try await client.post("/process-payments", json: #"{"affiliate_id": "a"}"#, key: "one")
            #expect(one.status == 201)
            let made = one.json?["payouts"]?.array ?? []
            #expect(Set(made.map { $0["affiliate_id"]?.string }) == ["a"])
            #expect(Set(made.map { $0["currency"]?.string }) == ["EUR", "USD"])
            let other = try await client.post("/process-payments", json: #"{"affiliate_id": "b"}"#, key: "one")
            #expect(other.json?["code"]?.string == "idempotency_key_reused")
            #expect(
                try await console.text("SELECT detail ->> 'affiliate_id' FROM audit_log WHERE action = 'plan payouts'")
                    == "a")
            let everybody = try await client.post("/process-payments", json: "", key: "all")
            #expect(everybody.json?["payouts"]?.array?.map { $0["affiliate_id"]?.string } == ["b"])
        }
    }
}

extension PayoutRetryTests {
    /// Lets an affiliate earn what is payable at once.
    private func earn(
        _ affiliateID: String, _ amountMinor: Int64, currency code: String = "USD", program: String = "p",
        _ console: TestConsole
    ) async throws {
        let (now, currency) = (console.clock.now, try #require(Currency(code: code)))
        let conversionID = Identifier(hashing: "conversion", affiliateID, code)
        let earned = LedgerTransaction(
            key: "commission:\(conversionID)", kind: "commission", inputHash: conversionID,
            postings: [
                Posting(
                    affiliateID: affiliateID, currency: currency, debit: .commissionExpense, credit: .payable,
                    amountMinor: amountMinor)
            ])
        try await console.pool.transaction { t throws(PostgresError) in
            try t.run(
                "INSERT INTO program (program_id, name, currency) VALUES ($1, $1, 'USD') ON CONFLICT DO NOTHING",
                .text(program))
            try t.run(
                """
                INSERT INTO affiliate (affiliate_id, name, payout_provider, provider_account)
                VALUES ($1, $1, 'circle', 'address of ' || $1) ON CONFLICT DO NOTHING
                """, .text(affiliateID))
            try LedgerStore.append([earned], in: t, at: now)
            try t.run(
                """
                INSERT INTO commission (commission_id, conversion_id, affiliate_id, program_id, currency, basis_points,
                    base_minor, amount_minor, status, hold_until, transaction_id, recorded_at)
                VALUES ($1, $1, $2, $3, $4, 1000, $5, $5, 'approved', $6, $7, $6)
                """, .uuid(conversionID.value), .text(affiliateID), .text(program), .text(code), .int8(amountMinor),
                .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch), .uuid(earned.transactionID.value))
        }
    }
}
