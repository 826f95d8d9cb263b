import Domain
import Events
import Kafka
import Logging
import Postgres

/// Compares the outbox with what is on the topics.
///
/// I5: each published message is there with its hash, and nothing is there that no transaction committed. I6: for each
/// key, the first occurrences of a lane's messages are in the lane's order; repetitions are allowed.
struct TopicAudit {
    private static let batchRecords = 5_000
    private static let batchBytes = 8 << 20
    /// A poll waits for a full batch for as long, also behind the last record.
    private static let batchWithin = Duration.milliseconds(100)
    /// How long the broker may be silent while records are due.
    private static let silenceLimit = Duration.seconds(15)

    /// A record without a key may go to any partition, so order is looked for within one.
    private struct KeyInLane: Hashable {
        let source: TopicPartition
        let key: Identifier
        let lane: Int64
    }

    private var ledger: OutboxLedger
    private var latest: [KeyInLane: Int64] = [:]
    private var recordsRead = 0
    private var strangers: [String] = []
    private var disorders: [String] = []
    private var lost = 0
    private var beyondRetention = 0
    private var published = 0

    /// - Returns: the findings for I5 and I6.
    static func run(_ settings: KafkaSettings, pool: PostgresPool) async throws -> [InvariantFinding] {
        let admin = try KafkaAdmin(settings, clientID: "tributary-verify", logger: .standardError)
        // What is below these ends was published, so committed, before the snapshot that follows.
        let before = try await ends(of: TopicAudit.topicNames, admin)
        let ledger = try await pool.transaction(isolation: .repeatableRead) { (transaction) throws(PostgresError) in
            try OutboxLedger.load(in: transaction)
        }
        var audit = TopicAudit(ledger: ledger)
        let after = try await ends(of: ledger.topics, admin)
        await admin.close()
        try await audit.read(settings, from: after, settledBelow: before)
        audit.count(after)
        return audit.findings
    }

    private init(ledger: OutboxLedger) { self.ledger = ledger }

    private static let topicNames = [
        TopicName.affiliatesScored, TopicName.fraudFlags, TopicName.payoutsRequested, TopicName.payoutsSettled,
    ]

    private static func ends(
        of topics: [String], _ admin: KafkaAdmin
    ) async throws -> [TopicPartition: Watermarks] {
        let described = try await admin.metadata().filter { topics.contains($0.name) }
        return try await admin.watermarks(
            described.flatMap { topic in
                (0..<Int32(topic.partitions)).map { TopicPartition(topic: topic.name, partition: $0) }
            })
    }

    private mutating func read(
        _ settings: KafkaSettings, from ends: [TopicPartition: Watermarks],
        settledBelow: [TopicPartition: Watermarks]
    ) async throws {
        var open = ends.filter { $0.value.low < $0.value.high }
        guard !open.isEmpty else { return }
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(
                settings: settings, group: "tributary-verify", topics: [], clientID: "tributary-verify"),
            logger: .standardError)
        try await consumer.assign(open.mapValues(\.low))
        var lastHeard = ContinuousClock.now
        while !open.isEmpty {
            let poll = try await consumer.poll(
                maximum: TopicAudit.batchRecords, maximumBytes: TopicAudit.batchBytes, within: TopicAudit.batchWithin)
            if !poll.records.isEmpty { lastHeard = .now }
            guard ContinuousClock.now - lastHeard < TopicAudit.silenceLimit else {
                throw VerifyError.brokerSilent(partition: open.keys.min()?.description ?? "")
            }
            for record in poll.records {
                guard let end = ends[record.source], record.offset < end.high else { continue }
                take(record, isSettled: record.offset < settledBelow[record.source]?.high ?? 0)
                if record.offset == end.high - 1 { open[record.source] = nil }
            }
        }
        await consumer.close(within: .seconds(2))
    }

    private mutating func take(_ record: Record, isSettled: Bool) {
        recordsRead += 1
        let topic = record.source.topic
        switch ledger.see(Identifier(hashing: record.value ?? []), on: topic) {
        case .unknown:
            let wasKept = record.timestampMilliseconds >= ledger.keptSince.microsecondsSinceEpoch / 1_000
            if isSettled, wasKept { strangers.append("\(record.source) offset \(record.offset)") }
        case .again: return
        case .first(let row):
            let place = KeyInLane(
                source: record.source, key: Identifier(hashing: record.key ?? []), lane: row.lane)
            if let before = latest[place], before > row.sequence {
                disorders.append("\(record.source) offset \(record.offset)")
            }
            latest[place] = row.sequence
        }
    }

    private mutating func count(_ ends: [TopicPartition: Watermarks]) {
        for topic in ledger.topics {
            published += ledger.published(on: topic)
            let missing = ledger.missing(on: topic)
            // What the broker has deleted by age or size cannot be missed.
            let isTrimmed = ends.contains { $0.key.topic == topic && $0.value.low > 0 }
            if isTrimmed { beyondRetention += missing } else { lost += missing }
        }
    }

    private var findings: [InvariantFinding] {
        let present = ClaimFinding(
            claim: "published messages are on their topics with their hash"
                + (beyondRetention > 0 ? ", \(beyondRetention) of them beyond the topics' retention" : ""),
            examined: Int64(published), broken: Int64(lost), example: nil)
        let committed = ClaimFinding(
            claim: "records on the topics come from a committed transaction", examined: Int64(recordsRead),
            broken: Int64(strangers.count), example: strangers.first)
        let ordered = ClaimFinding(
            claim: "keys have their first occurrences in the order of their lane", examined: Int64(latest.count),
            broken: Int64(disorders.count), example: disorders.first)
        return [
            InvariantFinding(name: "I5", parts: [present, committed]), InvariantFinding(name: "I6", parts: [ordered]),
        ]
    }
}

/// Why the invariants could not be examined.
enum VerifyError: Error, CustomStringConvertible {
    case brokerSilent(partition: String)

    var description: String {
        switch self {
        case .brokerSilent(let partition): "the broker sent no record of \(partition) although it has some"
        }
    }
}
