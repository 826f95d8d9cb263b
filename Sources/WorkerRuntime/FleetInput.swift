public import Domain
public import Events

/// A message of another worker with what its envelope says.
public struct FleetInput<Message: FleetMessage>: Sendable {
    public let id: Identifier
    /// When the cause of the message happened; what follows from it carries the same.
    public let at: Timestamp
    /// A hash of the record's bytes: the same id with another hash is an incident.
    public let contentHash: Identifier
    public let message: Message
}

extension FleetInput {
    /// Reads a record's value; nil is Kafka's null.
    public static func decode(_ value: ArraySlice<UInt8>?) -> Decoded<FleetInput> {
        switch Envelope.read(value, schema: Message.topic) {
        case .unreadable(let code, let measured): return .dead(DeadLetterReason(code: code, measured: measured))
        case .futureSchema(let major): return .futureSchema(major: major)
        case .message(let id, let at, let data):
            guard let value, let message = Message(data) else {
                return .dead(DeadLetterReason(code: .mistypedField, measured: "data of \(Message.topic)"))
            }
            return .input(FleetInput(id: id, at: at, contentHash: Identifier(hashing: value), message: message))
        }
    }
}
