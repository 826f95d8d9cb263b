import DevKit
import Foundation
import Testing

@Suite("The bench", .timeLimit(.minutes(5)))
struct BenchTests {
    /// What a reader of the JSON relies on.
    private struct Report: Decodable {
        struct Line: Decodable {
            let events_per_second: Double
            let cpu_seconds_per100k: [String: Double]
            let peak_memory_bytes: Int?
        }

        struct Details: Decodable {
            let build: String
            let events: Int
            let postgres: [String: String]
        }

        let ratio_to_copy: Double
        let ratio_to_consume: Double
        let lines: [String: Line]
        let report: Details
    }

    private static func report(_ worker: String, _ arguments: [String]) async throws -> (Report, output: String) {
        let fleet = try Fleet(environment: [:])
        let bench = try await fleet.start(
            "tributary", ["bench", worker, "--topics", ScoringFleet.repository + "/topics"] + arguments)
        #expect(await bench.waitForEnd() == .exited(0), "\(bench.output)")
        let output = bench.output
        await fleet.stop()
        let start = try #require(output.range(of: "{\n"))
        return (try JSONDecoder().decode(Report.self, from: Data(output[start.lowerBound...].utf8)), output)
    }

    @Test(
        "It drains a topic through the worker, measures both floors and says what build it is",
        arguments: ["scorer", "fraud-detector"])
    func worker(_ worker: String) async throws {
        let (report, output) = try await Self.report(
            worker, ["--events", "600", "--affiliates", "20", "--rounds", "1", "--json"])
        #expect(report.report.events == 600)
        #expect(report.report.build == "debug" && output.contains("DEBUG BUILD"))
        #expect(report.report.postgres["fsync"] == "on" && report.report.postgres["synchronous_commit"] == "on")
        #expect(Set(report.lines.keys) == [worker, "copy", "consume"])
        #expect(report.lines.values.allSatisfy { $0.events_per_second > 0 })
        #expect(report.ratio_to_copy > 0 && report.ratio_to_consume > 0)
        #expect(
            Set(report.lines[worker]?.cpu_seconds_per100k.keys.map { $0 } ?? []) == [worker, "postgres", "broker"])
        #expect((report.lines[worker]?.peak_memory_bytes ?? 0) > 1 << 20)
    }
}
