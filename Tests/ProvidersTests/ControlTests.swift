import DevKit
import Domain
import Postgres
import Storage
import Testing

@Suite("What people and breaks stop", .timeLimit(.minutes(5))) struct ControlTests {
    @Test(
        "Nothing within a freeze is sent, not even again, and goes on when it is lifted",
        arguments: [FreezeScope.all, .provider("stripe"), .affiliate("a")])
    func freeze(scope: FreezeScope) async throws {
        try await PaymentRig.with({ $0.faults["acct_a"] = [.dropBefore] }) { rig in
            let payoutID = try await rig.request()
            let other = try await rig.request("b", account: "acct_b", batch: "other")
            _ = try await rig.dispatcher.runOnce()
            #expect(try await rig.state(of: payoutID) == .unknown)
            let now = rig.clock.now
            try await rig.database.pool.transaction { t throws(PostgresError) in
                _ = try PayoutFreezeStore.freeze([scope], reason: "test", by: "owner", at: now, in: t)
            }
            rig.clock.advance(seconds: 3)
            while try await rig.dispatcher.runOnce().sent > 0 { rig.clock.advance(seconds: 3) }
            #expect(await rig.acceptances(of: payoutID) == [])
            #expect(await rig.acceptances(of: other).count == (scope == .affiliate("a") ? 2 : 1))
            try await rig.database.pool.transaction { t throws(PostgresError) in
                #expect(try PayoutFreezeStore.lift(1, by: "owner", at: now, in: t))
            }
            try await rig.work(until: .paid, of: payoutID)
            try await rig.work(until: .paid, of: other)
            try await rig.checkBooks()
        }
    }

    @Test("An object that somebody made by hand stops the payouts of its affiliate until people have looked")
    func orphan() async throws {
        try await PaymentRig.with { rig in
            let first = try await rig.request()
            try await rig.work(until: .paid, of: first)
            #expect(try await rig.fake.transferByHand(to: "acct_a") == 200)
            try await rig.work(until: "the break") {
                try await rig.texts("SELECT kind || ' ' || affiliate_id FROM reconciliation_break")
                    == ["missing_in_ledger a"]
            }
            #expect(
                try await rig.texts("SELECT scope || ' ' || subject || ' ' || frozen_by FROM payout_freeze")
                    == ["affiliate a reconciler"])
            let now = rig.clock.now
            let planned = try await rig.database.pool.transaction { t throws(PostgresError) in
                try EarnedMoney.earn("a", account: "acct_a", amountMinor: 5_000, occasion: "more", in: t)
                return try EarnedMoney.plan(batch: "more", at: now, in: t)
            }
            #expect(planned.isEmpty)
        }
    }

    @Test("A break about money takes two people, and stays resolved when it is seen again")
    func resolution() async throws {
        try await PaymentRig.with { rig in
            #expect(try await rig.fake.transferByHand(to: "acct_other") == 200)
            let open: Statement = "SELECT kind FROM reconciliation_break WHERE resolved_at IS NULL"
            try await rig.work(until: "the break") { try await rig.texts(open) == ["missing_in_ledger"] }
            let now = rig.clock.now
            let results = try await rig.database.pool.transaction { t throws(PostgresError) in
                try ["one", "one", "two", "three"].map { person throws(PostgresError) in
                    try BreakStore.resolve(1, resolution: "ours", by: person, at: now, in: t)
                }
            }
            #expect(results == [.proposed, .samePerson, .resolved, .resolvedBefore])
            try await rig.run("UPDATE webhook_inbox SET applied_at = NULL")
            _ = try await rig.reconciler.runOnce()
            #expect(try await rig.texts(open) == [])
        }
    }

    @Test("A payout that the bank does not have yet is taken back, and its money is payable again")
    func takenBack() async throws {
        try await PaymentRig.with({ $0.settleAfter = .seconds(600) }) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .submitted, of: payoutID)
            #expect(try await rig.cancel(payoutID) == .asked)
            try await rig.work(until: .canceled, of: payoutID)
            #expect(try await rig.texts("SELECT payable::text FROM affiliate_balance") == ["2500"])
            #expect(try await rig.settlements() == ["failed"])
            try await rig.checkBooks()
        }
    }

    @Test("A payout that is taken back too late is paid as if nobody had asked")
    func takenBackTooLate() async throws {
        try await PaymentRig.with(isSimulated: true, { $0.settleAfter = .seconds(1) }) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .submitted, of: payoutID)
            rig.clock.advance(seconds: 1)
            await rig.fake.turn()
            let object = try #require(await rig.fake.acceptances.last)
            #expect(await rig.fake.status(of: object.id) == "in_transit")
            #expect(try await rig.cancel(payoutID) == .asked)
            try await rig.work(until: "it to be paid") {
                await rig.fake.turn()
                return try await rig.state(of: payoutID) == .paid
            }
            try await rig.checkBooks()
        }
    }

    @Test("A payout that was never sent is taken back at once; one whose outcome is unknown is not")
    func takenBackUnsent() async throws {
        try await PaymentRig.with({ $0.faults["acct_a"] = [.dropAfter] }) { rig in
            let now = rig.clock.now
            let unsent = try await rig.database.pool.transaction { t throws(PostgresError) in
                try EarnedMoney.earn("b", account: "acct_b", amountMinor: 2_500, occasion: "b", in: t)
                return try EarnedMoney.plan(batch: "b", at: now, in: t)
            }
            #expect(try await rig.cancel(try #require(unsent.first)) == .canceled)
            let payoutID = try await rig.request()
            _ = try await rig.dispatcher.runOnce()
            #expect(try await rig.cancel(payoutID) == .tooLate(.unknown))
            try await rig.work(until: .paid, of: payoutID)
            try await rig.checkBooks()
        }
    }

    @Test("Two people say what became of a payout that no reply proved")
    func people() async throws {
        try await PaymentRig.with({ $0.faults["acct_a"] = [.errorStored] }) { rig in
            let payoutID = try await rig.request()
            _ = try await rig.dispatcher.runOnce()
            rig.clock.advance(seconds: PaymentRig.schedule.keyLifetimeSeconds + 10)
            _ = try await rig.dispatcher.runOnce()
            #expect(try await rig.state(of: payoutID) == .manual)
            let early = try await rig.decide(payoutID, by: ["one", "two"])
            #expect(early.contains { if case .tooEarly = $0 { true } else { false } })
            rig.clock.advance(seconds: PayoutStore.searchedSeconds + 1)
            #expect(try await rig.decide(payoutID, by: ["one", "one"]) == [.done, .samePerson])
            #expect(try await rig.decide(payoutID, by: ["two", "two"]) == [.alreadyProposed, .done])
            #expect(try await rig.state(of: payoutID) == .failed)
            #expect(try await rig.texts("SELECT payable::text FROM affiliate_balance") == ["2500"])
            try await rig.checkBooks()
        }
    }

    @Test("Above the second limit a payout goes when two people have approved it, neither of them its submitter")
    func secondApproval() async throws {
        try await PaymentRig.with { rig in
            let now = rig.clock.now
            let (payoutID, results) = try await rig.database.pool.transaction { t throws(PostgresError) in
                try EarnedMoney.earn("a", account: "acct_a", amountMinor: 1_000_001, occasion: "a", in: t)
                let planned = try PayoutStore.plan(
                    batchKey: "b", at: now, submittedBy: "planner", lane: EarnedMoney.lane, in: t)
                guard let payout = planned.first?.payout else { throw PostgresError.rollback("nothing planned") }
                let results = try ["planner", "one", "one", "two"].map { person throws(PostgresError) in
                    try PayoutStore.approve([payout.payoutID], by: person, lane: EarnedMoney.lane, at: now, in: t)[0]
                        .result
                }
                return (payout.payoutID, results)
            }
            #expect(results == [.sameActor, .firstOfTwo, .sameActor, .done])
            try await rig.deliverRequests()
            try await rig.work(until: .paid, of: payoutID)
        }
    }
}

extension PaymentRig {
    func cancel(_ payoutID: Identifier) async throws -> PayoutCancellation {
        let now = clock.now
        return try await database.pool.transaction { t throws(PostgresError) in
            try PayoutStore.cancel(payoutID, by: "owner", reason: "test", at: now, in: t)
        }
    }

    /// The first person says that it moved no money, the second one agrees.
    func decide(_ payoutID: Identifier, by people: [String]) async throws -> [ResolutionResult] {
        let now = clock.now
        return try await database.pool.transaction { t throws(PostgresError) in
            [
                try PayoutStore.propose(
                    .declined, for: payoutID, evidence: "not there", by: people[0], at: now, in: t),
                try PayoutStore.confirm(payoutID, by: people[1], at: now, in: t),
            ]
        }
    }
}
