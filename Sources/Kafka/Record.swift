/// A header of a message.
public struct Header: Sendable, Hashable {
    /// The header's name; names may repeat within a message.
    public let name: String
    /// The header's bytes; a null value is read as empty.
    public let value: [UInt8]

    /// - Parameters:
    ///   - name: the header's name.
    ///   - value: the header's bytes.
    public init(name: String, value: [UInt8]) {
        self.name = name
        self.value = value
    }
}

/// One message as it was read from the log.
///
/// Key and value are slices of one buffer that all records of a poll share: keeping one record keeps the buffer.
public struct Record: Sendable {
    /// Where the message was read.
    public let source: TopicPartition
    /// The message's position in its partition. Positions grow, but not always by one.
    public let offset: Int64
    /// Milliseconds since 1970 by the producer's or the broker's clock; -1 when the broker has none.
    public let timestampMilliseconds: Int64
    /// The key's bytes; nil is Kafka's null.
    public let key: ArraySlice<UInt8>?
    /// The value's bytes; nil is Kafka's null, a tombstone.
    public let value: ArraySlice<UInt8>?
    /// The headers in the order the producer gave them.
    public let headers: [Header]

    /// - Parameters:
    ///   - source: where the message was read.
    ///   - offset: its position there.
    ///   - timestampMilliseconds: milliseconds since 1970, or -1.
    ///   - key: the key's bytes, nil for null.
    ///   - value: the value's bytes, nil for null.
    ///   - headers: the headers in order.
    public init(
        source: TopicPartition, offset: Int64, timestampMilliseconds: Int64, key: ArraySlice<UInt8>?,
        value: ArraySlice<UInt8>?, headers: [Header] = []
    ) {
        self.source = source
        self.offset = offset
        self.timestampMilliseconds = timestampMilliseconds
        self.key = key
        self.value = value
        self.headers = headers
    }
}
