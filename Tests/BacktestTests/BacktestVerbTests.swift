import DevKit
import Domain
import Foundation
import Testing

@Suite("The backtest verbs", .timeLimit(.minutes(5)))
struct BacktestVerbTests {
    private static func rows(_ path: String) throws -> [[Substring]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
    }

    @Test("They write a row for every affiliate-day and conversion, count bad lines and fail for none of them")
    func files() async throws {
        let judged = JudgedWorld(seed: 5, affiliates: 6, days: 8)
        let fleet = try Fleet(environment: [:])
        let folder = NSTemporaryDirectory() + "backtest-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let lines = judged.world.lines + [Array("half a {".utf8), Array("{\"type\":\"click\"}".utf8)]
        try Data(lines.joined(separator: [10])).write(to: URL(fileURLWithPath: folder + "/events.jsonl"))

        let fraud = try await fleet.start(
            "tributary",
            [
                "backtest", "fraud", "--events", folder + "/events.jsonl", "--scores", folder + "/scores.csv",
                "--events-scores", folder + "/conversions.csv",
            ])
        #expect(await fraud.waitForEnd() == .exited(0), "\(fraud.output)")
        #expect(fraud.output.contains("2 bad lines"))
        let scores = try BacktestVerbTests.rows(folder + "/scores.csv")
        #expect(scores[0] == ["affiliate_id", "day", "score", "verdict", "top_reason"])
        let days = Set(judged.events.filter { $0.affiliate != 0 }.map { "\($0.affiliate) \($0.at.day)" })
        #expect(scores.count == days.count + 1)
        #expect(scores.dropFirst().allSatisfy { (0...1).contains(Double($0[2]) ?? -1) })
        #expect(scores.dropFirst().allSatisfy { FraudVerdict(rawValue: String($0[3])) != nil })
        let conversions = try BacktestVerbTests.rows(folder + "/conversions.csv")
        #expect(conversions[0] == ["event_id", "score", "codes"])
        #expect(conversions.count == judged.events.filter { $0.kind == .conversion }.count + 1)

        let ranking = try await fleet.start(
            "tributary",
            [
                "backtest", "ranking", "--events", folder + "/events.jsonl", "--as-of", "2025-09-05", "--out",
                folder + "/ranking.csv",
            ])
        #expect(await ranking.waitForEnd() == .exited(0), "\(ranking.output)")
        let ranks = try BacktestVerbTests.rows(folder + "/ranking.csv")
        #expect(ranks[0] == ["affiliate_id", "rank", "score", "low", "high", "sample"])
        #expect(ranks.dropFirst().map { $0[1] } == (1..<ranks.count).map { Substring(String($0)) })
        for row in ranks.dropFirst() {
            let (score, low, high) = (Double(row[2]) ?? -1, Double(row[3]) ?? -1, Double(row[4]) ?? -1)
            #expect(low <= score && score <= high)
        }
        await fleet.stop()
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test("The ranking of a made world is held against what came next, beside simpler ones")
    func rankings() async throws {
        let fleet = try Fleet(environment: [:])
        let verb = try await fleet.start("tributary", ["backtest", "evaluate-ranking", "--worlds", "1"])
        #expect(await verb.waitForEnd() == .exited(0), "\(verb.output)")
        let output = verb.output
        await fleet.stop()
        let figures = output.split(separator: "\n").filter { $0.contains("ranking   ") }.map { line in
            line.split(separator: " ").compactMap { Double($0) }
        }
        #expect(figures.count == 2, "\(output)")
        #expect(figures.allSatisfy { $0.count == 3 && $0[0] > 0.5 && $0[2] > 0.3 })
    }
}
