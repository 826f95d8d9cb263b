internal import CLibrdkafka

/// The ends of a partition's log.
public struct Watermarks: Sendable, Hashable {
    /// The first offset that can still be read.
    public let low: Int64
    /// The offset that the next message will get.
    public let high: Int64

    /// - Parameters:
    ///   - low: the first offset that can still be read.
    ///   - high: the offset that the next message will get.
    public init(low: Int64, high: Int64) {
        self.low = low
        self.high = high
    }

    init(of partition: TopicPartition, client: OpaquePointer, within milliseconds: Int32) throws(KafkaError) {
        var low: Int64 = 0
        var high: Int64 = 0
        let code = rd_kafka_query_watermark_offsets(
            client, partition.topic, partition.partition, &low, &high, milliseconds)
        try KafkaError.check(code, "watermarks")
        self.init(low: low, high: high)
    }
}
