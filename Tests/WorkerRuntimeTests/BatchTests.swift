import DevKit
import Domain
import Kafka
import Postgres
import Testing

@testable import WorkerRuntime

/// Something that a transaction writes, and a trigger that refuses the first COMMIT after it.
enum RefusedWrite: String, CaseIterable, Sendable {
    case effect, outbox, deadLetter, position

    var trigger: Statement {
        switch self {
        case .effect:
            """
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON echo DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse_first()
            """
        case .outbox:
            """
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse_first()
            """
        case .deadLetter:
            """
            CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON dead_letter DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse_first()
            """
        case .position:
            """
            CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE OF next_offset ON stream_offset DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse_first()
            """
        }
    }
}

@Suite("One batch", .timeLimit(.minutes(5)))
struct BatchTests {
    @Test("Fence, effects, outbox and position follow each other in one transaction, and publishing follows them")
    func order() async throws {
        try await WorkerRig.with { rig in
            let worker = try rig.worker()
            try await rig.publish(["a", "bad 1", "b", "c"])
            try await worker.turn(rig, to: [4])
            #expect(rig.journal.states.first == "fenced at 0 trying -1 with 0 and 0 published 0")
            #expect(rig.journal.states.allSatisfy { $0.hasPrefix("fenced") })
            #expect(try await rig.echoed == ["a", "b", "c"])
            #expect(try await rig.lines(rig.output) == ["a", "b", "c"])
            #expect(try await rig.lines(rig.topic + ".dlq") == ["bad 1"])
            #expect(
                try await rig.texts("SELECT concat_ws(' ', record_offset, error_code) FROM dead_letter") == ["1 190"])
            await worker.end()
        }
    }

    @Test(
        "What cannot be committed leaves nothing behind, on no table and no topic, and is done once afterwards",
        arguments: RefusedWrite.allCases)
    func atomic(refused: RefusedWrite) async throws {
        try await WorkerRig.with { rig in
            try await rig.run("CREATE SEQUENCE refusal")
            try await rig.run(
                """
                CREATE FUNCTION refuse_first() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    IF nextval('refusal') = 1 THEN RAISE EXCEPTION 'refused' USING ERRCODE = '53000'; END IF;
                    RETURN NULL; END $$
                """)
            try await rig.run(refused.trigger)
            let worker = try rig.worker()
            try await rig.publish(["a", "bad", "b"])
            try await worker.turn(until: "a COMMIT to be refused") { await worker.worker.rest.since != nil }
            #expect(try await rig.positions == ["0 run"])
            #expect(try await rig.echoed.isEmpty)
            #expect(try await rig.texts("SELECT 'row' FROM outbox UNION ALL SELECT 'row' FROM dead_letter").isEmpty)
            #expect(try await rig.lines(rig.output).isEmpty)
            #expect(try await rig.lines(rig.topic + ".dlq").isEmpty)
            #expect(worker.health.reasons == ["database: infrastructure 53000"])
            try await worker.turn(rig, to: [3])
            #expect(try await rig.echoed == ["a", "b"])
            #expect(try await rig.lines(rig.output) == ["a", "b"])
            #expect(try await rig.lines(rig.topic + ".dlq") == ["bad"])
            #expect(worker.health.reasons.isEmpty)
            await worker.end()
        }
    }

    @Test("One record that the database refuses is buried alone, wherever it stands among its neighbours")
    func bisection() async throws {
        try await WorkerRig.with(partitions: 3) { rig in
            let poison = [0, 9, 15]
            var published: [[String]] = []
            for (partition, place) in poison.enumerated() {
                let lines = (0..<16).map { $0 == place ? "poison \(partition)" : "\(partition)-\($0)" }
                try await rig.publish(lines, partition: Int32(partition))
                published.append(lines)
            }
            let worker = try rig.worker()
            try await worker.turn(rig, to: [16, 16, 16])
            for (partition, lines) in published.enumerated() {
                let good = lines.filter { !$0.hasPrefix("poison") }
                #expect(try await rig.echoed.filter { $0.hasPrefix("\(partition)-") } == good)
                #expect(try await rig.lines(rig.output).filter { $0.hasPrefix("\(partition)-") } == good)
            }
            let buried = try await rig.texts(
                """
                SELECT concat_ws(' ', partition, record_offset, error_code, convert_from(record_value, 'UTF8'))
                FROM dead_letter ORDER BY partition
                """)
            #expect(buried == ["0 0 197 poison 0", "1 9 197 poison 1", "2 15 197 poison 2"])
            // Halving: about two transactions per level and poison, rather than one per record.
            #expect(rig.journal.batches.count <= 3 * 2 * 6)
            await worker.end()
        }
    }

    @Test("A key that another worker took meanwhile is looked up again, and nobody is buried for it")
    func conflict() async throws {
        try await WorkerRig.with { rig in
            let worker = try rig.worker()
            try await rig.publish(["a", "taken", "b"])
            try await worker.turn(rig, to: [3])
            #expect(try await rig.echoed == ["a", "taken", "b"])
            #expect(try await rig.texts("SELECT 'row' FROM dead_letter").isEmpty)
            await worker.end()
        }
    }

    @Test("A COMMIT whose reply is lost is found to have happened, and its messages go out once")
    func commitUnknown() async throws {
        try await WorkerRig.with { rig in
            let proxy = TCPProxy(to: rig.database.cluster.port)
            let pool = rig.database.makePool(size: 1) {
                $0.url = "postgres://postgres@127.0.0.1:\(proxy.port)/\(rig.database.name)?sslmode=disable"
            }
            let worker = try rig.worker(pool: pool)
            try await rig.publish(["a"])
            try await worker.turn(rig, to: [1])
            proxy.set(.cutReply(to: Array("COMMIT".utf8)))
            try await rig.publish(["b", "bad", "c"])
            try await worker.turn(until: "the batch to be committed unheard") {
                if proxy.cuts > 0 { proxy.set(.forward) }
                return try await rig.positions == ["4 run"] && proxy.cuts > 0
            }
            proxy.set(.forward)
            try await worker.turn(rig, to: [4])
            #expect(try await rig.echoed == ["a", "b", "c"])
            #expect(try await rig.lines(rig.output) == ["a", "b", "c"])
            #expect(try await rig.lines(rig.topic + ".dlq") == ["bad"])
            await worker.end()
            await pool.close()
            proxy.close()
        }
    }

    @Test(
        "A record's own clock may say anything",
        arguments: [Int64.min, -1, 0, 1_793_534_400_000, 253_402_300_800_000, .max])
    func clocks(milliseconds: Int64) async throws {
        try await WorkerRig.with { rig in
            let source = TopicPartition(topic: rig.topic, partition: 0)
            let stage = EchoStage(name: rig.group, topics: [rig.topic], output: rig.output, journal: rig.journal)
            let owned = try await rig.database.pool.transaction { (transaction) throws(PostgresError) in
                try ClaimStore.claim(
                    [.init(workerGroup: rig.group, topic: rig.topic, partition: 0)], owner: "test", in: transaction)
            }
            let entries = ["a", "bad"].enumerated().map { offset, text in
                let record = Record(
                    source: source, offset: Int64(offset), timestampMilliseconds: milliseconds, key: nil,
                    value: Array(text.utf8)[...])
                return Entry<String>(
                    record: record,
                    content: text == "a" ? .input(text) : .dead(DeadLetterReason(code: .notJSON, measured: text)))
            }
            let outcome = try await BatchTransaction(stage: stage, pool: rig.database.pool)
                .commit(entries[...], owned: owned, at: WorkerRig.now)
            guard case .committed = outcome else {
                Issue.record("not committed")
                return
            }
            #expect(try await rig.positions == ["2 run"])
        }
    }

    @Test("A partition that is moved back buries what it buried before without a second row")
    func movedBack() async throws {
        try await WorkerRig.with { rig in
            let worker = try rig.worker()
            try await rig.publish(["bad 1", "a", "bad 2"])
            try await worker.turn(rig, to: [3])
            try await rig.run("UPDATE stream_offset SET next_offset = 0")
            try await rig.publish(["bad 3"])
            try await worker.turn(rig, to: [4])
            #expect(
                try await rig.texts("SELECT record_offset::text FROM dead_letter ORDER BY 1") == ["0", "2", "3"])
            #expect(try await rig.echoed == ["a", "a"])
            await worker.end()
        }
    }

    @Test("A record that not even the dead letters take holds its partition, and no other")
    func deadLetterRefused() async throws {
        try await WorkerRig.with(partitions: 2) { rig in
            try await rig.run("ALTER TABLE dead_letter ADD CHECK (record_value <> convert_to('bad luck', 'UTF8'))")
            try await rig.publish(["a", "bad luck", "b"])
            try await rig.publish(["c", "bad", "d"], partition: 1)
            let worker = try rig.worker()
            try await worker.turn(until: "the partition to be held and the other to be read") {
                try await rig.positions == ["1 held dead-letter-refused", "3 run"]
            }
            #expect(try await rig.echoed.sorted() == ["a", "c", "d"])
            await worker.end()
        }
    }
}
