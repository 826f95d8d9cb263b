public import Domain

/// The frame of every message between workers: `{"schema", "major", "minor", "id", "at", "data"}`.
///
/// A newer minor version is read, its unknown members ignored; a newer major version holds the partition until a newer
/// worker takes it.
public enum Envelope {
    public static let major: Int64 = 1
    public static let minor: Int64 = 0

    /// What a framed message turned out to be.
    public enum Reading: Sendable {
        case message(id: Identifier, at: Timestamp, data: JSONTree)
        case unreadable(ReasonCode, measured: String)
        case futureSchema(major: Int64)
    }

    /// - Parameter id: deterministic, see `Identifier(hashing:)`: the same input makes the same message.
    public static func write(
        schema: String, id: Identifier, at: Timestamp, data: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("schema", schema)
            writer.member("major", major)
            writer.member("minor", minor)
            writer.member("id", id.description)
            writer.member("at", at.rfc3339)
            writer.name("data")
            writer.object(data)
        }
        return writer.bytes
    }

    public static func read(_ value: ArraySlice<UInt8>?, schema: String) -> Reading {
        guard let value, !value.isEmpty else { return .unreadable(.emptyRecord, measured: "0 bytes") }
        guard value.count <= TrackingEventReader.recordBytesMaximum else {
            return .unreadable(.recordTooLarge, measured: "\(value.count) bytes")
        }
        guard let tree = JSONTree(value) else {
            return .unreadable(.notJSON, measured: String(decoding: value.prefix(40), as: UTF8.self))
        }
        guard let found = tree["major"]?.integer, found > 0 else {
            return .unreadable(.mistypedField, measured: "major")
        }
        guard found <= major else { return .futureSchema(major: found) }
        guard tree["schema"]?.string == schema else {
            let other = tree["schema"]?.string ?? "absent"
            return .unreadable(
                .mistypedField, measured: "schema: \(other.shortened(to: EventFields.measuredLengthMaximum))")
        }
        guard let id = tree["id"]?.string.flatMap({ Identifier(text: $0) }),
            let at = tree["at"]?.string.flatMap({ Timestamp(rfc3339: $0) }), let data = tree["data"]
        else { return .unreadable(.missingField, measured: "id, at or data") }
        return .message(id: id, at: at, data: data)
    }
}

/// A message between workers that knows its topic and its form.
public protocol FleetMessage: Sendable {
    /// The topic, which is also the name of the schema.
    static var topic: String { get }
    /// The record's key: messages of one key keep their order.
    var key: String { get }

    func write(to writer: inout JSONWriter)
    /// - Returns: nil if `data` lacks a member or has one of another type.
    init?(_ data: JSONTree)
}

extension FleetMessage {
    /// - Parameters:
    ///   - id: deterministic, from the input that caused the message.
    ///   - at: when the input happened or was decided; part of the bytes, so not the clock of a retry.
    public func encoded(id: Identifier, at: Timestamp) -> [UInt8] {
        Envelope.write(schema: Self.topic, id: id, at: at) { write(to: &$0) }
    }
}
