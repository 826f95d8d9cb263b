import Domain
import Events
import Stages
import Testing

@Suite("Messages of the scorer") struct ScoringMessageTests {
    private static let noon = "2026-03-04T10:00:00Z"

    /// The ids and contents of messages.
    private func read(_ messages: [[UInt8]]) -> [(id: Identifier, message: AffiliateScored)] {
        messages.compactMap { bytes in
            guard case .message(let id, _, let data) = Envelope.read(bytes[...], schema: TopicName.affiliatesScored)
            else { return nil }
            return AffiliateScored(data).map { (id, $0) }
        }
    }

    @Test("A batch of one affiliate alone goes out in messages that a broker takes, each conversion in one of them")
    func large() async throws {
        try await Pipeline.with { pipeline in
            // A control character takes six bytes as JSON.
            let ip = String(repeating: "\\u0001", count: 256)
            let events = (0..<1_201).map { Pipeline.order("o\($0)", ip: ip, at: ScoringMessageTests.noon) }
            let again = Pipeline.order("o0", at: ScoringMessageTests.noon, event: "again")
            let messages = try await pipeline.apply(
                ScoringStage(registersUnknown: false), to: (events + [again]).map { Array($0.utf8) })
            #expect(messages.allSatisfy { $0.count < 950_000 })
            let scored = read(messages)
            #expect(scored.map(\.message.conversions.count) == [400, 400, 400, 1])
            #expect(scored.map(\.message.duplicateOrders) == [1, 0, 0, 0])
            #expect(Set(scored.map(\.id)).count == 4)
            #expect(Set(scored.flatMap(\.message.conversions).map(\.conversionID)).count == 1_201)
        }
    }

    @Test("A repeated order that is delivered twice gives two messages two ids, so none is taken for the other")
    func ids() async throws {
        try await Pipeline.with { pipeline in
            let stage = ScoringStage(registersUnknown: false)
            func take(_ events: [String], from first: Int64) async throws -> [Identifier] {
                let messages = try await pipeline.apply(stage, to: events.map { Array($0.utf8) }, from: first)
                return read(messages).map(\.id)
            }
            let again = Pipeline.order("o1", at: ScoringMessageTests.noon, event: "again")
            var ids = try await take([Pipeline.order("o1", at: ScoringMessageTests.noon)], from: 0)
            ids += try await take([again, Pipeline.order("o2", at: ScoringMessageTests.noon)], from: 1)
            ids += try await take([again, Pipeline.order("o3", at: ScoringMessageTests.noon)], from: 3)
            #expect(ids.count == 3)
            #expect(Set(ids).count == 3)
        }
    }
}
