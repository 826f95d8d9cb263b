import DevKit
import Dispatch
import Domain
import Postgres
import Providers
import Storage
import Testing

@Suite("Sending payouts", .timeLimit(.minutes(5))) struct SendingTests {
    @Test("A payout is transferred once, paid out once, and paid")
    func paid() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .paid, of: payoutID)
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500", "payout 2500"])
            let history = try await rig.history(of: payoutID).filter { $0 != "in_transit" }
            #expect(history == ["reserved", "submitting", "submitted", "paid"])
            #expect(try await rig.settlements() == ["paid"])
            #expect(try await rig.texts("SELECT status FROM commission") == ["paid"])
            try await rig.checkBooks()
        }
    }

    @Test("A request that comes again, at any time, pays nothing again")
    func requestedAgain() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request()
            try await rig.deliverRequests()
            try await rig.work(until: .paid, of: payoutID)
            try await rig.deliverRequests()
            rig.clock.advance(seconds: 400 * 86_400)
            try await rig.deliverRequests()
            #expect(try await rig.dispatcher.runOnce().sent == 0)
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500", "payout 2500"])
            try await rig.checkBooks()
        }
    }

    /// What the payout is after the disturbed send.
    static let disturbances: [(ProviderFault, PayoutState)] = [
        (.dropBefore, .unknown), (.dropAfter, .unknown), (.truncated, .unknown), (.errorBefore, .unknown),
        (.errorAfter, .unknown), (.conflict, .unknown), (.slow, .unknown), (.rateLimited, .submitting),
    ]

    @Test("A disturbed transfer is executed once", arguments: disturbances)
    func disturbedTransfer(fault: ProviderFault, state: PayoutState) async throws {
        try await PaymentRig.with({ $0.faults["acct_a"] = [fault] }) { rig in
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(try await rig.state(of: payoutID) == state)
            try await rig.work(until: .paid, of: payoutID)
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500", "payout 2500"])
            try await rig.checkBooks()
        }
    }

    @Test("A disturbed bank payout is executed once", arguments: disturbances)
    func disturbedPayout(fault: ProviderFault, state: PayoutState) async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            await rig.setFaults([fault], of: "acct_a")
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(try await rig.state(of: payoutID) == state)
            try await rig.work(until: .paid, of: payoutID)
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500", "payout 2500"])
            try await rig.checkBooks()
        }
    }

    @Test("A send that was executed without an answer is answered when it is repeated, and not executed again")
    func replayed() async throws {
        try await PaymentRig.with({ $0.faults["acct_a"] = [.dropAfter] }) { rig in
            let payoutID = try await rig.request()
            // Without the reconciler, which would find the transfer by searching.
            #expect(try await rig.dispatcher.runOnce().outcomes == ["unknown": 1])
            rig.clock.advance(seconds: 3)
            #expect(try await rig.dispatcher.runOnce().outcomes == ["accepted": 1])
            #expect(
                try await rig.texts(
                    """
                    SELECT concat_ws(' ', operation, attempt_number, state, send_count) FROM payout_attempt
                    ORDER BY payout_attempt_id
                    """) == ["transfer 1 accepted 2", "payout 1 prepared 0"])
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500"])
            try await rig.checkBooks()
        }
    }

    @Test("Whatever goes wrong in whatever order, each payout is paid once", arguments: UInt64(1)...4)
    func anyFaults(seed: UInt64) async throws {
        // `errorStored` never happens at the provider, and the others only take long.
        let faults = ProviderFault.allCases.filter { ![.errorStored, .slow, .running].contains($0) }
        var random = SplitMix64(seed: seed)
        var script: [String: [ProviderFault]] = [:]
        for index in 0..<8 {
            script["acct_\(index)"] = (0..<random.below(6)).map { _ in random.pick(faults) }
        }
        let webhooks = random.pick(WebhookFault.allCases)
        try await PaymentRig.with(webhooks: webhooks, pollSeconds: 5, { $0.faults = script }) { rig in
            for index in 0..<8 { try await rig.request("a\(index)", account: "acct_\(index)", batch: "\(index)") }
            try await rig.work(until: "all to be paid") {
                try await rig.texts("SELECT state FROM payout WHERE state <> 'paid'").isEmpty
            }
            #expect(await rig.fake.acceptances.count == 16)
            try await rig.checkBooks()
        }
    }

    @Test("A key whose time is over is not sent again: a person decides")
    func expiredKey() async throws {
        try await PaymentRig.with({ $0.faults["acct_a"] = [.errorStored] }) { rig in
            let payoutID = try await rig.request()
            _ = try await rig.dispatcher.runOnce()
            rig.clock.advance(seconds: 3)
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(try await rig.state(of: payoutID) == .unknown)
            rig.clock.advance(seconds: PaymentRig.schedule.keyLifetimeSeconds)
            let round = try await rig.dispatcher.runOnce()
            #expect(round.sent == 0)
            #expect(round.handedOver == 1)
            #expect(try await rig.state(of: payoutID) == .manual)
            rig.clock.advance(seconds: 3_601)
            _ = try await rig.reconciler.runOnce()
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == ["stale_unknown"])
            #expect(try await rig.dispatcher.runOnce().sent == 0)
            try await rig.checkBooks()
        }
    }

    @Test("A request whose bytes or mode are not those that were committed is not sent", arguments: ["bytes", "mode"])
    func tampered(what: String) async throws {
        try await PaymentRig.with { rig in
            try await rig.request()
            try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                // Past everything that keeps the row as it was.
                _ = try transaction.run("ALTER TABLE payout_attempt DROP CONSTRAINT payout_attempt_request_is_whole")
                _ = try transaction.run("SET LOCAL session_replication_role = replica")
                _ = try transaction.run(
                    """
                    UPDATE payout_attempt SET livemode = $1 = 'mode',
                        request_body = CASE $1 WHEN 'bytes' THEN request_body || '&x=1' ELSE request_body END
                    """, .text(what))
            }
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(await rig.fake.keySpans.isEmpty)
            #expect(await rig.fake.acceptances.isEmpty)
            #expect(try await rig.texts("SELECT state FROM payout_attempt") == ["prepared"])
        }
    }

    @Test("A key under which the provider holds other parameters is never sent again")
    func drifted() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request()
            let key = PayoutOperation.transfer.key(payoutID: payoutID, number: 1)
            #expect(try await rig.fake.transferByHand(to: "acct_a", key: key) == 200)
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(try await rig.state(of: payoutID) == .manual)
            #expect(try await rig.texts("SELECT kind FROM reconciliation_break") == ["request_drift"])
            rig.clock.advance(seconds: 3_600)
            #expect(try await rig.dispatcher.runOnce().sent == 0)
            #expect(await rig.acceptances(of: payoutID) == [])
        }
    }
}

@Suite("Declined payouts", .timeLimit(.minutes(5))) struct DeclineTests {
    @Test("An account that may not be paid fails the payout, is blocked, and the money is payable again")
    func destination() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request(account: "acct_a_not_allowed")
            try await rig.work(until: .failed, of: payoutID)
            #expect(await rig.fake.acceptances.isEmpty)
            #expect(try await rig.texts("SELECT payout_block FROM affiliate") == ["transfers_not_allowed"])
            #expect(try await rig.texts("SELECT payable::text FROM affiliate_balance") == ["2500"])
            #expect(try await rig.texts("SELECT status FROM commission") == ["approved"])
            #expect(try await rig.settlements() == ["failed"])
            try await rig.checkBooks()
        }
    }

    @Test("A balance that does not suffice is tried again under a new key until it does")
    func retried() async throws {
        try await PaymentRig.with({ $0.platformBalance = 0 }) { rig in
            let payoutID = try await rig.request()
            #expect(try await rig.dispatcher.runOnce().sent == 1)
            #expect(try await rig.state(of: payoutID) == .reserved)
            var control = FakeStripeControl()
            control.platformBalance = 1_000_000
            await rig.fake.apply(control)
            try await rig.work(until: .paid, of: payoutID)
            #expect(
                try await rig.texts(
                    """
                    SELECT concat_ws(' ', operation, attempt_number, state) FROM payout_attempt
                    ORDER BY payout_attempt_id
                    """) == ["transfer 1 declined", "transfer 2 accepted", "payout 1 accepted"])
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500", "payout 2500"])
            try await rig.checkBooks()
        }
    }

    @Test("After its last attempt a payout fails, without a word about the affiliate's account")
    func givenUp() async throws {
        try await PaymentRig.with({ $0.platformBalance = 0 }) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: .failed, of: payoutID)
            #expect(
                try await rig.texts("SELECT count(*)::text FROM payout_attempt")
                    == [String(PaymentRig.schedule.attemptsMaximum)])
            #expect(try await rig.texts("SELECT COALESCE(payout_block, 'none') FROM affiliate") == ["none"])
            try await rig.checkBooks()
        }
    }

    @Test("A refused API key leaves the payout as if it had never been sent")
    func refusedKey() async throws {
        try await PaymentRig.with { rig in
            let payoutID = try await rig.request()
            let refused = try rig.makeDispatcher(apiKey: "sk_test_revoked")
            #expect(try await refused.runOnce().credentialsRefused)
            #expect(try await rig.texts("SELECT state FROM payout_attempt") == ["prepared"])
            try await rig.work(until: .paid, of: payoutID)
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500", "payout 2500"])
            try await rig.checkBooks()
        }
    }
}

@Suite("Several payers", .timeLimit(.minutes(5))) struct SeveralPayersTests {
    @Test("Two payers at once pay each payout once")
    func together() async throws {
        try await PaymentRig.with { rig in
            for index in 0..<20 { try await rig.request("a\(index)", account: "acct_\(index)", batch: "\(index)") }
            let pool = rig.database.makePool()
            let second = try rig.makeDispatcher(pool: pool)
            async let sentByFirst = SeveralPayersTests.drain(rig.dispatcher)
            async let sentBySecond = SeveralPayersTests.drain(second)
            _ = try await (sentByFirst, sentBySecond)
            try await rig.work(until: "all to be paid") {
                try await rig.texts("SELECT state FROM payout WHERE state <> 'paid'").isEmpty
            }
            #expect(await rig.fake.acceptances.count == 40)
            #expect(try await rig.texts("SELECT sum(send_count)::text FROM payout_attempt") == ["40"])
            try await rig.checkBooks()
            await pool.close()
        }
    }

    @Test("What one payer is claiming, another leaves and takes the next")
    func disjoint() async throws {
        try await PaymentRig.with { rig in
            for index in 0..<4 { try await rig.request("a\(index)", account: "acct_\(index)", batch: "\(index)") }
            let now = rig.clock.now
            let hasClaimed = Gate()
            let mayCommit = Gate()
            async let first = rig.database.pool.transaction { (transaction) throws(PostgresError) in
                let claimed = try SeveralPayersTests.claim(2, at: now, in: transaction)
                hasClaimed.open()
                mayCommit.pass()
                return claimed
            }
            let second = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                hasClaimed.pass()
                defer { mayCommit.open() }
                return try SeveralPayersTests.claim(4, at: now, in: transaction)
            }
            let both = try await first + second
            #expect(second.count == 2)
            #expect(Set(both).count == 4)
        }
    }

    @Test("A key whose time is over is not claimed, even by a payer that swept nothing up before")
    func expired() async throws {
        try await PaymentRig.with(isSimulated: true, { $0.faults["acct_a"] = [.errorStored] }) { rig in
            try await rig.request()
            #expect(try await rig.dispatcher.runOnce().outcomes == ["unknown": 1])
            for (seconds, count) in [(PaymentRig.schedule.keyLifetimeSeconds - 1, 1), (1, 0)] {
                rig.clock.advance(seconds: seconds)
                let now = rig.clock.now
                let claimed = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                    _ = try transaction.run("SAVEPOINT before")
                    let claimed = try SeveralPayersTests.claim(4, at: now, in: transaction)
                    _ = try transaction.run("ROLLBACK TO before")
                    return claimed
                }
                #expect(claimed.count == count)
            }
        }
    }

    @Test("An account with a request under way is passed over, and keeps no other from being claimed")
    func underWay() async throws {
        try await PaymentRig.with(isSimulated: true) { rig in
            try await rig.request()
            try await rig.request(batch: "second")
            try await rig.request("b", account: "acct_b", batch: "third")
            let first = try await rig.claim()
            let now = rig.clock.now
            let others = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                try PayoutAttemptStore.claim(
                    provider: "stripe", schedule: PaymentRig.schedule, maximum: 4, at: now, in: transaction)
            }
            #expect(first.request.account == "acct_a")
            #expect(others.map(\.request.account) == ["acct_b"])
        }
    }

    private static func claim(
        _ maximum: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String] {
        try PayoutAttemptStore.claim(
            provider: "stripe", schedule: PaymentRig.schedule, maximum: maximum, at: now, in: transaction
        ).map(\.idempotencyKey)
    }

    private static func drain(_ dispatcher: PayoutDispatcher) async throws {
        while try await dispatcher.runOnce().sent > 0 {}
    }

    @Test("Who takes over the attempt of a payer that hangs sends the same key, and the late reply changes nothing")
    func takenOver() async throws {
        try await PaymentRig.with({
            $0.faults["acct_a"] = [.slow]
            $0.slowness = .milliseconds(700)
        }) { rig in
            let payoutID = try await rig.request()
            let successor = try rig.makeDispatcher()
            async let hanging = rig.dispatcher.runOnce()
            try await wait(for: "the provider to execute it", within: .seconds(30), every: .milliseconds(5)) {
                await rig.fake.acceptances.count == 1
            }
            #expect(try await successor.runOnce().sent == 0)
            rig.clock.advance(seconds: PaymentRig.schedule.leaseSeconds + 1)
            #expect(try await successor.runOnce().outcomes == ["accepted": 1])
            #expect(try await hanging.outcomes == ["accepted": 1])
            try await rig.work(until: .paid, of: payoutID)
            #expect(await rig.acceptances(of: payoutID) == ["transfer 2500", "payout 2500"])
            #expect(
                try await rig.texts("SELECT send_count::text FROM payout_attempt ORDER BY payout_attempt_id")
                    == ["2", "1"])
            try await rig.checkBooks()
        }
    }

    @Test("A late word of the payer before does not reopen what its successor is sending")
    func lateWord() async throws {
        try await PaymentRig.with(isSimulated: true) { rig in
            try await rig.request()
            let first = try await rig.claim()
            rig.clock.advance(seconds: PaymentRig.schedule.leaseSeconds + 1)
            let second = try await rig.claim()
            #expect(second.idempotencyKey == first.idempotencyKey)
            let (now, stripe) = (rig.clock.now, try rig.makeStripe())
            let recorded = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                try PayoutAttemptStore.record(
                    .nothingLearned(reason: "no connection"), of: first, answer: nil, schedule: PaymentRig.schedule,
                    at: now, makeAttempt: stripe.makeAttempt, in: transaction)
            }
            #expect(recorded == .superseded)
            // Else its key's life would begin anew while it is on the wire.
            #expect(
                try await rig.texts("SELECT state FROM payout_attempt WHERE key_expires_at IS NOT NULL") == ["sending"])
        }
    }

    @Test("The database allows one request under way for an account, whoever asks")
    func oneUnderWay() async throws {
        try await PaymentRig.with(isSimulated: true) { rig in
            try await rig.request()
            try await rig.request(batch: "second")
            _ = try await rig.claim()
            await #expect(throws: PostgresError.self) {
                try await rig.run("UPDATE payout_attempt SET state = 'sending' WHERE state = 'prepared'")
            }
        }
    }
}

extension PaymentRig {
    /// Takes the attempt that is due, as a payer does before it sends.
    fileprivate func claim() async throws -> ClaimedAttempt {
        let now = clock.now
        let claimed = try await database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try PayoutAttemptStore.sweep(at: now, in: transaction)
            return try PayoutAttemptStore.claim(
                provider: "stripe", schedule: PaymentRig.schedule, maximum: 1, at: now, in: transaction)
        }
        return try #require(claimed.first)
    }

    func setFaults(_ faults: [ProviderFault], of account: String) async {
        var control = FakeStripeControl()
        control.faults = [account: faults]
        await fake.apply(control)
    }
}

/// Blocks a connection's thread until another one opens it.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func pass() { semaphore.wait() }

    func open() { semaphore.signal() }
}
