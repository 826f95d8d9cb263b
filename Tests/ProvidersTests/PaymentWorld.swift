import DevKit
import Domain
import Postgres
import Providers
import Storage
import Testing

/// A random life of payouts: a few affiliates, their provider's faults, and payers and reconcilers that work, crash,
/// come back late and are asked again, all drawn from one seed.
///
/// Payer, reconciler, webhook receiver and database are the real ones, and the provider is called over connections;
/// only their clocks are made.
actor PaymentWorld {
    private static let steps = 36
    private static let drainRoundsMaximum = 600
    private static let affiliates = 4
    private static let accountEndings = ["", "", "", "_no_account", "_returned", "_not_allowed"]
    /// `slow` waits for a real timeout: it has its own tests, and a few of these worlds.
    private static let faults = ProviderFault.allCases.filter { $0 != .slow }
    private static let waits: [Int64] = [1, 3, 12, 61, 61, 300, 900, 3_600, 4 * 3_600, 20 * 3_600, 30 * 3_600, 259_200]

    private let seed: UInt64
    private let rig: PaymentRig
    private let stripe: StripeConnect
    private let accounts: [String]
    private var random: SplitMix64
    private var occasions = 0
    private var earnedMinor: [String: Int64] = [:]
    /// Payers that hang: they claimed an attempt, and maybe have a reply that they never wrote down.
    private var hanging: [(attempt: ClaimedAttempt, reply: ProviderReply?)] = []
    private var trace: [String] = []

    init(seed: UInt64, rig: PaymentRig) throws {
        self.seed = seed
        self.rig = rig
        stripe = try rig.makeStripe()
        var random = SplitMix64(seed: seed)
        accounts = (0..<Self.affiliates).map { "acct_\($0)" + random.pick(Self.accountEndings) }
        self.random = random
    }

    /// - Returns: nil if no money went astray; otherwise what did, with the steps that led there.
    func run() async throws -> String? {
        let webhooks = FakeStripeControl.webhooks(
            Dictionary(uniqueKeysWithValues: accounts.map { ($0, random.pick(WebhookFault.allCases)) }))
        await rig.fake.apply(webhooks)
        for _ in 0..<Self.steps {
            try await step()
            if let astray = try await astray() { return report(astray) }
        }
        try await calm()
        guard try await drain() else { return report("not reconciled: \(try await unsettled())") }
        if let astray = try await astray() { return report(astray) }
        return try await unequal().map(report)
    }

    private func report(_ what: String) -> String {
        "seed \(seed): \(what)\n  \(trace.joined(separator: "\n  "))"
    }

    // MARK: Steps

    private func step() async throws {
        switch random.below(20) {
        case 0...2: try await earn()
        case 3, 4:
            trace.append("every request is delivered again")
            try await rig.deliverRequests()
        case 5...7:
            trace.append("dispatch \(try await rig.dispatcher.runOnce().outcomes)")
        case 8:
            trace.append("two payers")
            let second = try rig.makeDispatcher()
            async let one = rig.dispatcher.runOnce()
            async let other = second.runOnce()
            _ = try await (one, other)
        case 9, 10: try await hang(sends: random.happens(1, in: 2))
        case 11: try await wake()
        case 12, 13: try await reconcile()
        case 14, 15: await breakProvider()
        case 16: await returnMoney()
        case 17: try await takeBack()
        default: await wait(random.pick(Self.waits))
        }
    }

    private func earn() async throws {
        let index = random.below(accounts.count)
        let amountMinor = Int64(1_000 + random.below(40_000))
        occasions += 1
        let (affiliateID, account, batch, now) = ("a\(index)", accounts[index], "b\(occasions)", rig.clock.now)
        earnedMinor[account, default: 0] += amountMinor
        trace.append("\(account) earns \(amountMinor)")
        try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            try EarnedMoney.earn(
                affiliateID, account: account, amountMinor: amountMinor, occasion: batch, in: transaction)
            _ = try EarnedMoney.plan(batch: batch, at: now, in: transaction)
        }
        if random.happens(3, in: 4) { try await rig.deliverRequests() }
    }

    /// A payer that dies, or hangs, before its request or after the reply.
    private func hang(sends: Bool) async throws {
        let (now, maximum) = (rig.clock.now, 1 + random.below(3))
        let claimed = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutAttemptStore.claim(
                provider: "stripe", schedule: PaymentRig.schedule, maximum: maximum, at: now, in: transaction)
        }
        for attempt in claimed {
            let reply = sends ? await stripe.send(attempt, at: now) : nil
            trace.append("\(attempt.idempotencyKey) hangs, \(sends ? "sent" : "not sent")")
            hanging.append((attempt, reply))
        }
    }

    /// One that hung goes on as if nothing had happened meanwhile.
    private func wake() async throws {
        guard !hanging.isEmpty else { return }
        let (attempt, early) = hanging.remove(at: random.below(hanging.count))
        let (now, makeAttempt) = (rig.clock.now, stripe.makeAttempt)
        let reply = if let early { early } else { await stripe.send(attempt, at: now) }
        let outcome = ProviderOutcome(reply, isFirstSend: attempt.isFirstSend)
        let recorded = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutAttemptStore.record(
                outcome, of: attempt, answer: nil, schedule: PaymentRig.schedule, at: now, makeAttempt: makeAttempt,
                in: transaction)
        }
        trace.append("\(attempt.idempotencyKey) wakes: \(outcome.words), \(recorded)")
    }

    private func reconcile() async throws {
        await rig.fake.turn()
        let round = try await rig.reconciler.runOnce()
        trace.append("reconcile: \(round.notices) notices, \(round.checks) checks, \(round.moved) moved")
    }

    private func breakProvider() async {
        let account = random.pick(accounts)
        var control = FakeStripeControl()
        let script = (0..<random.below(5)).map { _ in random.pick(Self.faults) }
        control.faults = [account: seed.isMultiple(of: 16) && script.count > 3 ? script + [.slow] : script]
        control.platformBalance = random.happens(1, in: 5) ? 0 : 1_000_000_000
        trace.append("\(account) \(script.map(\.rawValue)), balance \(control.platformBalance ?? 0)")
        await rig.fake.apply(control)
    }

    /// A bank sends something back, however long ago it was paid.
    private func returnMoney() async {
        let payouts = await rig.fake.acceptances.filter { $0.object == "payout" }
        guard !payouts.isEmpty else { return }
        let payout = random.pick(payouts)
        trace.append("\(payout.id) comes back")
        await rig.fake.fail(payoutID: payout.id, code: "could_not_process")
    }

    private func takeBack() async throws {
        let now = rig.clock.now
        let payouts = try await rig.texts("SELECT payout_id::text FROM payout ORDER BY 1").compactMap {
            Identifier(text: $0)
        }
        guard !payouts.isEmpty else { return }
        let payoutID = random.pick(payouts)
        let result = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutStore.cancel(payoutID, by: "owner", reason: "test", at: now, in: transaction)
        }
        trace.append("\(payoutID) is taken back: \(result)")
    }

    private func wait(_ seconds: Int64) async {
        trace.append("\(seconds) s pass")
        rig.clock.advance(seconds: seconds)
        await rig.fake.turn()
    }

    // MARK: The end

    private func calm() async throws {
        var control = FakeStripeControl.webhooks(Dictionary(uniqueKeysWithValues: accounts.map { ($0, .none) }))
        control.faults = Dictionary(uniqueKeysWithValues: accounts.map { ($0, []) })
        control.platformBalance = 1_000_000_000
        await rig.fake.apply(control)
        trace.append("calm")
        if random.happens(1, in: 2) { await wait(30 * 3_600) }
        while !hanging.isEmpty { try await wake() }
        try await rig.deliverRequests()
    }

    /// - Returns: whether every payout ended.
    private func drain() async throws -> Bool {
        for _ in 0..<Self.drainRoundsMaximum {
            let sent = try await rig.dispatcher.runOnce().sent
            await rig.fake.turn()
            let round = try await rig.reconciler.runOnce()
            if let astray = try await astray() {
                trace.append(astray)
                return false
            }
            let open = try await unsettled()
            if open.isEmpty, await rig.fake.undelivered == 0, round.isIdle { return true }
            if sent == 0, round.isIdle { try await pass(open) }
        }
        return false
    }

    /// Lets as much time pass as the payouts that are open need, and has people decide about what is theirs.
    private func pass(_ open: [String]) async throws {
        try await decide()
        let isMoving = open.contains { ["reserved", "submitting", "unknown", "declined"].contains($0) }
        rig.clock.advance(seconds: isMoving ? 600 : open.allSatisfy { $0 == "paid" } ? 86_400 : 7_200)
        await rig.fake.turn()
    }

    private func decide() async throws {
        let now = rig.clock.now
        let payouts = try await rig.texts("SELECT payout_id::text FROM payout WHERE state = 'manual'").compactMap {
            Identifier(text: $0)
        }
        for payoutID in payouts {
            let results = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                let proposed = try PayoutStore.propose(
                    .declined, for: payoutID, evidence: "not there", by: "one", at: now, in: transaction)
                return (proposed, try PayoutStore.confirm(payoutID, by: "two", at: now, in: transaction))
            }
            if results.1 == .done { trace.append("people decline \(payoutID)") }
        }
    }

    private func unsettled() async throws -> [String] {
        try await rig.texts(
            """
            SELECT state FROM payout
            WHERE state NOT IN ('rejected', 'canceled', 'failed', 'returned', 'final', 'awaiting_approval')
            """)
    }

    // MARK: What must hold

    /// What must hold at any moment, whatever is unknown.
    private func astray() async throws -> String? {
        let acceptances = await rig.fake.acceptances
        let amounts = Dictionary(
            uniqueKeysWithValues: try await rig.texts("SELECT payout_id || ' ' || amount_minor FROM payout").map {
                let words = $0.split(separator: " ")
                return (String(words[0]), Int64(words[1]) ?? 0)
            })
        for (step, sent) in Dictionary(grouping: acceptances, by: { "\($0.payoutID) \($0.object)" }) {
            let owed = amounts[sent[0].payoutID] ?? 0
            if sent.count > 1 { return "\(step) was accepted \(sent.count) times" }
            if sent[0].amount > owed { return "\(step) sent \(sent[0].amount) of \(owed)" }
        }
        for (account, sent) in Dictionary(grouping: acceptances, by: \.account) {
            let earned = earnedMinor[account] ?? 0
            let transferred = sent.filter { $0.object == "transfer" }.reduce(0) { $0 + $1.amount }
            if transferred > earned { return "\(account) earned \(earned), was sent \(transferred)" }
        }
        let spans = await rig.fake.keySpans
        for line in try await rig.texts(
            """
            SELECT idempotency_key || ' ' || (extract(epoch FROM key_expires_at) * 1000000)::int8 FROM payout_attempt
            WHERE key_expires_at IS NOT NULL
            """)
        {
            let words = line.split(separator: " ").map(String.init)
            guard let span = spans[words[0]], let end = Int64(words[1]) else { continue }
            if span.upperBound.microsecondsSinceEpoch >= end { return "\(words[0]) was sent after its life" }
        }
        return nil
    }

    /// What must hold when all has ended: books, provider and the affiliates' earnings say the same.
    private func unequal() async throws -> String? {
        let differences = try await rig.differences()
        guard differences.isEmpty else { return "\(differences)" }
        var standing: [String: Int64] = [:]
        for payout in await rig.fake.acceptances where payout.object == "payout" {
            if await rig.fake.status(of: payout.id) == "paid" { standing[payout.account, default: 0] += payout.amount }
        }
        let balances = try await rig.texts(
            """
            SELECT a.provider_account || ' ' || b.payable || ' ' || b.reserved
            FROM affiliate_balance b JOIN affiliate a USING (affiliate_id)
            """)
        for balance in balances {
            let words = balance.split(separator: " ").map(String.init)
            let account = words[0]
            let waiting = (Int64(words[1]) ?? 0) + (Int64(words[2]) ?? 0)
            if waiting + (standing[account] ?? 0) != earnedMinor[account] ?? 0 {
                return
                    "\(account) earned \(earnedMinor[account] ?? 0), has \(standing[account] ?? 0), awaits \(waiting)"
            }
        }
        let untold = try await rig.texts(
            """
            SELECT p.payout_id || ' ' || p.state FROM payout p
            WHERE p.state IN ('final', 'failed', 'returned') AND NOT EXISTS (
                SELECT FROM outbox o WHERE o.out_topic = 'payouts.settled'
                    AND convert_from(o.payload, 'UTF8')::jsonb -> 'data' ->> 'payout_id' = p.payout_id::text
                    AND convert_from(o.payload, 'UTF8')::jsonb -> 'data' ->> 'outcome' = p.state)
            """)
        return untold.isEmpty ? nil : "nobody was told of \(untold)"
    }
}

extension FakeStripeControl {
    fileprivate static func webhooks(_ faults: [String: WebhookFault]) -> FakeStripeControl {
        var control = FakeStripeControl()
        control.webhookFaults = faults
        return control
    }
}
