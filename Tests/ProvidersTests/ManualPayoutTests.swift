import DevKit
import Domain
import Postgres
import Storage
import Testing

@Suite("What people pay by hand", .timeLimit(.minutes(5))) struct ManualPayoutTests {
    @Test("It is final when its days are over, as many as are set")
    func final() async throws {
        try await PaymentRig.with(isSimulated: true) { rig in
            let payoutID = try await rig.payByHand()
            let now = rig.clock.now
            try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                try SettingStore.set(.manualFinalDays, to: 3, by: "owner", at: now, in: transaction)
            }
            rig.clock.advance(seconds: 3 * 86_400 - 1)
            #expect(try await rig.audit().final == 0)
            rig.clock.advance(seconds: 1)
            #expect(try await rig.audit().final == 1)
            #expect(try await rig.history(of: payoutID).suffix(2) == ["paid", "final"])
            #expect(try await rig.settlements() == ["paid", "final"])
        }
    }

    @Test(
        "It comes back when two people say so: payable again, to another account, and late it is a break",
        arguments: [(days: Int64(1), breaks: [String]()), (days: Int64(15), breaks: ["late_return"])])
    func returned(days: Int64, breaks: [String]) async throws {
        try await PaymentRig.with(isSimulated: true) { rig in
            let payoutID = try await rig.payByHand()
            rig.clock.advance(seconds: days * 86_400)
            _ = try await rig.audit()
            let verdict = PayoutVerdict.returned(reference: "SEPA-R-9")
            #expect(try await rig.say(verdict, of: payoutID, by: "one") == .done)
            #expect(try await rig.agree(payoutID, by: "one") == .samePerson)
            #expect(try await rig.state(of: payoutID) != .returned)
            #expect(try await rig.agree(payoutID, by: "two") == .done)
            #expect(try await rig.state(of: payoutID) == .returned)
            #expect(
                try await rig.texts("SELECT evidence FROM payout_event WHERE to_state = 'returned'")
                    == ["SEPA-R-9: The bank says that the account is closed."])
            #expect(
                try await rig.texts("SELECT concat_ws(' ', payable, reserved) FROM affiliate_balance") == ["2500 0"])
            #expect(try await rig.texts("SELECT payout_block FROM affiliate") == ["returned_by_hand"])
            #expect(try await rig.texts("SELECT status FROM commission") == ["approved"])
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == breaks)
            #expect(try await rig.texts(PaymentRig.unequalBalances) == [])
            #expect(
                try await rig.texts(
                    """
                    SELECT sum(CASE 'asset:bank:operating' WHEN credit::text THEN amount_minor
                        WHEN debit::text THEN -amount_minor ELSE 0 END)::text FROM ledger_posting
                    """) == ["0"])
            #expect(try await rig.settlements().last == "returned")
            #expect(try await rig.say(verdict, of: payoutID, by: "one") == .notReturnable(.returned))
        }
    }

    @Test("Without two people, and of what a provider paid, nothing comes back")
    func refused() async throws {
        try await PaymentRig.with { rig in
            let byStripe = try await rig.request()
            try await rig.work(until: .paid, of: byStripe)
            let verdict = PayoutVerdict.returned(reference: "SEPA-R-9")
            #expect(try await rig.say(verdict, of: byStripe, by: "one") == .notReturnable(.paid))
            _ = try await rig.payByHand()
            await #expect(throws: PostgresError.self) {
                try await rig.run("UPDATE payout SET state = 'returned' WHERE provider = 'manual'")
            }
        }
    }
}

extension PaymentRig {
    /// Has two people pay what an affiliate earned.
    fileprivate func payByHand() async throws -> Identifier {
        let now = clock.now
        let planned = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try EarnedMoney.earn(
                "hand", account: "IBAN DE00", provider: "manual", amountMinor: PaymentRig.amountMinor,
                occasion: "by hand", in: transaction)
            return try EarnedMoney.plan(batch: "by hand", at: now, in: transaction)
        }
        try await deliverRequests()
        let payoutID = try #require(planned.first)
        #expect(try await say(.submitted(objectID: "SEPA-77"), of: payoutID, by: "one") == .done)
        #expect(try await agree(payoutID, by: "two") == .done)
        #expect(try await state(of: payoutID) == .paid)
        return payoutID
    }

    fileprivate func say(
        _ verdict: PayoutVerdict, of payoutID: Identifier, by person: String
    ) async throws -> ResolutionResult {
        let now = clock.now
        return try await database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutStore.propose(
                verdict, for: payoutID, evidence: "The bank says that the account is closed.", by: person, at: now,
                in: transaction)
        }
    }

    fileprivate func agree(_ payoutID: Identifier, by person: String) async throws -> ResolutionResult {
        let now = clock.now
        return try await database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutStore.confirm(payoutID, by: person, at: now, in: transaction)
        }
    }
}
