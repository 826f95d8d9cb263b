import Events
import Kafka
import Postgres

/// How much waits behind the first stage, estimated from above.
actor DownstreamBacklog {
    /// Messages of a lane that stand for the size of those that wait.
    private static let sampleMessages: Int64 = 200
    /// How long an answer counts: a partition without a backlog does not fill up at once, one that drains is awaited.
    private static let freshWhenEmpty = Duration.seconds(1)
    private static let freshWhenFull = Duration.milliseconds(100)

    private let admin: KafkaAdmin
    private let pool: PostgresPool
    private var known = 0
    private var askedAt: ContinuousClock.Instant?

    init(_ settings: KafkaSettings, pool: PostgresPool) throws {
        admin = try KafkaAdmin(settings, clientID: "tributary-demo", logger: .standardError)
        self.pool = pool
    }

    /// Bytes in the fullest partition behind the first stage: its lag times the largest of the latest messages.
    func largest(_ positions: [StreamPosition]) async throws -> Int {
        let now = ContinuousClock.now
        let freshness = known == 0 ? DownstreamBacklog.freshWhenEmpty : DownstreamBacklog.freshWhenFull
        if let askedAt, now - askedAt < freshness { return known }
        askedAt = now
        var behind: [TopicPartition: Int64] = [:]
        for position in positions {
            guard let source = position.source, source.topic != TopicName.conversionsRaw,
                let next = position.nextOffset
            else { continue }
            behind[source] = min(behind[source] ?? next, next)
        }
        let ends = try await admin.watermarks(behind.keys.sorted())
        let lags = behind.map { source, next in max(0, (ends[source]?.high ?? next) - next) }
        guard let lag = lags.max(), lag > 0 else {
            known = 0
            return 0
        }
        known = Int(lag) * Int(try await messageBytes())
        return known
    }

    func close() async { await admin.close() }

    private func messageBytes() async throws -> Int64 {
        try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT COALESCE(max(octet_length(o.payload)), 0)::int8 FROM stream_offset s JOIN outbox o
                    USING (worker_group, topic, partition)
                WHERE o.out_seq >= s.next_out_seq - $1 AND o.out_topic NOT LIKE '%.dlq'
                """, .int8(DownstreamBacklog.sampleMessages)
            ) { row in try row.int8(0) }.first ?? 0
        }
    }
}
