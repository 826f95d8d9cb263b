/// A change of ownership that the consumer must answer with `assign` or `unassign`.
public enum Rebalance: Sendable, Equatable {
    /// The group gave us these partitions; answer with `assign`.
    case assigned([TopicPartition])
    /// The group took these partitions; answer with `unassign`. When `lost`, others may own them already.
    case revoked([TopicPartition], lost: Bool)
}

/// What one call of `KafkaConsumer.poll` brought.
public struct Poll: Sendable {
    /// Messages, in offset order within each partition. Empty whenever there is a rebalance.
    public var records: [Record] = []
    /// A change of ownership that waits for an answer.
    public var rebalance: Rebalance?
    /// Partitions whose start offset is not in the log; nothing is read from them until they are assigned anew.
    public var outOfRange: [TopicPartition] = []
    /// Errors the client reported. Those that are not fatal it goes on to repair by itself.
    public var errors: [KafkaError] = []

    /// Nothing at all.
    public init() {}
}
