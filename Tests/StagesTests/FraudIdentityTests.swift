import DevKit
import Domain
import Events
import Foundation
import Postgres
import Stages
import Storage
import Testing

/// The events of a made world through the real scorer, then through the detector in many ways.
@Suite("The fleet judges as the engine does", .serialized, .timeLimit(.minutes(10))) struct FraudIdentityTests {
    private static let judgements: Statement =
        """
        SELECT concat_ws(',', affiliate_id, day, probability::text, verdict, evidence::text) FROM fraud_judgement
        ORDER BY 1
        """
    private static let conversions: Statement =
        """
        SELECT concat_ws(',', e.event_id, f.probability::text, array_to_string(f.codes, ' '), f.verdict)
        FROM fraud_conversion f JOIN conversion c USING (conversion_id) JOIN event e USING (event_key) ORDER BY 1
        """
    private static let state: Statement =
        """
        SELECT concat_ws(' ', 'world', sealed_through, md5(state)) FROM fraud_world
        UNION ALL SELECT concat_ws(' ', 'pair', program, affiliate, md5(history)) FROM fraud_pair
        UNION ALL SELECT concat_ws(' ', 'standing', affiliate, md5(standing)) FROM fraud_standing
        UNION ALL SELECT concat_ws(' ', 'link', kind, key, day, is_buyer, md5(record)) FROM fraud_link
        UNION ALL SELECT concat_ws(' ', 'open', count(*)) FROM fraud_observation
        UNION ALL SELECT concat_ws(' ', 'case', affiliate_id, kind, code, verdict, days, conversions, first_day,
            last_day, status, measured) FROM fraud_case WHERE status <> 'withdrawn'
        UNION ALL SELECT concat_ws(' ', 'risk', c.affiliate_id, c.kind, m.currency,
            sum(m.amount_minor - m.reversed_minor))
            FROM fraud_case c JOIN fraud_case_conversion f USING (fraud_case_id)
            JOIN commission m ON m.commission_id = f.conversion_id
            WHERE c.status = 'open' AND m.status IN ('pending', 'held', 'approved')
            GROUP BY c.affiliate_id, c.kind, m.currency
        UNION ALL SELECT concat_ws(' ', 'affiliate', affiliate_id, fraud_verdict) FROM affiliate
        ORDER BY 1
        """

    private static let world: World = {
        var plan = WorldPlan(seed: 522)
        plan.affiliates = 24...24
        plan.days = 12...12
        plan.intensity = 2...3
        return World(plan)
    }()

    /// What the scorer sends about the world, batch by batch.
    private static func scored(_ pipeline: Pipeline) async throws -> [[UInt8]] {
        var scored: [[UInt8]] = []
        for start in stride(from: 0, to: world.lines.count, by: 400) {
            let lines = Array(world.lines[start..<min(start + 400, world.lines.count)])
            scored += try await pipeline.apply(
                ScoringStage(registersUnknown: true), to: lines, from: Int64(start))
        }
        return scored
    }

    /// Lets detectors judge messages in the order given, in random batches, each now and then twice, with restarts.
    ///
    /// - Parameter linksHeld: in memory; the rest is stored meanwhile.
    private static func detect(
        _ messages: [[UInt8]], _ pipeline: Pipeline, seed: UInt64, linksHeld: Int = FraudTimeline.linksHeldMaximum
    ) async throws {
        var random = SplitMix64(seed: seed)
        var timer = pipeline.timer(linksHeld: linksHeld)
        var rest = messages[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(1 + random.below(60)))
            rest = rest.dropFirst(batch.count)
            let again = random.below(4) == 0 ? Array(messages.prefix(random.below(20))) : []
            _ = try await pipeline.apply(FraudDetectionStage(), to: batch + again)
            if random.below(3) > 0 { try await timer.runOnce() }
            if random.below(3) == 0 { timer = pipeline.timer(linksHeld: linksHeld) }
        }
        try await timer.runOnce()
    }

    @Test("A file gives the verdicts of tributary backtest fraud, for affiliates by day and for conversions")
    func backtest() async throws {
        let fleet = try Fleet(environment: [:])
        let lines = fleet.directory + "/events.jsonl"
        try Data(FraudIdentityTests.world.lines.joined(separator: [10])).write(to: URL(fileURLWithPath: lines))
        let backtest = try await fleet.start(
            "tributary",
            [
                "backtest", "fraud", "--events", lines, "--scores", fleet.directory + "/scores.csv", "--events-scores",
                fleet.directory + "/conversions.csv",
            ])
        #expect(await backtest.waitForEnd() == .exited(0), "\(backtest.output)")
        let scores = try FraudIdentityTests.rows(fleet.directory + "/scores.csv")
        let conversions = try FraudIdentityTests.rows(fleet.directory + "/conversions.csv")
        try await Pipeline.with { pipeline in
            let messages = try await FraudIdentityTests.scored(pipeline)
            try await FraudIdentityTests.detect(messages, pipeline, seed: 1)
            let judged = try await pipeline.texts(
                """
                SELECT concat_ws(',', affiliate_id, day, to_char(probability, 'FM0.000000'), verdict,
                    code || ': ' || sentence)
                FROM fraud_judgement ORDER BY 1
                """)
            let expected = scores.map { FraudIdentityTests.judgement($0) }
            #expect(judged == expected.map { $0.joined(separator: ",") }.sorted())
            for verdict in FraudVerdict.allCases {
                #expect(expected.filter { $0[3] == verdict.rawValue }.count >= 3, "\(verdict)")
            }
            let cases = try await pipeline.texts(
                """
                SELECT concat_ws(' ', affiliate_id, sum(c.days), a.fraud_verdict)
                FROM fraud_case c JOIN affiliate a USING (affiliate_id) WHERE c.status = 'open' AND c.days > 0
                GROUP BY affiliate_id, a.fraud_verdict ORDER BY 1
                """)
            #expect(cases == FraudIdentityTests.cases(expected))
            let told = try await pipeline.texts(
                """
                SELECT concat_ws(',', e.event_id, to_char(f.probability, 'FM0.000000'),
                    array_to_string(f.codes, ' '), f.verdict)
                FROM fraud_conversion f JOIN conversion c USING (conversion_id) JOIN event e USING (event_key)
                """)
            for verdict in FraudVerdict.allCases {
                #expect(told.filter { $0.hasSuffix(",\(verdict)") }.count >= 3, "\(verdict)")
            }
            // Orders that were refused as repetitions have a line in the backtest and no conversion.
            #expect(Set(told).isSubset(of: try conversions.map { try FraudIdentityTests.conversion($0) }))
        }
        await fleet.stop()
    }

    private static func rows(_ path: String) throws -> [String] {
        Array(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init).dropFirst())
    }

    /// Affiliate, day, score, verdict, and the reason if there is one.
    private static func judgement(_ line: String) -> [String] {
        let cells = line.split(separator: ",", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
        let quoted = cells[4].hasPrefix("\"") ? String(cells[4].dropFirst().dropLast()) : cells[4]
        let reason = quoted.replacingOccurrences(of: "\"\"", with: "\"")
        return cells[..<4] + (reason.isEmpty ? [] : [reason])
    }

    /// Event, score, codes, and the verdict that the score comes to.
    private static func conversion(_ line: String) throws -> String {
        let score = try #require(Double(line.split(separator: ",")[1]))
        return "\(line),\(FraudVerdict(ofConversion: score))"
    }

    /// On how many days each affiliate was suspected for a reason, and the worst verdict.
    private static func cases(_ judgements: [[String]]) -> [String] {
        let suspected = judgements.filter { $0[3] != FraudVerdict.clear.rawValue && $0.count > 4 }
        return Dictionary(grouping: suspected) { $0[0] }.map { affiliate, days in
            "\(affiliate) \(days.count) \(days.compactMap { FraudVerdict(rawValue: $0[3]) }.max() ?? .clear)"
        }.sorted()
    }

    @Test("The same events give the same verdicts, cases and state bytes, however they come")
    func identity() async throws {
        var results: [[String]] = []
        for seed: UInt64 in 0...2 {
            try await Pipeline.with { pipeline in
                var messages = try await FraudIdentityTests.scored(pipeline)
                var random = SplitMix64(seed: seed)
                // Partitions may overtake each other: those of affiliates, so messages in any order.
                if seed > 0 {
                    for index in messages.indices.reversed() where index > 0 {
                        messages.swapAt(index, random.below(index + 1))
                    }
                }
                let linksHeld = seed == 0 ? FraudTimeline.linksHeldMaximum : seed == 1 ? 0 : 400
                try await FraudIdentityTests.detect(messages, pipeline, seed: seed, linksHeld: linksHeld)
                #expect(try await pipeline.texts("SELECT (count(*) > 0)::text FROM fraud_link_open") == ["\(seed > 0)"])
                var result = try await pipeline.texts(FraudIdentityTests.judgements)
                result += try await pipeline.texts(FraudIdentityTests.conversions)
                // Two days later everything is quiet and sealed.
                let later = Pipeline.now.adding(days: 2)
                if seed == 2 { try await FraudIdentityTests.sealInSteps(pipeline) }
                try await pipeline.timer(at: later).runOnce()
                result += try await pipeline.texts(FraudIdentityTests.state)
                results.append(result)
            }
        }
        #expect(results[0].count > 300 && results[0].contains("open 0"))
        for verdict in FraudVerdict.allCases {
            #expect(results[0].contains { $0.hasPrefix("affiliate ") && $0.hasSuffix(" \(verdict)") }, "\(verdict)")
        }
        #expect(results[0].contains { $0.hasPrefix("case ") } && results[0].contains { $0.hasPrefix("risk ") })
        for result in results.dropFirst() {
            for (one, other) in zip(results[0], result) where one != other {
                Issue.record("\(one)\nis not\n\(other)")
                break
            }
            #expect(result.count == results[0].count)
        }
    }

    /// Seals the first days alone, as if the later ones had come a day later.
    private static func sealInSteps(_ pipeline: Pipeline) async throws {
        try await pipeline.run(
            """
            UPDATE fraud_observation SET recorded_at = recorded_at + interval '1 day'
            WHERE day > (SELECT min(day) + 4 FROM fraud_observation)
            """)
        try await pipeline.timer(at: Pipeline.now.adding(seconds: 86_400 + 60)).runOnce()
        #expect(try await pipeline.texts("SELECT count(DISTINCT day)::text FROM fraud_observation") != ["0"])
        #expect(try await pipeline.texts("SELECT (sealed_through IS NOT NULL)::text FROM fraud_world") == ["true"])
    }

    // MARK: A candidate

    private static let besides: Statement =
        """
        SELECT concat_ws(',', affiliate_id, day, probability::text, verdict, candidate_version,
            candidate_probability::text, candidate_verdict) FROM fraud_judgement ORDER BY 1
        """
    private static let candidateState: Statement =
        """
        SELECT concat_ws(' ', affiliate, md5(standing), md5(candidate)) FROM fraud_standing
        UNION ALL SELECT concat_ws(' ', candidate_version, sealed_through) FROM fraud_world ORDER BY 1
        """

    @Test("A candidate says silently what it would have, however often the detector is killed and days are sealed")
    func candidate() async throws {
        var results: [[String]] = []
        for isKilled in [false, true] {
            try await Pipeline.with { pipeline in
                let messages = try await FraudIdentityTests.scored(pipeline)
                var timer = pipeline.timer()
                // By then somebody is suspected.
                let learning = messages.count * 2 / 3
                _ = try await pipeline.apply(FraudDetectionStage(), to: Array(messages[..<learning]))
                try await timer.runOnce()
                try await FraudIdentityTests.learn(pipeline)
                var rest = messages[learning...]
                while !rest.isEmpty {
                    try await timer.runOnce()
                    if isKilled, rest.count == messages.count - learning {
                        try await FraudIdentityTests.sealInSteps(pipeline)
                    }
                    if isKilled { timer = pipeline.timer() }
                    _ = try await pipeline.apply(FraudDetectionStage(), to: Array(rest.prefix(100)))
                    rest = rest.dropFirst(100)
                }
                try await timer.runOnce()
                var result = try await pipeline.texts(FraudIdentityTests.besides)
                result.append(try await FraudIdentityTests.comparison(pipeline))
                try await pipeline.timer(at: Pipeline.now.adding(days: 2)).runOnce()
                results.append(result + (try await pipeline.texts(FraudIdentityTests.candidateState)))
            }
        }
        let version = "\(FraudModel.standard.version)/1"
        #expect(results[0].filter { $0.contains(",\(version),") }.count > 50)
        let comparison = try #require(results[0].first { $0.contains("change their verdict") })
        #expect(comparison.contains("affiliate-days were judged beside it"))
        #expect(results[0].contains { $0.hasPrefix("\(version) ") })
        #expect(results[1] == results[0])
    }

    /// Makes a candidate of a dismissed case.
    private static func learn(_ pipeline: Pipeline) async throws {
        let cases = try await pipeline.texts(
            """
            SELECT fraud_case_id::text FROM fraud_case WHERE status = 'open' AND days > 0
            ORDER BY probability DESC, affiliate_id, kind LIMIT 1
            """)
        let suspect = try #require(cases.first.flatMap { Int64($0) })
        let version = try await pipeline.database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try FraudDecisionStore.decide(
                suspect, isConfirmed: false, because: "x", by: "ann", at: Pipeline.now, in: transaction)
            return try FraudModelStore.learn(by: "ann", at: Pipeline.now, in: transaction)?.id
        }
        #expect(version == 1)
    }

    /// What is shown before a candidate is promoted.
    private static func comparison(_ pipeline: Pipeline) async throws -> String {
        let fleet = try Fleet(environment: ["DATABASE_URL": pipeline.database.url])
        let verb = try await fleet.start("tributary", ["fraud", "compare", "1", "--days", "20000"])
        #expect(await verb.waitForEnd() == .exited(0), "\(verb.output)")
        let said = verb.output
        await fleet.stop()
        return said
    }
}
