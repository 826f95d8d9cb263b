import DevKit
import Foundation
import Testing

extension RealProcesses {
    @Suite("What the scorers depend on fails")
    struct OutageTests {
        @Test("A broker that freezes for longer than the session ends no scorer")
        func frozenBroker() async throws {
            try await ScoringFleet.holds { run in
                let halves = ScoringFleet.traffic(inParts: 2)
                try await run.publish(halves[0])
                let scorer = try await run.startScorer(["BATCH_RECORDS": "20"])
                try await wait(for: "the first records", within: ScoringFleet.startWithin) {
                    try await run.processedRecords > 0
                }
                await run.broker.signal(SIGSTOP)
                try await wait(for: "the scorer to lose its session", within: ScoringFleet.turnWithin) {
                    // Said by librdkafka. The scorer itself may still be waiting for the broker to take its messages.
                    scorer.output.contains("SESSTMOUT")
                }
                await run.broker.signal(SIGCONT)
                try await run.publish(halves[1])
                try await run.waitUntilProcessed()
                #expect(await run.fleet.ended().isEmpty)
            }
        }

        @Test("A database that crashes and comes back ends no scorer")
        func crashedDatabase() async throws {
            let database = try await TestDatabase.alone()
            try await ScoringFleet.holds(on: database) { run in
                let halves = ScoringFleet.traffic(inParts: 2)
                let first = try await run.startScorer(["BATCH_RECORDS": "20"])
                let second = try await run.startScorer(["BATCH_RECORDS": "20"])
                try await run.waitUntilOwned(by: first, second)
                try await run.publish(halves[0])
                try await wait(for: "the first records", within: ScoringFleet.startWithin) {
                    try await run.processedRecords > 0
                }
                await database.cluster.stop(immediate: true)
                try await run.publish(halves[1])
                try await wait(for: "both scorers to miss the database", within: ScoringFleet.turnWithin) {
                    [first, second].allSatisfy { $0.output.contains("database failed") }
                }
                try await database.cluster.restart()
                try await wait(for: "the database to answer us", within: ScoringFleet.startWithin) {
                    // The pool learns of the crash by a failure.
                    (try? await run.database.pool.ping()) != nil
                }
                try await run.waitUntilProcessed()
                #expect(await run.fleet.ended().isEmpty)
            }
        }

        @Test("A batch whose COMMIT is answered to nobody counts once")
        func lostReply() async throws {
            try await ScoringFleet.holds { run in
                let proxy = TCPProxy(to: run.database.cluster.port)
                defer { proxy.close() }
                let url = run.database.url.replacing(":\(run.database.cluster.port)/", with: ":\(proxy.port)/")
                let halves = ScoringFleet.traffic(inParts: 2)
                try await run.publish(halves[0])
                let scorer = try await run.startScorer(["DATABASE_URL": url])
                try await wait(for: "the first half", within: ScoringFleet.startWithin) {
                    try await run.processedRecords == Int64(halves[0].count)
                }
                proxy.set(.cutReply(to: Array("COMMIT".utf8)))
                try await run.publish(halves[1])
                try await wait(for: "a lost reply", within: ScoringFleet.startWithin) { proxy.cuts > 0 }
                proxy.set(.forward)
                try await run.waitUntilProcessed()
                #expect(await scorer.ended == nil)
            }
        }

        @Test("A position that the log does not have is held, not moved")
        func positionOutsideTheLog() async throws {
            let run = try await ScoringFleet.start()
            try await run.publish()
            let first = try await run.startScorer()
            try await run.waitUntilProcessed()
            #expect(await run.fleet.stop(first) == .exited(0))
            let partition = try await run.moveOnePositionBehindTheLog()
            let before = try await run.result()
            _ = try await run.startScorer()
            try await wait(for: "the partition to be held", within: ScoringFleet.turnWithin) {
                try await run.count("SELECT count(*) FROM stream_offset WHERE hold_reason = 'offset-out-of-range'") == 1
            }
            let (end, _) = try await run.tributary("lag", "--topics", ScoringFleet.repository + "/topics")
            #expect(end == .exited(1))
            #expect(try await run.lag().first { $0.partition == partition }?.status.hasPrefix("held") == true)
            #expect(try await run.result() == before)
            try await run.stop()
        }
    }
}
