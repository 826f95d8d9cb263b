import DevKit
import Domain
import Foundation
import Kafka
import Postgres
import Stages
import Storage
import Testing
import WorkerRuntime

/// Random worlds whose events several scorers take at once, while one of their timers looks at what waits.
///
/// Between two other steps events are dealt out by their key, as partitions are; each share is a batch in a transaction
/// of its own, and all run together. Behind them the timer takes up what waits, until nothing is left to take up.
///
/// `PARALLEL_MONEY_WORLDS=FIRST-LAST` tries other seeds than those of every run.
@Suite("Money, computed by several at once", .serialized, .timeLimit(.minutes(60)))
struct ParallelMoneyTests {
    private static let seeds = WorldSeeds("PARALLEL_MONEY_WORLDS", otherwise: 1...12)
    private static let workers = 4
    /// More than what waits may wait for one behind the other: a click, an order, a refund, its reversal.
    private static let releases = 4

    /// Compared with the oracle, which takes the same events one by one: every standing commission with its rule,
    /// amount, reversal and status; refusals; what is parked; of every account what is pending, reserved, and payable
    /// less owed. Not compared is what the order may decide: whether a click that two workers met was late, so that a
    /// superseded commission tells of it, and whether money went back to payable or first settled a debt.
    @Test("Whoever is first, every account is what the oracle says where the order cannot matter")
    func orderFree() async throws {
        let differences = try await tryOut(.orderFree) { world, rig, oracle in
            let facts = try await ParallelMoneyTests.settled(rig.facts())
            let expected = ParallelMoneyTests.settled(oracle.facts)
            guard facts != expected else { return nil }
            return "oracle: \(Set(expected).subtracting(facts).sorted())\n  "
                + "stages: \(Set(facts).subtracting(expected).sorted())"
        }
        for difference in differences { Issue.record("\(difference)") }
        Self.seeds.report(steps: "4 workers at once, order-free", differing: differences.count)
    }

    /// Who gets the last of a cap depends on the order; whatever it was, this holds: before caps every first commission
    /// is what the oracle says without limits; each is its price with the room that was recorded for it; a cap's count
    /// is the sum of what its rule recorded and within its limit; where one was cut a cap is used to the last unit; and
    /// the ledger, the balances and the commissions say the same.
    @Test("Whoever is first, caps are shared exactly and the books agree with the commissions")
    func capped() async throws {
        let differences = try await tryOut(.capped) { world, rig, oracle in
            var broken = try await rig.pipeline.irreproducible().map { "irreproducible \($0)" }
            broken += try await rig.pipeline.texts(ParallelMoneyTests.broken)
            let priced = try await rig.pipeline.texts(ParallelMoneyTests.uncapped)
            let expected = oracle.firstCommissions
            if priced != expected {
                broken.append("oracle: \(Set(expected).subtracting(priced).sorted())")
                broken.append("stages: \(Set(priced).subtracting(expected).sorted())")
            }
            return broken.isEmpty ? nil : broken.joined(separator: "\n  ")
        }
        for difference in differences { Issue.record("\(difference)") }
        Self.seeds.report(steps: "4 workers at once, capped", differing: differences.count)
    }

    private func tryOut(
        _ kind: MoneyWorld.Kind,
        _ compare: @escaping @Sendable (MoneyWorld, MoneyRig, MoneyOracle) async throws -> String?
    ) async throws -> [String] {
        var differences: [String] = []
        for seed in Self.seeds.range where differences.count < 3 {
            let world = MoneyWorld(seed: seed, kind: kind)
            let difference = try await TestDatabase.with(poolSize: Self.workers + 1) { database in
                try await Self.run(world, MoneyRig(world: world, database: database), compare)
            }
            if let difference { differences.append("seed \(seed), \(difference)") }
        }
        return differences
    }

    private static func run(
        _ world: MoneyWorld, _ rig: MoneyRig, _ compare: (MoneyWorld, MoneyRig, MoneyOracle) async throws -> String?
    ) async throws -> String? {
        try await rig.prepare()
        var oracle = MoneyOracle(world, limitsCaps: world.kind != .capped) { rig.conversionID($0).description }
        for (index, step) in world.steps.enumerated() {
            let number = index * (releases + 1)
            oracle.take(step)
            if case .events(let events) = step {
                try await rig.takeAtOnce(events, number: number, workers: workers)
            } else {
                try await rig.take(step, number: number)
            }
            let rounds =
                switch step {
                case .events, .quote: releases
                case .rules, .correct, .release, .approve, .lock, .pay, .giveBack: 0
                }
            for round in 0..<rounds {
                oracle.take(.release)
                try await rig.release(at: rig.moment(number + round + 1))
            }
            if let difference = try await compare(world, rig, oracle) {
                return "step \(index) \(step)\n  \(difference)\n  rules: \(world.rules)"
            }
        }
        return nil
    }

    /// Without what the order decides.
    private static func settled(_ facts: [String]) -> [String] {
        facts.filter { !$0.hasSuffix(" superseded") }.compactMap { line in
            let parts = line.split(separator: " ")
            guard parts[0] == "balance", parts.count == 7, let payable = Int(parts[4]), let owed = Int(parts[6]) else {
                return line
            }
            let net = [parts[3], "\(payable - owed)", parts[5]]
            return net == ["0", "0", "0"] ? nil : (parts[..<3] + net).joined(separator: " ")
        }.sorted()
    }

    /// Standing first commissions before caps.
    private static let uncapped: Statement = """
        SELECT concat_ws(' ', c.order_id, m.affiliate_id, COALESCE(m.rule_id || '/' || m.rule_version, '-'),
            m.uncapped_minor, m.currency) COLLATE "C" AS line
        FROM commission m JOIN conversion c USING (conversion_id) WHERE m.tier = 1 AND NOT superseded ORDER BY 1
        """

    private static let broken: Statement = """
        WITH cap AS (
            SELECT r.program_id, r.rule_id, r.version, c ->> 'scope' AS scope, c ->> 'period' AS period,
                (c ->> 'limit_minor')::int8 AS limit_minor
            FROM rule_version r CROSS JOIN LATERAL jsonb_array_elements(COALESCE(definition -> 'caps', '[]')) c
        ), part AS (
            SELECT m.commission_id, m.amount_minor, m.uncapped_minor, cap.limit_minor, cap.program_id, cap.rule_id,
                CASE cap.scope WHEN 'affiliate' THEN m.affiliate_id ELSE '' END AS affiliate_id, cap.period,
                CASE cap.period WHEN 'total' THEN '1970-01-01'::date
                    ELSE date_trunc(cap.period, c.occurred_at AT TIME ZONE 'UTC')::date END AS starts_on, m.currency
            FROM commission m JOIN conversion c USING (conversion_id)
            JOIN cap ON (cap.program_id, cap.rule_id, cap.version) = (m.program_id, m.rule_id, m.rule_version)
        ), used AS (
            SELECT program_id, rule_id, affiliate_id, period, starts_on, currency, sum(amount_minor) AS minor,
                max(limit_minor) AS limit_minor
            FROM (SELECT DISTINCT ON (commission_id, affiliate_id, period) * FROM part) p GROUP BY 1, 2, 3, 4, 5, 6
        )
        SELECT concat_ws(' ', 'cap', rule_id, u.affiliate_id, u.period, u.minor, c.used_minor, u.limit_minor)
        FROM used u FULL JOIN cap_usage c USING (program_id, rule_id, affiliate_id, period, starts_on, currency)
        WHERE COALESCE(u.minor, 0) <> COALESCE(c.used_minor, 0) OR u.minor > u.limit_minor
        UNION ALL SELECT 'cut ' || commission_id::text FROM part
        JOIN cap_usage c USING (program_id, rule_id, affiliate_id, period, starts_on, currency)
        WHERE amount_minor < uncapped_minor GROUP BY commission_id HAVING NOT bool_or(c.used_minor >= limit_minor)
        UNION ALL SELECT 'codes ' || commission_id::text FROM commission
        WHERE (amount_minor < uncapped_minor) <> (310 = ANY (codes))
        UNION ALL SELECT 'history ' || commission_id::text FROM commission m
        WHERE reversed_minor <> (SELECT COALESCE(sum(amount_minor), 0) FROM commission_event e
            WHERE e.commission_id = m.commission_id)
        UNION ALL SELECT 'pending ' || b.affiliate_id FROM affiliate_balance b
        WHERE pending <> (SELECT COALESCE(sum(amount_minor - reversed_minor), 0) FROM commission m
            WHERE (m.affiliate_id, m.currency) = (b.affiliate_id, b.currency) AND status IN ('pending', 'held'))
        UNION ALL SELECT 'balance ' || affiliate_id FROM affiliate_balance b JOIN (
            SELECT affiliate_id, currency, sum(minor) FILTER (WHERE account = 'liab:affiliate:pending') AS pending,
                sum(minor) FILTER (WHERE account = 'liab:affiliate:payable') AS payable,
                sum(minor) FILTER (WHERE account = 'liab:affiliate:reserved') AS reserved,
                sum(minor) FILTER (WHERE account = 'asset:affiliate:clawback') AS clawback,
                sum(minor) FILTER (WHERE account = 'exp:commission') AS expense
            FROM ledger_posting CROSS JOIN LATERAL (VALUES (credit, amount_minor), (debit, -amount_minor))
                AS s (account, minor) GROUP BY 1, 2) l USING (affiliate_id, currency)
        WHERE (b.pending, b.payable, b.reserved, b.clawback) <> (COALESCE(l.pending, 0), COALESCE(l.payable, 0),
                COALESCE(l.reserved, 0), -COALESCE(l.clawback, 0))
            OR -COALESCE(l.expense, 0) <> (SELECT COALESCE(sum(amount_minor - reversed_minor), 0) FROM commission m
                WHERE (m.affiliate_id, m.currency) = (b.affiliate_id, b.currency))
        """
}

extension MoneyRig {
    var pipeline: Pipeline { Pipeline(database: database) }

    /// Lets several scorers take events, each those of some keys in their order, and a timer look at what waits.
    func takeAtOnce(_ events: [MoneyWorld.Event], number: Int, workers: Int) async throws {
        let now = moment(number)
        let shares = Dictionary(grouping: events) { event in
            Int((event.affiliate ?? event.order ?? "").utf8.reduce(UInt32(5)) { $0 &* 31 &+ UInt32($1) }) % workers
        }
        try await withThrowingDiscardingTaskGroup { group in
            for (worker, events) in shares {
                group.addTask {
                    let values = events.map { Array($0.json(in: world.program).utf8) }
                    try await apply(values, partition: Int32(worker), from: Int64(number * 1_000), at: now)
                }
            }
            group.addTask { try await release(at: now) }
        }
    }

    private func apply(_ values: [[UInt8]], partition: Int32, from first: Int64, at now: Timestamp) async throws {
        let stage = ScoringStage(registersUnknown: false)
        let source = TopicPartition(topic: stage.topics[0], partition: partition)
        let batch = values.enumerated().compactMap { offset, value -> Sourced<ScoringStage.Input>? in
            let record = Record(
                source: source, offset: first + Int64(offset), timestampMilliseconds: 0, key: nil, value: value[...])
            guard case .input(let input) = stage.decode(record) else { return nil }
            return Sourced(record: record, input: input)
        }
        // A worker takes a batch again for as long as it has to.
        _ = try await database.pool.transaction(attempts: 50) { transaction throws(PostgresError) in
            try stage.apply(batch, in: transaction, at: now).outcomes.count
        }
    }
}
