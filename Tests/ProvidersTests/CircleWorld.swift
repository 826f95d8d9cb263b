import DevKit
import Domain
import Postgres
import Providers
import Storage
import Testing

/// A random life of payouts over Circle: as `PaymentWorld`, with what is another's here. Circle keeps no name of ours,
/// its keys are good for a month, and what people decide they have looked up.
actor CircleWorld {
    private static let steps = 30
    private static let drainRoundsMaximum = 400
    /// `slow` and `running` wait for a real timeout: they have their own tests.
    private static let faults = ProviderFault.allCases.filter { ![.slow, .running].contains($0) }
    private static let scripts: [CircleScript] = [.complete, .complete, .undocumented, .failed, .denied, .inactive]
    private static let waits: [Int64] = [1, 3, 12, 61, 61, 300, 3_600, 20 * 3_600, 259_200, 30 * 86_400]

    private let seed: UInt64
    private let rig: CircleRig
    private var random: SplitMix64
    private var occasions = 0
    private var earnedMinor: [String: Int64] = [:]
    private var hanging: [(attempt: ClaimedAttempt, reply: ProviderReply?)] = []
    private var trace: [String] = []

    init(seed: UInt64, rig: CircleRig) {
        self.seed = seed
        self.rig = rig
        random = SplitMix64(seed: seed)
    }

    /// - Returns: nil if no money went astray; otherwise what did, with the steps that led there.
    func run() async throws -> String? {
        var control = FakeCircleControl()
        for recipient in rig.recipients {
            control.scripts = (control.scripts ?? [:]).merging([recipient: random.pick(Self.scripts)]) { $1 }
            control.webhookFaults = (control.webhookFaults ?? [:]).merging(
                [recipient: random.pick(WebhookFault.allCases)]) { $1 }
        }
        await rig.fake.apply(control)
        for _ in 0..<Self.steps {
            try await step()
            if let astray = try await astray() { return report(astray) }
        }
        try await calm()
        guard try await drain() else { return report("not reconciled: \(try await open())") }
        return try await unequal().map(report)
    }

    private func report(_ what: String) -> String {
        "seed \(seed): \(what)\n  \(trace.joined(separator: "\n  "))"
    }

    private func step() async throws {
        switch random.below(16) {
        case 0...3: try await earn()
        case 4...6: trace.append("dispatch \(try await rig.dispatcher.runOnce().outcomes)")
        case 7, 8: try await hang(sends: random.happens(1, in: 2))
        case 9: try await wake()
        case 10, 11:
            await rig.fake.turn()
            trace.append("reconcile: \(try await rig.reconciler.runOnce().moved) moved")
        case 12: trace.append("sweep: \(try await rig.sweep.runOnce()) moved")
        case 13: await breakProvider()
        default:
            let seconds = random.pick(Self.waits)
            trace.append("\(seconds) s pass")
            await pass(seconds)
        }
    }

    private func earn() async throws {
        let index = random.below(rig.recipients.count)
        let amountMinor = Int64(1_000 + random.below(40_000))
        occasions += 1
        earnedMinor[rig.recipients[index], default: 0] += amountMinor
        trace.append("\(index) earns \(amountMinor)")
        try await rig.earn(index, amountMinor: amountMinor, batch: "b\(occasions)")
    }

    private func breakProvider() async {
        let recipient = random.pick(rig.recipients)
        var control = FakeCircleControl()
        control.faults = [recipient: (0..<random.below(5)).map { _ in random.pick(Self.faults) }]
        control.balances = ["USD": random.happens(1, in: 4) ? 0 : 1_000_000_000]
        trace.append("\(control.faults?.values.first?.map(\.rawValue) ?? []), balance \(control.balances ?? [:])")
        await rig.fake.apply(control)
    }

    /// A payer that dies, or hangs, before its request or after the reply.
    private func hang(sends: Bool) async throws {
        let (now, maximum) = (rig.clock.now, 1 + random.below(3))
        let claimed = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutAttemptStore.claim(
                provider: "circle", schedule: CircleRig.schedule, maximum: maximum, at: now, in: transaction)
        }
        for attempt in claimed {
            let reply = sends ? await rig.circle.send(attempt, at: now) : nil
            trace.append("\(attempt.idempotencyKey) hangs, \(sends ? "sent" : "not sent")")
            hanging.append((attempt, reply))
        }
    }

    /// One that hung goes on as if nothing had happened meanwhile.
    private func wake() async throws {
        guard !hanging.isEmpty else { return }
        let (attempt, early) = hanging.remove(at: random.below(hanging.count))
        let (now, circle) = (rig.clock.now, rig.circle)
        let reply = if let early { early } else { await circle.send(attempt, at: now) }
        let outcome = circle.outcome(of: reply, isFirstSend: attempt.isFirstSend)
        let recorded = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            try PayoutAttemptStore.record(
                outcome, of: attempt, answer: nil, schedule: CircleRig.schedule, at: now,
                makeAttempt: circle.makeAttempt, in: transaction)
        }
        trace.append("\(attempt.idempotencyKey) wakes: \(outcome.words), \(recorded)")
    }

    private func pass(_ seconds: Int64) async {
        rig.clock.advance(seconds: seconds)
        await rig.fake.turn()
    }

    private func calm() async throws {
        var control = FakeCircleControl()
        control.faults = Dictionary(uniqueKeysWithValues: rig.recipients.map { ($0, []) })
        control.webhookFaults = Dictionary(uniqueKeysWithValues: rig.recipients.map { ($0, .none) })
        control.balances = ["USD": 1_000_000_000]
        await rig.fake.apply(control)
        trace.append("calm")
        while !hanging.isEmpty { try await wake() }
    }

    /// - Returns: whether every payout ended.
    private func drain() async throws -> Bool {
        for _ in 0..<Self.drainRoundsMaximum {
            let sent = try await rig.dispatcher.runOnce().sent
            await rig.fake.turn()
            let round = try await rig.reconciler.runOnce()
            try await rig.sweep.runOnce()
            if let astray = try await astray() {
                trace.append(astray)
                return false
            }
            if try await open().isEmpty, await rig.fake.undelivered == 0, round.isIdle { return true }
            if sent == 0, round.isIdle {
                try await decide()
                // A refusal under a key that was sent before proves nothing, until its month is over.
                await pass(43_200)
            }
        }
        return false
    }

    /// Two people look for the key at Circle, and say what they found.
    private func decide() async throws {
        let now = rig.clock.now
        let accepted = await rig.fake.acceptances
        for line in try await rig.texts(Self.undecided) {
            let words = line.split(separator: " ").map(String.init)
            guard let payoutID = Identifier(text: words[0]) else { continue }
            let found = accepted.first { $0.key == words[1] }
            let verdict = found.map { PayoutVerdict.submitted(objectID: $0.id) } ?? .declined
            let result = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                _ = try PayoutStore.propose(
                    verdict, for: payoutID, evidence: "looked up", by: "one", at: now, in: transaction)
                return try PayoutStore.confirm(payoutID, by: "two", at: now, in: transaction)
            }
            trace.append("people about \(payoutID): \(verdict), \(result)")
        }
    }

    private static let undecided: Statement =
        """
        SELECT p.payout_id || ' ' || (convert_from(a.request_body, 'UTF8')::jsonb ->> 'idempotencyKey')
        FROM payout p JOIN payout_attempt a USING (payout_id) WHERE p.state = 'manual' AND a.state = 'unknown'
        """

    private func open() async throws -> [String] {
        try await rig.texts(
            """
            SELECT state FROM payout
            WHERE state NOT IN ('rejected', 'canceled', 'failed', 'returned', 'final', 'awaiting_approval')
            """)
    }

    // MARK: What must hold

    /// What must hold at any moment: Circle has each payout once at most, for what is owed, and knows no key of others.
    private func astray() async throws -> String? {
        var payoutOf: [String: (id: String, minor: Int64)] = [:]
        for line in try await rig.texts(
            """
            SELECT (convert_from(request_body, 'UTF8')::jsonb ->> 'idempotencyKey') || ' ' || payout_id || ' '
                || amount_minor FROM payout_attempt
            """)
        {
            let words = line.split(separator: " ").map(String.init)
            payoutOf[words[0]] = (words[1], Int64(words[2]) ?? 0)
        }
        var seen: Set<String> = []
        for acceptance in await rig.fake.acceptances {
            guard let payout = payoutOf[acceptance.key] else { return "\(acceptance.key) is no key of ours" }
            if !seen.insert(payout.id).inserted { return "\(payout.id) was accepted twice" }
            if acceptance.amountMinor != payout.minor { return "\(payout.id) sent \(acceptance.amountMinor)" }
        }
        return nil
    }

    /// What must hold when all has ended: books, Circle and the affiliates' earnings say the same.
    private func unequal() async throws -> String? {
        let unequal = try await rig.texts(PaymentRig.unequalBalances) + rig.texts(PaymentRig.unreserved)
        guard unequal.isEmpty else { return "the books of \(unequal)" }
        var standing: [String: Int64] = [:]
        for payout in await rig.fake.acceptances where await rig.fake.status(of: payout.id) == "complete" {
            standing[payout.recipientID, default: 0] += payout.amountMinor
        }
        for line in try await rig.texts(
            """
            SELECT a.provider_account || ' ' || (b.payable + b.reserved)
            FROM affiliate_balance b JOIN affiliate a USING (affiliate_id)
            """)
        {
            let words = line.split(separator: " ").map(String.init)
            let (earned, waiting) = (earnedMinor[words[0]] ?? 0, Int64(words[1]) ?? 0)
            let has = standing[words[0]] ?? 0
            if waiting + has != earned { return "\(words[0]) earned \(earned), has \(has), awaits \(waiting)" }
        }
        return nil
    }
}
