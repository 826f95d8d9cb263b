import Domain
import Events
import Stages
import Testing

@Suite("Detecting fraud") struct FraudDetectionTests {
    static let noon = "2026-03-04T10:00:00Z"

    @Test(
        "A conversion is held when it follows its click too fast",
        arguments: [
            ("2026-03-04T10:00:14Z", FraudVerdict.hold, [ReasonCode.fastOrders]),
            ("2026-03-04T10:00:15Z", .clear, []),
            ("2026-03-04T10:30:00Z", .clear, []),
        ])
    func speed(at: String, verdict: FraudVerdict, codes: [ReasonCode]) async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([Pipeline.click("c1", at: FraudDetectionTests.noon)])
            let flags = try await pipeline.take([Pipeline.order("o1", click: "c1", at: at)])
            #expect(flags.count == 1)
            #expect(flags.first?.conversions.map(\.verdict) == [verdict])
            #expect(flags.first?.conversions.map(\.codes) == [codes])
            #expect(flags.first?.verdict == .clear)
        }
    }

    @Test("The eleventh order of an IP address within an hour is held, whichever batch brings it")
    func velocity() async throws {
        try await Pipeline.with { pipeline in
            let orders = (1...12).map { Pipeline.order("o\($0)", at: FraudDetectionTests.noon) }
            try await pipeline.take(Array(orders[..<7]))
            let flags = try await pipeline.take(Array(orders[7...]))
            #expect(flags.first?.conversions.map(\.codes) == [[], [], [], [.topOrderAddress], [.topOrderAddress]])
            #expect(flags.first?.reasons == [.init(code: .topOrderAddress, value: 12, baseline: 10)])
            #expect(flags.first?.verdict == .review)
        }
    }

    @Test("Repeated orders bring their affiliate under review, and only a person takes it off")
    func repeated() async throws {
        try await Pipeline.with { pipeline in
            let first = Pipeline.order("o1", at: FraudDetectionTests.noon)
            let again = (2...3).map { Pipeline.order("o1", at: FraudDetectionTests.noon, event: "again-\($0)") }
            let flags = try await pipeline.take([first] + again)
            #expect(flags.first?.verdict == .review)
            #expect(flags.first?.reasons.map(\.code) == [.repeatedOrders])
            let later = try await pipeline.take([Pipeline.order("o2", ip: "192.0.2.9", at: FraudDetectionTests.noon)])
            #expect(later.first?.verdict == .review)
            #expect(try await pipeline.texts("SELECT fraud_verdict FROM affiliate ORDER BY 1") == ["clear", "review"])
        }
    }

    @Test("A message that comes again raises nothing again and is not answered again")
    func twice() async throws {
        try await Pipeline.with { pipeline in
            let events = (1...12).map { Pipeline.order("o\($0)", at: FraudDetectionTests.noon) }
            let scored = try await pipeline.apply(
                ScoringStage(registersUnknown: false), to: events.map { Array($0.utf8) })
            let once = try await pipeline.apply(FraudDetectionStage(), to: scored)
            let again = try await pipeline.apply(FraudDetectionStage(), to: scored)
            #expect(once.count == 1)
            #expect(again.isEmpty)
            #expect(try await pipeline.texts("SELECT occurrences::text FROM fraud_flag") == ["2"])
            #expect(try await pipeline.texts("SELECT conversions::text FROM fraud_ip_hour") == ["12"])
        }
    }
}
