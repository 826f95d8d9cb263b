import DevKit
import Events
import Foundation
import Postgres
import Testing

/// `REPLAY_EVENTS=N` tries another number of events than every run.
@Suite("Counts and sums, computed twice", .serialized, .timeLimit(.minutes(60)))
struct RecomputationTests {
    private static let chosen = ProcessInfo.processInfo.environment["REPLAY_EVENTS"].flatMap { Int($0) }
    private static let events = chosen ?? 5_000

    /// What a sample of a chosen size came to, for whoever chose it.
    private static func report(_ line: @autoclosure () -> String) {
        if chosen != nil { print(line()) }
    }

    /// Rates that round, and windows that some orders miss.
    private static let programmes: [String: NaiveRecomputation.Programme] = [
        "aurora-eu": .init(currency: "EUR", basisPoints: 1_000, windowDays: 30),
        "borealis-us": .init(currency: "USD", basisPoints: 1_250, windowDays: 1),
        "cumulus-uk": .init(currency: "GBP", basisPoints: 333, windowDays: 30),
        "dune-jp": .init(currency: "JPY", basisPoints: 875, windowDays: 1),
        "estuary-us": .init(currency: "USD", basisPoints: 0, windowDays: 7),
    ]

    @Test("Two scorers leave, row by row, what a naive recomputation makes of the same events")
    func rows() async throws {
        let lines = RecomputationTests.lines
        let naive = NaiveRecomputation(lines, programmes: RecomputationTests.programmes)
        try #require(naive.ambiguous.isEmpty)
        let expected = naive.facts
        for fact in [
            "event", "order", "refund", "commission", "total", "day", "balance", "dead", "exception duplicate 120",
            "exception duplicate 121", "exception rejected 103", "exception rejected 605",
        ] {
            #expect(expected.contains { $0.hasPrefix(fact + " ") }, "the sample has no \(fact)")
        }
        #expect(expected.contains { $0.contains(" direct ") } && expected.contains { $0.contains(" clicked ") })

        let run = try await ScoringFleet.start(with: RecomputationTests.programmes)
        _ = try await run.startScorer()
        _ = try await run.startScorer()
        try await run.publish(lines.map(ScoringFleet.message), keepingPace: true)
        try await run.waitUntilProcessed(records: lines.count)
        let rows = try await facts(in: run)
        let missing = Set(expected).subtracting(rows).sorted()
        let surplus = Set(rows).subtracting(expected).sorted()
        #expect(missing.isEmpty, "\(missing.count) missing: \(missing.prefix(5))")
        #expect(surplus.isEmpty, "\(surplus.count) too many: \(surplus.prefix(5))")
        #expect(rows.count == expected.count)
        try await replay(naive, in: run)
        try await run.stop()
    }

    /// The traffic without refunds of which one may overtake another.
    private static var lines: [[UInt8]] {
        let lines = ScoringFleet.traffic(events: events, seed: 11)
        let ambiguous = Set(NaiveRecomputation(lines, programmes: programmes).ambiguous)
        return lines.filter { line in
            guard !ambiguous.isEmpty, let tree = JSONTree(line[...]),
                ["refund", "chargeback"].contains(tree["type"]?.string)
            else { return true }
            return !ambiguous.contains("\(tree["program_id"]?.string ?? "") \(tree["order_id"]?.string ?? "")")
        }
    }

    /// Prices everything once more: as it was, and at another rate in one programme, which is accepted.
    private func replay(_ naive: NaiveRecomputation, in run: ScoringFleet) async throws {
        let (end, output) = try await run.tributary("replay")
        #expect(end == .exited(0) && output.contains(" 0 of them differ"), "\(output)")
        let (_, exported) = try await run.tributary("rules", "export", "aurora-eu")
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try exported.replacing("percent: 1000", with: "percent: 1150").write(
            to: file, atomically: true, encoding: .utf8)
        let trial = ["replay", "--rules", file.path, "--to", "2025-12-01"]
        let (tried, difference) = try await run.tributary(trial)
        #expect(tried == .exited(0), "\(difference)")
        let rows = difference.split(separator: "\n").filter { $0.hasPrefix("aff-") }.map { row in
            row.split(separator: " ").joined(separator: " ")
        }
        #expect(rows.sorted() == naive.earnings(in: "aurora-eu", at: 1_150))
        #expect(rows.count > 3)
        Self.report("REPLAY_EVENTS \(Self.events): \(output)\(rows.count) affiliates' differences as recounted")
        try await accept(trial, difference, rows, in: run)
        // A commission that is not what its rule says is found.
        _ = try await run.database.pool.transaction { transaction throws(PostgresError) in
            try transaction.run(
                """
                UPDATE commission SET amount_minor = amount_minor + 1 WHERE commission_id =
                    (SELECT commission_id FROM commission WHERE amount_minor > 0 AND NOT superseded ORDER BY 1 LIMIT 1)
                """)
        }
        let (forged, complaint) = try await run.tributary("replay")
        #expect(forged == .exited(1) && complaint.contains(" 1 of them differ"), "\(complaint)")
        try FileManager.default.removeItem(at: file)
    }

    /// Accepts what was tried; once more changes nothing.
    ///
    /// - Parameter rows: what the dry run said of each affiliate: currency, both amounts, the difference.
    private func accept(
        _ trial: [String], _ difference: String, _ rows: [String], in run: ScoringFleet
    ) async throws {
        let digest = try #require(difference.firstMatch(of: #/--expect (\S+)/#)?.1)
        let (wrong, complaint) = try await run.tributary(
            trial + ["--accept", "--expect", "00000000-0000-0000-0000-000000000001", "--reason", "agreed"])
        #expect(wrong != .exited(0) && complaint.contains("is not what was seen, but \(digest)"), "\(complaint)")
        let acceptance = trial + ["--accept", "--expect", String(digest), "--reason", "agreed in March"]
        let (accepted, said) = try await run.tributary(acceptance)
        #expect(accepted == .exited(0) && said.contains("orders corrected"), "\(said)")
        Self.report(difference.split(separator: "\n").suffix(3).joined(separator: "\n") + "\n" + said)
        let earned = try await run.database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                """
                SELECT concat_ws(' ', affiliate_id, currency, (sum(amount_minor) / 100)::numeric(20, 2))
                FROM commission WHERE program_id = 'aurora-eu' AND NOT superseded GROUP BY affiliate_id, currency
                """
            ) { row in try row.text(0) }
        }
        for row in rows {
            let parts = row.split(separator: " ")
            #expect(earned.contains("\(parts[0]) \(parts[1]) \(parts[3])"), "\(row)")
        }
        let (again, nothing) = try await run.tributary(acceptance)
        #expect(again == .exited(0) && nothing.hasPrefix("accepted before, as correction 1, by"), "\(nothing)")
        let (_, none) = try await run.tributary(trial)
        #expect(none.contains(", 0 of them differently"), "\(none)")
        for verb in ["replay", "verify"] {
            let (end, output) = try await run.tributary(verb)
            #expect(end == .exited(0), "\(output)")
            Self.report(output)
        }
    }

    /// What the tables say, a line per row, as `NaiveRecomputation` writes it.
    private func facts(in run: ScoringFleet) async throws -> [String] {
        try await run.database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT concat_ws(' ', 'event', event_id, kind, COALESCE(NULLIF(affiliate_id, ''), '-')) FROM event
                UNION ALL SELECT concat_ws(' ', 'waiting', event_id) FROM parked_event JOIN event USING (event_key)
                UNION ALL SELECT concat_ws(' ', 'exception', outcome, code, COALESCE(event_id, '-'), count(*))
                    FROM intake_exception GROUP BY outcome, code, event_id
                UNION ALL SELECT concat_ws(' ', 'dead', error_code, count(*)) FROM dead_letter GROUP BY error_code
                UNION ALL SELECT concat_ws(' ', 'order', program_id, order_id, affiliate_id, amount_minor, currency,
                    CASE WHEN click_key IS NULL THEN 'direct' ELSE 'clicked' END,
                    CASE WHEN is_test THEN 'test' ELSE 'real' END) FROM conversion
                UNION ALL SELECT concat_ws(' ', 'commission', c.program_id, order_id, m.amount_minor, reversed_minor)
                    FROM commission m JOIN conversion c USING (conversion_id)
                UNION ALL SELECT concat_ws(' ', 'refund', program_id, order_id, kind, r.amount_minor, reversed_minor)
                    FROM refund r JOIN conversion c USING (conversion_id)
                UNION ALL SELECT concat_ws(' ', 'total', affiliate_id, program_id, currency, sum(clicks),
                    sum(conversions), sum(refunds), sum(revenue_minor), sum(refunded_minor)) FROM affiliate_day
                    GROUP BY affiliate_id, program_id, currency HAVING sum(clicks + conversions + refunds) > 0
                UNION ALL SELECT concat_ws(' ', 'day', affiliate_id, program_id, currency, day, clicks, conversions,
                    refunds, revenue_minor, refunded_minor, commission_minor) FROM affiliate_day
                UNION ALL SELECT concat_ws(' ', 'balance', affiliate_id, currency, pending, payable, clawback)
                    FROM affiliate_balance WHERE pending + payable + clawback > 0
                """
            ) { row in try row.text(0) }
        }
    }
}
