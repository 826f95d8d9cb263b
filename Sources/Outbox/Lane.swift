/// The source of an ordered run of messages: a worker group's input partition, or an emitter without one.
public struct Lane: Hashable, Comparable, Sendable {
    public let workerGroup: String
    /// Empty for an emitter without an input partition.
    public let topic: String
    public let partition: Int32

    /// The lane of the records that `workerGroup` reads from a partition.
    public init(workerGroup: String, topic: String, partition: Int32) {
        self.workerGroup = workerGroup
        self.topic = topic
        self.partition = partition
    }

    /// The lane of an emitter, such as the console or a planner's timer.
    public init(emitter workerGroup: String) {
        self.init(workerGroup: workerGroup, topic: "", partition: 0)
    }

    public static func < (left: Lane, right: Lane) -> Bool {
        (left.workerGroup, left.topic, left.partition) < (right.workerGroup, right.topic, right.partition)
    }
}
