import DevKit
import Testing

extension RealProcesses {
    @Suite("Delivered more than once")
    struct DuplicateTests {
        /// Of these there is one for each delivery.
        private static let perDelivery = ["exception", "dead"]

        @Test("Each record delivered twice has one effect")
        func twice() async throws {
            let expected = try await Undisturbed.shared.result()
            let run = try await ScoringFleet.start()
            let doubled = ScoringFleet.traffic.flatMap { [$0, $0] }
            try await run.publish(doubled)
            _ = try await run.startScorer()
            try await run.waitUntilProcessed(records: doubled.count)
            try await run.expect(expected, ignoring: DuplicateTests.perDelivery)
            try await run.stop()
        }

        @Test("Each record in two partitions, which two scorers read at once, has one effect")
        func twins() async throws {
            let expected = try await Undisturbed.shared.result()
            let run = try await ScoringFleet.start()
            let first = try await run.startScorer()
            let second = try await run.startScorer()
            try await run.waitUntilOwned(by: first, second)
            let twins = ScoringFleet.twins
            try await run.publish(twins)
            try await run.waitUntilProcessed(records: twins.count)
            try await run.expect(expected, ignoring: DuplicateTests.perDelivery)
            #expect(await run.fleet.ended().isEmpty)
            try await run.stop()
        }
    }
}
