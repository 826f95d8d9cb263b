public import Domain
public import Events

/// A message that a transaction decided to send.
public struct OutboxMessage: Sendable {
    public let topic: String
    /// nil only for a dead letter whose record had no key.
    public let key: [UInt8]?
    /// Deterministic, so that a replay makes the same one.
    public let messageID: Identifier
    /// nil only for a dead letter whose record had no value.
    public let payload: [UInt8]?
    /// Names and values, for dead letters; empty for messages between workers.
    public let headers: [(name: String, value: String)]

    public init(
        topic: String, key: [UInt8]?, messageID: Identifier, payload: [UInt8]?,
        headers: [(name: String, value: String)] = []
    ) {
        self.topic = topic
        self.key = key
        self.messageID = messageID
        self.payload = payload
        self.headers = headers
    }

    /// A message between workers.
    ///
    /// - Parameters:
    ///   - id: the hash of what caused it, see `Identifier(hashing:)`.
    ///   - at: when that happened; part of the bytes, so never the clock of a retry.
    public init(_ message: some FleetMessage, id: Identifier, at: Timestamp) {
        self.init(
            topic: type(of: message).topic, key: Array(message.key.utf8), messageID: id,
            payload: message.encoded(id: id, at: at))
    }
}

/// A message with its place in its lane.
public struct OutboxRow: Sendable {
    public let lane: Lane
    /// Gap-free and in the order of commits within the lane.
    public let sequence: Int64
    public let message: OutboxMessage

    public init(lane: Lane, sequence: Int64, message: OutboxMessage) {
        self.lane = lane
        self.sequence = sequence
        self.message = message
    }
}
