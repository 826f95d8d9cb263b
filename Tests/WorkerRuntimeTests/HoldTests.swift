import DevKit
import Postgres
import Testing

@testable import WorkerRuntime

@Suite("Holds and quarantine", .timeLimit(.minutes(5)))
struct HoldTests {
    @Test("A later schema holds its partition where it stands until a later worker takes it; no other waits")
    func futureSchema() async throws {
        try await WorkerRig.with(partitions: 2) { rig in
            try await rig.publish(["a", "v2 b", "c"])
            try await rig.publish(["x", "y"], partition: 1)
            let old = try rig.worker()
            try await old.turn(until: "the partition to be held and the other to be read") {
                try await rig.positions == ["1 held future-schema", "2 run"]
            }
            #expect(
                try await rig.texts("SELECT hold_detail FROM stream_offset WHERE partition = 0")
                    == ["offset 1 has major version 2"])
            #expect(try await rig.echoed.sorted() == ["a", "x", "y"])
            await old.end()
            try await rig.releaseHolds()
            let new = try rig.worker(major: 2)
            try await new.turn(rig, to: [3, 2])
            #expect(try await rig.echoed.sorted() == ["a", "c", "v2 b", "x", "y"])
            await new.end()
        }
    }

    @Test("A partition without a row is held rather than begun, and starts where an operator says")
    func missingRow() async throws {
        try await WorkerRig.with(partitions: 2, registered: 1) { rig in
            try await rig.publish(["a"])
            try await rig.publish(["x", "y"], partition: 1)
            let worker = try rig.worker()
            try await worker.turn(until: "the first partition to be read") {
                try await rig.positions == ["1 run", "-1 held missing-offset"]
            }
            for _ in 0..<5 { try await worker.worker.runOnce() }
            #expect(try await rig.echoed == ["a"])
            #expect(worker.metrics.text.contains("fleet_partitions_held{worker_group=\"\(rig.group)\"} 1.0"))
            try await rig.run(
                """
                UPDATE stream_offset SET mode = 'run', hold_reason = NULL, hold_detail = NULL, next_offset = 1
                WHERE mode = 'held'
                """)
            try await worker.turn(rig, to: [1, 2])
            #expect(try await rig.echoed == ["a", "y"])
            await worker.end()
        }
    }

    @Test("A position outside the log holds its partition instead of jumping", arguments: ["behind", "before"])
    func outOfRange(place: String) async throws {
        try await WorkerRig.with(partitions: 2) { rig in
            if place == "behind" {
                try await rig.publish(["a", "b"])
                try await rig.run("UPDATE stream_offset SET next_offset = 500 WHERE partition = 0")
            } else {
                // More than the mock brokers keep of a partition: the first records are gone.
                let line = String(repeating: "x", count: 100_000)
                for _ in 0..<7 { try await rig.publish(Array(repeating: line, count: 10)) }
            }
            try await rig.publish(["x"], partition: 1)
            let worker = try rig.worker()
            let expected = "\(place == "behind" ? 500 : 0) held offset-out-of-range"
            try await worker.turn(until: "the partition to be held and the other to be read") {
                try await rig.positions == [expected, "1 run"]
            }
            #expect(try await rig.echoed == ["x"])
            await worker.end()
        }
    }

    @Test("More dead letters than the limit hold their partition, and the rest of it stays unread")
    func breaker() async throws {
        try await WorkerRig.with(partitions: 2) { rig in
            try await rig.publish((0..<10).map { "bad \($0)" } + ["a"])
            try await rig.publish(["bad", "x"], partition: 1)
            let worker = try rig.worker {
                $0.deadLetterLimit = 3
                $0.batchRecords = 1
            }
            try await worker.turn(until: "the partition to be held and the other to be read") {
                try await rig.positions == ["4 held many-dead-letters", "2 run"]
            }
            #expect(try await rig.texts("SELECT count(*)::text FROM dead_letter") == ["5"])
            #expect(try await rig.echoed == ["x"])
            await worker.end()
        }
    }

    @Test("Letting a partition go is no death of its owner")
    func releases() async throws {
        try await WorkerRig.with(partitions: 2) { rig in
            try await rig.publish(["v2"])
            let worker = try rig.worker()
            for _ in 0..<3 {
                try await worker.turn(until: "the partition to be held") {
                    try await rig.positions == ["0 held future-schema", "0 run"]
                }
                try await rig.releaseHolds()
                let epoch = try await rig.texts("SELECT owner_epoch::text FROM stream_offset WHERE partition = 1")
                try await worker.turn(until: "the partitions to be claimed anew") {
                    try await rig.texts("SELECT owner_epoch::text FROM stream_offset WHERE partition = 1") != epoch
                }
            }
            #expect(
                try await rig.texts("SELECT concat_ws(' ', mode, crash_count) FROM stream_offset WHERE partition = 1")
                    == ["run 0"])
            await worker.end()
        }
    }

    @Test("After three deaths at one offset records are tried one by one, each marked before it is touched")
    func quarantine() async throws {
        try await WorkerRig.with { rig in
            let lines = (0..<103).map { "line \($0)" }
            try await rig.publish(lines)
            try await rig.run("UPDATE stream_offset SET clean_release = false, crash_offset = 0, crash_count = 2")
            let worker = try rig.worker()
            try await worker.turn(rig, to: [103])
            #expect(try await rig.echoed == lines)
            #expect(rig.journal.batches.prefix(100).allSatisfy { $0.count == 1 })
            #expect(rig.journal.states.first == "fenced at 0 trying 0 with 0 and 0 published 0")
            #expect(try await rig.positions == ["103 run"])
            await worker.end()
        }
    }

    @Test("The record that killed its owner under its mark is buried without being looked at")
    func crashPoison() async throws {
        try await WorkerRig.with { rig in
            try await rig.publish(["a", "killer", "b"])
            try await rig.run(
                """
                UPDATE stream_offset SET next_offset = 1, trying_offset = 1, mode = 'quarantine', clean_release = false,
                    crash_offset = 1, crash_count = 3
                """)
            let worker = try rig.worker()
            try await worker.turn(rig, to: [3])
            #expect(try await rig.echoed == ["b"])
            #expect(rig.journal.decoded == [2])
            #expect(
                try await rig.texts("SELECT concat_ws(' ', record_offset, error_code) FROM dead_letter") == ["1 196"])
            await worker.end()
        }
    }
}
