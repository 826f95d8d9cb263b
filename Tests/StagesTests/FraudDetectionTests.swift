import DevKit
import Domain
import Events
import Foundation
import Stages
import Testing

@Suite("Detecting fraud", .timeLimit(.minutes(5))) struct FraudDetectionTests {
    static let noon = "2026-03-04T10:00:00Z"

    /// An order that came three seconds after another buyer's click, from another country, by a program.
    static func forged(_ id: String, click: String, program: String = "p", at: String) -> String {
        """
        {"event_id": "e-\(id)", "type": "conversion", "occurred_at": "\(at)", "program_id": "\(program)",
         "affiliate_id": "a", "order_id": "\(id)", "click_id": "\(click)", "amount_minor": 10000,
         "currency": "EUR", "ip": "198.51.100.7",
         "customer_id": "c-\(id)", "device_id": "d-\(id)", "country": "BR", "user_agent": "curl/8.5.0"}
        """
    }

    static func honest(_ id: String, click: String, at: String) -> String {
        """
        {"event_id": "e-\(id)", "type": "conversion", "occurred_at": "\(at)", "program_id": "p", "affiliate_id": "a",
         "order_id": "\(id)", "click_id": "\(click)", "amount_minor": 10000, "currency": "EUR", "ip": "192.0.2.7",
         "customer_id": "c-\(id)", "device_id": "d-1", "country": "DE"}
        """
    }

    static func click(_ id: String, program: String = "p") -> String {
        """
        {"event_id": "\(id)", "type": "click", "occurred_at": "\(noon)", "program_id": "\(program)",
         "affiliate_id": "a", "click_id": "\(id)", "device_id": "d-1", "country": "DE", "ip": "192.0.2.7"}
        """
    }

    @Test("A conversion is held for what its own facts say together, and its honest neighbours are not")
    func conversions() async throws {
        try await Pipeline.with { pipeline in
            let flags = try await pipeline.take([
                FraudDetectionTests.click("c1"),
                FraudDetectionTests.forged("late", click: "c1", at: "2026-03-04T10:00:03Z"),
                FraudDetectionTests.honest("first", click: "c1", at: "2026-03-04T10:00:02Z"),
                Pipeline.order("plain", at: "2026-03-04T11:00:00Z"),
            ])
            #expect(flags.count == 1)
            let said = flags.flatMap(\.conversions)
            #expect(said.filter { $0.verdict != .clear }.count == 1)
            let codes = try #require(said.first { $0.verdict == .hold }?.codes)
            #expect(Set(codes).isSuperset(of: [.foreignClicks, .fastOrders, .otherCountries, .automatedOrders]))
            #expect(flags.first?.verdict == .clear)
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', affiliate_id, kind, verdict, conversions, status) FROM fraud_case")
                    == ["a timing clear 1 open"])
        }
    }

    @Test("What is said of a day changes with what still comes of it, and is said once")
    func later() async throws {
        try await Pipeline.with { pipeline in
            let timer = pipeline.timer()
            let stage = ScoringStage(registersUnknown: false)
            func take(_ events: [String], from first: Int64) async throws -> [FraudFlags] {
                let scored = try await pipeline.apply(stage, to: events.map { Array($0.utf8) }, from: first)
                _ = try await pipeline.apply(FraudDetectionStage(), to: scored + scored, from: first)
                return Pipeline.read(try await pipeline.judge(by: timer))
            }
            let forged = FraudDetectionTests.forged("o2", click: "c1", at: "2026-03-04T10:00:03Z")
            let before = try await take([FraudDetectionTests.click("c1"), forged], from: 0)
            #expect(before.flatMap(\.conversions).map(\.verdict) == [.hold])
            #expect(before.flatMap(\.conversions).first?.codes.contains(.foreignClicks) == false)
            let honest = FraudDetectionTests.honest("o1", click: "c1", at: "2026-03-04T10:00:02Z")
            let after = try await take([honest], from: 2).flatMap(\.conversions)
            #expect(after.count == 2)
            #expect(after.filter { $0.codes.contains(.foreignClicks) }.map(\.verdict) == [.hold])
            #expect(try await take([], from: 3).isEmpty)
        }
    }

    @Test("A detector that finds another at work says nothing, and one whose state is outdated saves nothing")
    func one() async throws {
        try await Pipeline.with { pipeline in
            let scored = try await pipeline.apply(
                ScoringStage(registersUnknown: false),
                to: [Array(Pipeline.order("o1", at: FraudDetectionTests.noon).utf8)])
            _ = try await pipeline.apply(FraudDetectionStage(), to: scored)
            try await pipeline.run(
                "UPDATE fraud_world SET judge = 'another', judge_until = '2026-03-04T12:00:30Z'")
            #expect(try await pipeline.judge().isEmpty)
            try await pipeline.run("UPDATE fraud_world SET judge_until = '2026-03-04T11:59:59Z'")
            let timer = pipeline.timer()
            #expect(try await pipeline.judge(by: timer).count == 1)
            // As if another had judged since: what is in memory is not trusted any more.
            try await pipeline.run("UPDATE fraud_world SET revision = revision + 1")
            #expect(try await pipeline.judge(by: timer).isEmpty)
            #expect(try await pipeline.texts("SELECT verdict FROM fraud_conversion") == ["clear"])
        }
    }

    @Test("Changed terms of a programme judge the open days again, and nothing gets lost by it")
    func terms() async throws {
        try await Pipeline.with { pipeline in
            let timer = pipeline.timer()
            let scored = try await pipeline.apply(
                ScoringStage(registersUnknown: false),
                to: [Array(Pipeline.order("o1", amountMinor: 95_000, at: FraudDetectionTests.noon).utf8)])
            _ = try await pipeline.apply(FraudDetectionStage(), to: scored)
            #expect(try await pipeline.judge(by: timer).count == 1)
            #expect(try await pipeline.texts("SELECT array_to_string(codes, ' ') FROM fraud_conversion") == [""])
            try await pipeline.run("UPDATE program SET auto_approve_limit_minor = 100000 WHERE program_id = 'p'")
            let flags = Pipeline.read(try await pipeline.judge(by: timer))
            #expect(flags.flatMap(\.conversions).map(\.codes) == [[.nearLimitOrders]])
            #expect(try await pipeline.texts("SELECT affiliate_id FROM fraud_judgement") == ["a"])
            #expect(try await pipeline.judge(by: timer).isEmpty)
        }
    }

    @Test("A message of a version that brought no observations is judged by its conversions")
    func old() async throws {
        try await Pipeline.with { pipeline in
            let euro = try #require(Currency(code: "EUR"))
            let message = AffiliateScored(
                affiliateID: "a", programID: "p", duplicateOrders: 0,
                conversions: [
                    AffiliateScored.Conversion(
                        conversionID: Identifier(7), occurredAt: Pipeline.moment(FraudDetectionTests.noon),
                        secondsFromClick: nil, ip: "192.0.2.1", amountMinor: 5, commissionMinor: 1, currency: euro)
                ])
            let bytes = message.encoded(id: Identifier(1), at: Pipeline.now)
            #expect(!String(decoding: bytes, as: UTF8.self).contains("observations"))
            _ = try await pipeline.apply(FraudDetectionStage(), to: [bytes])
            let flags = Pipeline.read(try await pipeline.judge())
            #expect(flags.flatMap(\.conversions).map(\.conversionID) == [Identifier(7)])
        }
    }
}
