import DevKit
import Domain
import Events
import Kafka
import Logging
import Postgres
import Storage
import Testing

@testable import Notifications

@Suite("Workers that are behind") struct LagTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("Admins hear once of a worker that is too far behind for too long, and again after it had caught up")
    func episodes() async throws {
        try await LagTests.with { rig in
            // Five records behind for a minute, told once; four are not too many.
            try await rig.read(0)
            #expect(try await rig.keeper.runOnce() == 0)
            rig.clock.advance(seconds: 59)
            #expect(try await rig.keeper.runOnce() == 0)
            rig.clock.advance(seconds: 1)
            #expect(try await rig.keeper.runOnce() == 1)
            rig.clock.advance(seconds: 600)
            #expect(try await rig.keeper.runOnce() == 0)
            try await rig.read(1)
            #expect(try await rig.keeper.runOnce() == 0)
            try await rig.read(0)
            #expect(try await rig.keeper.runOnce() == 0)
            rig.clock.advance(seconds: 60)
            #expect(try await rig.keeper.runOnce() == 1)
            let told = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try transaction.query("SELECT concat_ws(' | ', audience, kind, title) FROM notification") { row in
                    try row.text(0)
                }
            }
            #expect(
                told
                    == Array(
                        repeating: "admin | topic_lag | notifier is 5 records behind in payouts.settled", count: 2))
        }
    }

    @Test("A topic's own number of records counts in place of that of all, until there is none")
    func topics() async throws {
        try await LagTests.with { rig in
            try await rig.read(0)
            // What is allowed, of which topic, and whether admins hear of five records that are not read.
            let steps: [(Int64?, String, Int)] = [
                (5, TopicName.payoutsSettled, 0), (4, TopicName.payoutsSettled, 1), (5, TopicName.payoutsSettled, 0),
                (1_000, TopicName.fraudFlags, 0), (nil, TopicName.payoutsSettled, 1),
            ]
            for (records, topic, told) in steps {
                let now = rig.clock.now
                try await rig.database.pool.transaction { transaction throws(PostgresError) in
                    try SettingStore.set(.lagRecords, of: topic, to: records, by: "test", at: now, in: transaction)
                }
                #expect(try await rig.keeper.runOnce() == 0)
                rig.clock.advance(seconds: 60)
                #expect(try await rig.keeper.runOnce() == told, "\(topic): \(records ?? -1)")
            }
        }
    }

    /// Five records on a topic of two partitions; more than four may not wait for a minute.
    private struct Rig {
        let database: TestDatabase
        let keeper: LagKeeper
        let clock: DeliveryTests.Clock

        func read(_ offset: Int64) async throws {
            try await database.pool.transaction { transaction throws(PostgresError) in
                _ = try transaction.run(
                    """
                    INSERT INTO stream_offset (worker_group, topic, partition, next_offset, mode)
                    VALUES ('notifier', $1, 0, $2, 'run'), ('notifier', $1, 1, $2, 'run')
                    ON CONFLICT (worker_group, topic, partition) DO UPDATE SET next_offset = excluded.next_offset
                    """, .text(TopicName.payoutsSettled), .int8(offset))
            }
        }
    }

    private static func with(_ body: (Rig) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let broker = try TestBroker.mock()
            try await broker.mock?.createTopic(TopicName.payoutsSettled, partitions: 2)
            let producer = try KafkaProducer(
                ProducerConfiguration(settings: broker.settings, clientID: "test"), logger: logger)
            let messages = [Int32(0), 0, 1, 1, 1].map {
                OutgoingMessage(topic: TopicName.payoutsSettled, key: [1], value: [1], partition: $0)
            }
            for case .failed(let error) in await producer.publish(messages) { throw error }
            await producer.close()

            let clock = DeliveryTests.Clock()
            let now = clock.now
            try await database.pool.transaction { transaction throws(PostgresError) in
                try SettingStore.set(.lagRecords, to: 4, by: "test", at: now, in: transaction)
                try SettingStore.set(.lagSeconds, to: 60, by: "test", at: now, in: transaction)
            }
            let admin = try KafkaAdmin(broker.settings, clientID: "test", logger: logger)
            let keeper = LagKeeper(admin: admin, pool: database.pool, clock: { clock.now }, logger: logger)
            try await body(Rig(database: database, keeper: keeper, clock: clock))
            await admin.close()
        }
    }
}
