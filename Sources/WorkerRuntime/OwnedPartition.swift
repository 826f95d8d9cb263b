import Kafka
import Outbox

/// What the owner of a partition knows of it: the fenced row as last read or written.
struct OwnedPartition: Sendable {
    enum Mode: String, Sendable {
        case run
        /// A record here may kill the process: one record at a time, each marked before it is touched.
        case quarantine
        case held
    }

    let lane: Lane
    let epoch: Int64
    /// The offset of the next record to commit; the fence compares it with the row.
    var nextOffset: Int64
    var nextOutSequence: Int64
    /// Outbox rows below are on their topics.
    var publishedUpTo: Int64
    /// What the row says of `publishedUpTo`.
    var savedPublishedUpTo: Int64
    var mode: Mode
    /// The record that killed the owners before, to be dead-lettered without a look.
    var poisonOffset: Int64?
    /// Quarantine: how many records went well since the claim.
    var cleanRecords: Int32 = 0
    var deadLetters = DeadLetterWindow()

    /// The dead letters of the last five minutes, for the breaker.
    struct DeadLetterWindow: Sendable {
        private var moments: [ContinuousClock.Instant] = []

        /// Adds `count` at `now` and forgets what is older than five minutes.
        mutating func add(_ count: Int, at now: ContinuousClock.Instant) {
            moments.removeAll { $0 < now - .seconds(300) }
            moments.append(contentsOf: repeatElement(now, count: count))
        }

        var count: Int { moments.count }
    }
}

extension Lane {
    var source: TopicPartition { TopicPartition(topic: topic, partition: partition) }
}

/// A row of `stream_offset` as an owner reads it again.
struct StreamRow: Sendable {
    let epoch: Int64
    let nextOffset: Int64
    let nextOutSequence: Int64
    let runs: Bool
}

/// Why a partition stands still until someone acts.
enum HoldReason: String, Sendable {
    case futureSchema = "future-schema"
    case offsetOutOfRange = "offset-out-of-range"
    case manyDeadLetters = "many-dead-letters"
    /// The database refuses a record even as a dead letter.
    case deadLetterRefused = "dead-letter-refused"
}
