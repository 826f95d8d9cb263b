public import Domain
public import Kafka
public import Outbox
public import Postgres

/// One step of the pipeline: what a worker does to a batch of records.
///
/// The runtime owns position, fencing, publishing and failure; a stage only decodes, and changes the database inside
/// the transaction it is lent. It must be a pure function of records and rows: the same batch may be applied again.
public protocol Stage: Sendable {
    associatedtype Input: Sendable

    /// The consumer group and the label in logs and metrics.
    var name: String { get }
    var topics: [String] { get }

    /// Reads a record. Runs while the batch before commits, so without a transaction; it must not trap on any bytes.
    func decode(_ record: Record) -> Decoded<Input>

    /// Loads, decides and saves a batch.
    ///
    /// - Parameters:
    ///   - batch: at least one record, in offset order within each partition.
    ///   - now: the moment of the decision; the same for the whole batch.
    func apply(
        _ batch: [Sourced<Input>], in transaction: borrowing Transaction, at now: Timestamp
    ) throws(PostgresError) -> StageOutput
}

/// What a record turned out to be.
public enum Decoded<Input: Sendable>: Sendable {
    case input(Input)
    case dead(DeadLetterReason)
    /// A schema newer than this program: the partition is held for a newer worker.
    case futureSchema(major: Int64)
}

extension Decoded {
    public func map<Output>(_ change: (Input) -> Output) -> Decoded<Output> {
        switch self {
        case .input(let input): .input(change(input))
        case .dead(let reason): .dead(reason)
        case .futureSchema(let major): .futureSchema(major: major)
        }
    }
}

/// A decoded record with the record it came from.
public struct Sourced<Input: Sendable>: Sendable {
    public let record: Record
    public let input: Input

    public init(record: Record, input: Input) {
        self.record = record
        self.input = input
    }
}

/// Why a record cannot be processed.
public struct DeadLetterReason: Sendable {
    public let code: ReasonCode
    /// The value that was wrong, shortened.
    public let measured: String

    public init(code: ReasonCode, measured: String) {
        self.code = code
        self.measured = measured
    }
}

/// What a stage decided beside the rows it wrote.
public struct StageOutput: Sendable {
    /// A message and the partition whose records caused it, which orders it.
    public struct Message: Sendable {
        public let cause: TopicPartition
        public let message: OutboxMessage

        public init(cause: TopicPartition, message: OutboxMessage) {
            self.cause = cause
            self.message = message
        }
    }

    public var messages: [Message] = []
    /// Records by outcome, for the metrics.
    public var outcomes: [String: Int] = [:]

    public init() {}
}
