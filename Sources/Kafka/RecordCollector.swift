internal import CLibrdkafka

/// Copies messages out of librdkafka's memory into one buffer, and cuts records from it at the end.
struct RecordCollector {
    private struct Entry {
        let source: TopicPartition
        let offset: Int64
        let timestampMilliseconds: Int64
        let key: Range<Int>?
        let value: Range<Int>?
        let headers: [Header]
    }

    /// librdkafka's object for a topic stays the same while its partitions are assigned, which is longer than a poll.
    private struct Origin: Hashable {
        let topic: OpaquePointer?
        let partition: Int32
    }

    private var buffer: [UInt8] = []
    private var entries: [Entry] = []
    private var sources: [Origin: TopicPartition] = [:]
    private var latest: (origin: Origin, source: TopicPartition)?

    init(expectedBytes: Int) {
        buffer.reserveCapacity(expectedBytes)
    }

    var count: Int { entries.count }
    var bytes: Int { buffer.count }

    mutating func append(_ message: borrowing MessageHandle) {
        let fields = message.pointer.pointee
        let key = copy(fields.key, fields.key_len)
        let value = copy(fields.payload, fields.len)
        entries.append(
            Entry(
                source: source(of: message), offset: fields.offset,
                timestampMilliseconds: rd_kafka_message_timestamp(message.pointer, nil), key: key, value: value,
                headers: Self.headers(of: message)))
    }

    consuming func records() -> [Record] {
        let buffer = buffer
        return entries.map { entry in
            Record(
                source: entry.source, offset: entry.offset, timestampMilliseconds: entry.timestampMilliseconds,
                key: entry.key.map { buffer[$0] }, value: entry.value.map { buffer[$0] }, headers: entry.headers)
        }
    }

    /// Makes a topic's name once per poll, not once per message.
    mutating func source(of message: borrowing MessageHandle) -> TopicPartition {
        let origin = Origin(topic: message.pointer.pointee.rkt, partition: message.pointer.pointee.partition)
        if let latest, latest.origin == origin { return latest.source }
        let source = sources[origin] ?? Self.name(origin)
        sources[origin] = source
        latest = (origin, source)
        return source
    }

    private static func name(_ origin: Origin) -> TopicPartition {
        let topic = origin.topic.map { String(cString: rd_kafka_topic_name($0)) } ?? ""
        return TopicPartition(topic: topic, partition: origin.partition)
    }

    /// A null pointer is Kafka's null, whatever the length says.
    private mutating func copy(_ start: UnsafeMutableRawPointer?, _ length: Int) -> Range<Int>? {
        guard let start else { return nil }
        let lower = buffer.count
        buffer.append(
            contentsOf: UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: length))
        return lower..<buffer.count
    }

    private static func headers(of message: borrowing MessageHandle) -> [Header] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message.pointer, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list
        else { return [] }
        return (0..<rd_kafka_header_cnt(list)).compactMap { index in
            var name: UnsafePointer<CChar>?
            var value: UnsafeRawPointer?
            var size = 0
            guard rd_kafka_header_get_all(list, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR, let name
            else { return nil }
            return Header(
                name: String(cString: name), value: Array(UnsafeRawBufferPointer(start: value, count: size)))
        }
    }
}
