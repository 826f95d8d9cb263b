import DevKit
import Domain
import Foundation
import Kafka
import Testing

extension RealProcesses {
    /// `CAP_CONVERSIONS=N` tries another number of conversions than every run.
    @Suite("Scorers share a cap")
    struct CapTests {
        private static let chosen = ProcessInfo.processInfo.environment["CAP_CONVERSIONS"].flatMap { Int($0) }
        private static let conversions = chosen ?? 4_000
        private static let affiliates = 40

        @Test("Four scorers pay a capped programme to the last cent, and record the rest with its code")
        func shared() async throws {
            let run = try await ScoringFleet.start()
            // Ten percent of 100.00 each: three quarters of the conversions fit, and half of another one.
            let limit = Self.conversions * 750 + 500
            try await apply(
                """
                program: aurora-eu
                rules:
                  - id: standard
                    valid_from: 1970-01-01T00:00:00Z
                    action: {percent: 1000}
                    caps:
                      - {scope: program, period: total, limit_minor: \(limit)}
                      - {scope: affiliate, period: day, limit_minor: \(limit)}
                """, in: run)
            for _ in 0..<4 { _ = try await run.startScorer() }
            try await run.publish((0..<Self.conversions).map(Self.message), keepingPace: true)
            try await run.waitUntilProcessed(records: Self.conversions)
            #expect(try await run.count("SELECT sum(amount_minor)::int8 FROM commission") == Int64(limit))
            #expect(try await run.count("SELECT count(*) FROM commission") == Int64(Self.conversions))
            #expect(
                try await run.count(
                    """
                    SELECT count(*) FROM commission
                    WHERE (amount_minor < uncapped_minor) <> (310 = ANY (codes)) OR uncapped_minor <> 1000
                    """) == 0)
            #expect(
                try await run.count("SELECT used_minor FROM cap_usage WHERE affiliate_id = ''") == Int64(limit))
            #expect(try await run.count("SELECT count(DISTINCT owner_id) FROM stream_offset") >= 4)
            if Self.chosen != nil {
                let cut = try await run.count("SELECT count(*) FROM commission WHERE 310 = ANY (codes)")
                print("CAP_CONVERSIONS \(Self.conversions): \(limit) minor units paid, \(cut) conversions cut")
            }
            for verb in ["verify", "replay"] {
                let (end, output) = try await run.tributary(verb)
                #expect(end == .exited(0), "\(output)")
            }
            try await run.stop()
        }

        private func apply(_ rules: String, in run: ScoringFleet) async throws {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
            try rules.write(to: file, atomically: true, encoding: .utf8)
            let (planned, plan) = try await run.tributary("rules", "plan", file.path)
            #expect(planned == .exited(0) && plan.contains("~ standard: version 2"), "\(plan)")
            let (applied, output) = try await run.tributary("rules", "apply", file.path)
            #expect(applied == .exited(0) && output.contains("applied: change 2"), "\(output)")
            try FileManager.default.removeItem(at: file)
        }

        private static func message(_ number: Int) -> OutgoingMessage {
            ScoringFleet.message(
                Array(
                    """
                    {"event_id": "e-\(number)", "type": "conversion", "occurred_at": "2026-03-04T12:00:00Z",
                     "program_id": "aurora-eu", "affiliate_id": "aff-\(number % affiliates)", "order_id": "o-\(number)",
                     "amount_minor": 10000, "currency": "EUR"}
                    """.utf8))
        }
    }
}
