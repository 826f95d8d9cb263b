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
        try await TestDatabase.with { database in
            let broker = try TestBroker.mock()
            try await broker.mock?.createTopic(TopicName.payoutsSettled, partitions: 2)
            let producer = try KafkaProducer(
                ProducerConfiguration(settings: broker.settings, clientID: "test"), logger: LagTests.logger)
            let messages = [Int32(0), 0, 1, 1, 1].map {
                OutgoingMessage(topic: TopicName.payoutsSettled, key: [1], value: [1], partition: $0)
            }
            for case .failed(let error) in await producer.publish(messages) { throw error }
            await producer.close()

            let clock = DeliveryTests.Clock()
            let admin = try KafkaAdmin(broker.settings, clientID: "test", logger: LagTests.logger)
            let keeper = LagKeeper(
                admin: admin, pool: database.pool, clock: { clock.now }, logger: LagTests.logger)
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
            let now = clock.now
            try await database.pool.transaction { transaction throws(PostgresError) in
                try SettingStore.set(.lagRecords, to: 4, by: "test", at: now, in: transaction)
                try SettingStore.set(.lagSeconds, to: 60, by: "test", at: now, in: transaction)
            }
            // Five records behind for a minute, told once; four are not too many.
            try await read(0)
            #expect(try await keeper.runOnce() == 0)
            clock.advance(seconds: 59)
            #expect(try await keeper.runOnce() == 0)
            clock.advance(seconds: 1)
            #expect(try await keeper.runOnce() == 1)
            clock.advance(seconds: 600)
            #expect(try await keeper.runOnce() == 0)
            try await read(1)
            #expect(try await keeper.runOnce() == 0)
            try await read(0)
            #expect(try await keeper.runOnce() == 0)
            clock.advance(seconds: 60)
            #expect(try await keeper.runOnce() == 1)
            let told = try await database.pool.transaction { transaction throws(PostgresError) in
                try transaction.query("SELECT concat_ws(' | ', audience, kind, title) FROM notification") { row in
                    try row.text(0)
                }
            }
            #expect(
                told
                    == Array(
                        repeating: "admin | topic_lag | notifier is 5 records behind in payouts.settled", count: 2))
            await admin.close()
        }
    }
}
