import Domain
import Outbox
import Postgres
import Stages
import Storage
import Testing

/// One order of the affiliate `a`, step by step, a minute between them.
struct OrderLife {
    let pipeline: Pipeline
    private var now = Pipeline.moment("2026-03-04T12:00:00Z")
    private var others = 0
    private var last: RuleAcceptance?
    /// By how much the accepted what-ifs said that commissions would change.
    private(set) var seenMinor: Int64 = 0

    init(pipeline: Pipeline) { self.pipeline = pipeline }

    mutating func take(_ step: [String]) async throws {
        now = now.adding(seconds: 60)
        let amount = step.count > 2 ? Int(step[2]) : nil
        switch step[0] {
        case "order": try await event(Pipeline.order("o", program: "p-hold", at: "2026-03-04T10:00:00Z"))
        case "fast":
            try await event(FraudDetectionTests.click("c", program: "p-hold"))
            try await event(
                FraudDetectionTests.forged("o", click: "c", program: "p-hold", at: "2026-03-04T10:00:02Z"))
        case "approve": try await approve()
        case "other":
            others += 1
            try await event(
                Pipeline.order("x\(others)", amountMinor: Int(step[1]) ?? 0, at: "2026-03-04T11:00:00Z"))
        case "refund", "chargeback": try await event(back(step[0], step[1], amount ?? 0))
        case "undo": try await event(back("refund_reversal", step[1], amount ?? 0))
        case "lock": try await lock()
        case "pay": try await move([.manual, .submitted, .paid])
        case "return": try await move([.returned])
        case "close": try await close()
        case "correct": try await correct(basisPoints: Int32(step[1]) ?? 0)
        case "again": try await accept(try #require(last))
        default: Issue.record("no such step: \(step)")
        }
    }

    private func back(_ type: String, _ id: String, _ amountMinor: Int) -> String {
        """
        {"event_id": "\(type)-\(id)-\(now.microsecondsSinceEpoch)", "type": "\(type)", "program_id": "p-hold",
         "occurred_at": "2026-03-04T11:30:00Z", "order_id": "o", "refund_id": "\(id)", "amount_minor": \(amountMinor),
         "currency": "EUR"}
        """
    }

    private func event(_ text: String) async throws {
        try await pipeline.take([text], at: now)
    }

    private mutating func approve() async throws {
        now = now.adding(days: 7)
        let now = now
        try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
            let due = try CommissionStore.due(at: now, maximum: 10, in: transaction)
            _ = try CommissionStore.decide(due, at: now, in: transaction)
        }
    }

    private func lock() async throws {
        let now = now
        try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
            let lane = Lane(emitter: "payout-planner")
            let planned = try PayoutStore.plan(
                batchKey: "b", at: now, submittedBy: "planner", lane: lane, in: transaction)
            let waiting = planned.filter { $0.payout.state == .awaitingApproval }.map(\.payout.payoutID)
            _ = try PayoutStore.approve(waiting, by: "owner", lane: lane, at: now, in: transaction)
        }
    }

    private func move(_ states: [PayoutState]) async throws {
        let now = now
        try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
            let ids = try transaction.query("SELECT payout_id FROM payout") { row in Identifier(try row.uuid(0)) }
            for state in states {
                let payouts = try PayoutStore.lock(ids, in: transaction)
                if state == .returned { try OrderLife.sayReturned(ids, at: now, in: transaction) }
                try PayoutStore.move(
                    payouts.map { PayoutMove($0, to: state, evidence: "test") }, actor: "test", at: now,
                    in: transaction)
            }
        }
    }

    /// Has two people say that what they paid by hand came back.
    static func sayReturned(
        _ payoutIDs: [Identifier], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            INSERT INTO payout_resolution (payout_id, verdict, provider_object_id, evidence, proposed_by, proposed_at,
                confirmed_by, confirmed_at)
            SELECT payout_id, 'returned', 'bank', 'test', 'one', $2::timestamptz, 'two', $2
            FROM unnest($1::uuid[]) AS p (payout_id)
            """, .uuids(payoutIDs.map(\.value)), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }

    /// Closes the month of the order.
    private mutating func close() async throws {
        now = now.adding(days: 60)
        let now = now
        let refusal = try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
            try PeriodStore.close(
                CivilDate(daysSinceEpoch: Pipeline.now.day).firstOfMonth, by: "finance", at: now, in: transaction)
        }
        #expect(refusal == nil)
    }

    /// Tries another rate on everything so far, and accepts what comes out.
    private mutating func correct(basisPoints: Int32) async throws {
        let wanted = WantedRule(
            ruleID: "standard", priority: 0, validFrom: nil, validUntil: nil,
            terms: RuleTerms(action: .percent(BasisPoints(basisPoints))))
        let trial = RuleTrial(
            programID: "p-hold", wanted: [wanted], span: Timestamp(secondsSinceEpoch: 0)..<now)
        let result = try await pipeline.tryOut(trial)
        seenMinor += result.whatIf.differences.values.reduce(0) { $0 + $1.changedMinor }
        let acceptance = RuleAcceptance(trial: trial, digest: result.digest, reason: "agreed", actor: "owner")
        try await accept(acceptance)
        last = acceptance
    }

    private func accept(_ acceptance: RuleAcceptance) async throws {
        _ = try await pipeline.accept(acceptance, at: now)
    }
}

extension Pipeline {
    func tryOut(_ trial: RuleTrial) async throws -> RuleTrial.Result {
        let answer = try await database.pool.transaction { transaction throws(PostgresError) in
            try trial.tryOut(in: transaction)
        }
        return try answer.get()
    }

    /// - Returns: what was said, and what was done.
    @discardableResult
    func accept(
        _ acceptance: RuleAcceptance, at now: Timestamp = Pipeline.now
    ) async throws -> (RuleAcceptance.Outcome, RuleAcceptance.Count) {
        let outcome = try await database.pool.transaction { transaction throws(PostgresError) in
            try acceptance.accept(at: now, in: transaction)
        }
        guard case .accepted(let accepted) = outcome else { return (outcome, RuleAcceptance.Count()) }
        return (outcome, try await RuleAcceptance.finish(accepted, on: database.pool, clock: { now }))
    }

    /// Commissions that do not come out as they are recorded when they are priced once more.
    func irreproducible() async throws -> [String] {
        try await database.pool.transaction { transaction throws(PostgresError) in
            var entries: [RecordedPriceStore.Entry] = []
            try RecordedPriceStore.replay(
                from: Timestamp(secondsSinceEpoch: 0), to: Timestamp(secondsSinceEpoch: 10_000_000_000),
                programID: nil, in: transaction
            ) { entries += $0 }
            var differing: [String] = []
            for entry in entries {
                let rules = try RuleStore.ruleSets(
                    of: [entry.programID], knownUpTo: [entry.price.rulesVersion], in: transaction)
                guard !entry.price.agrees(with: rules[entry.programID]?.reprice(entry.price)) else { continue }
                differing.append("\(entry.price)")
            }
            return differing
        }
    }
}
