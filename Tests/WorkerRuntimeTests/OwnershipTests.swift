import DevKit
import Domain
import Kafka
import Logging
import Outbox
import Postgres
import Testing

@testable import WorkerRuntime

@Suite("Owners and publishers", .timeLimit(.minutes(5)))
struct OwnershipTests {
    @Test("Who takes a partition over publishes what its owner committed and did not publish, in order")
    func republish() async throws {
        try await WorkerRig.with { rig in
            let lines = (0..<50).map { "line \($0)" }
            try await rig.publish(lines)
            let first = try rig.worker()
            try await first.turn(until: "everything to be committed") { try await rig.positions == ["50 run"] }
            let waiting = try await rig.texts("SELECT (next_out_seq - published_upto)::text FROM stream_offset")
            #expect(waiting != ["0"])
            await first.die()
            let second = try rig.worker()
            try await second.turn(rig, to: [50])
            let published = try await rig.lines(rig.output)
            var firsts: [String] = []
            for line in published where !firsts.contains(line) { firsts.append(line) }
            #expect(firsts == lines)
            #expect(try await rig.echoed == lines)
            #expect(
                try await rig.texts("SELECT concat_ws(' ', owner_epoch, crash_count) FROM stream_offset") == ["2 1"])
            await second.end()
        }
    }

    @Test("An owner that was replaced commits nothing more and does not take its partition back")
    func fenced() async throws {
        try await WorkerRig.with(partitions: 2) { rig in
            let zombie = try rig.worker()
            try await rig.publish(["a"])
            try await zombie.turn(rig, to: [1, 0])
            try await rig.run("UPDATE stream_offset SET owner_epoch = owner_epoch + 1 WHERE partition = 0")
            try await rig.publish(["b", "bad"])
            try await rig.publish(["x"], partition: 1)
            try await zombie.turn(until: "the fence to stop it") {
                zombie.metrics.text.contains("fleet_fenced_total{worker_group=\"\(rig.group)\"} 1.0")
            }
            try await zombie.turn(until: "the other partition to be read") {
                try await rig.positions == ["1 run", "1 run"]
            }
            #expect(try await rig.echoed == ["a", "x"])
            #expect(try await rig.texts("SELECT 'row' FROM dead_letter").isEmpty)
            let published = try await rig.lines(rig.output)
            #expect(published == ["a"] || published == ["a", "x"])
            await zombie.end()
            #expect(
                try await rig.texts("SELECT clean_release::text FROM stream_offset ORDER BY partition")
                    == ["false", "true"])
        }
    }

    @Test("A broker that refuses for a while delays messages and neither loses nor swaps them")
    func brokerRefuses() async throws {
        try await WorkerRig.with { rig in
            let worker = try rig.worker()
            try await rig.publish(["first"])
            try await worker.turn(rig, to: [1])
            let lines = (0..<60).map { "line \($0)" }
            try await rig.publish(lines)
            // NOT_LEADER_FOR_PARTITION: tried again inside the producer.
            await rig.broker.mock?.pushErrors([6, 6, 6], to: .produce)
            try await worker.turn(rig, to: [61])
            #expect(try await rig.lines(rig.output) == ["first"] + lines)
            await worker.end()
        }
    }

    @Test("A worker whose database stays away for too long gives up as its settings say")
    func dependencyDown() async throws {
        try await WorkerRig.with { rig in
            let proxy = TCPProxy(to: rig.database.cluster.port)
            proxy.close()
            let pool = rig.database.makePool(size: 1) {
                $0.url = "postgres://postgres@127.0.0.1:\(proxy.port)/nowhere?sslmode=disable"
            }
            let worker = try rig.worker(pool: pool) { $0.dependencyWithin = .milliseconds(300) }
            await #expect(throws: WorkerFailure.self) {
                try await worker.turn(until: "the worker to give up") { false }
            }
            #expect(worker.health.isAlive)
            #expect(worker.health.reasons.contains { $0.hasPrefix("database: infrastructure") })
            await worker.die()
            await pool.close()
        }
    }

    @Test("A lane has one publisher at a time; who stands by takes it over when it stands still")
    func lane() async throws {
        try await WorkerRig.with { rig in
            let lane = Lane(emitter: rig.group)
            let (producer, other) = (try rig.producer(), try rig.producer())
            let pool = rig.database.pool
            let first = LanePublisher(lane, owner: "1", pool: pool, producer: producer, logger: WorkerRig.logger)
            let second = LanePublisher(lane, owner: "2", pool: pool, producer: other, logger: WorkerRig.logger)
            try await append(0..<2_500, to: lane, rig)
            await first.publishAll()
            #expect(try await rig.records(rig.output).count == 2_500)
            try await append(2_500..<2_510, to: lane, rig)
            await second.publishAll()
            #expect(try await rig.records(rig.output).count == 2_500)
            await first.publishAll()
            try await append(2_510..<2_520, to: lane, rig)
            // Nobody turns the first one any more.
            try await wait(for: "the second to take the lane", within: .seconds(30)) {
                await second.publishAll()
                return try await rig.records(rig.output).count == 2_520
            }
            #expect(try await rig.lines(rig.output) == (0..<2_520).map(String.init))
            try await append(2_520..<2_530, to: lane, rig)
            await first.publishAll()
            #expect(try await rig.records(rig.output).count == 2_520)
            await second.publishAll()
            #expect(try await rig.lines(rig.output) == (0..<2_530).map(String.init))
            #expect(
                try await rig.texts("SELECT concat_ws(' ', owner_id, owner_epoch) FROM stream_offset WHERE topic = ''")
                    == ["2 2"])
            await producer.close()
            await other.close()
        }
    }

    private func append(_ numbers: Range<Int>, to lane: Lane, _ rig: WorkerRig) async throws {
        try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
            try OutboxStore.append(
                numbers.map { EchoStage.message(String($0), to: rig.output) }, to: lane, in: transaction)
        }
    }
}
