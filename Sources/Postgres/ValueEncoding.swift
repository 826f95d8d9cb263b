extension ByteBuffer {
    /// Appends one field: its length, then its bytes; -1 for null.
    mutating func appendField(_ value: PostgresValue) {
        switch value {
        case .null: append(Int32(-1))
        case .bool(let value): appendField(UInt8(value ? 1 : 0))
        case .int4(let value): appendField(value)
        case .int8(let value): appendField(value)
        case .float8(let value): appendField(value.bitPattern)
        case .text(let value): appendField(text: value)
        case .bytes(let value): value.withUnsafeBytes { appendField(raw: $0) }
        case .uuid(let value): appendField(value)
        case .timestamp(let value): appendField(PostgresEpoch.server(microseconds: value))
        case .date(let value): appendField(PostgresEpoch.server(days: value))
        case .jsonb(let value): appendField(jsonb: value)
        default: appendArrayField(value)
        }
    }

    /// The binary form of jsonb is a version byte and the text.
    mutating func appendField(jsonb text: String) {
        let start = count
        append(Int32(0))
        append(UInt8(1))
        append(text: text)
        replace(at: start, with: Int32(count - start - 4))
    }

    private mutating func appendArrayField(_ value: PostgresValue) {
        switch value {
        case .bools(let values): appendArray(values, of: .bool) { $0.appendField(UInt8($1 ? 1 : 0)) }
        case .int4s(let values): appendArray(values, of: .int4) { $0.appendField($1) }
        case .int8s(let values): appendArray(values, of: .int8) { $0.appendField($1) }
        case .float8s(let values): appendArray(values, of: .float8) { $0.appendField($1.bitPattern) }
        case .texts(let values): appendArray(values, of: .text) { $0.appendField(text: $1) }
        case .bytesArray(let values):
            appendArray(values, of: .bytea) { buffer, value in value.withUnsafeBytes { buffer.appendField(raw: $0) } }
        case .uuids(let values): appendArray(values, of: .uuid) { $0.appendField($1) }
        case .timestamps(let values):
            appendArray(values, of: .timestamptz) { $0.appendField(PostgresEpoch.server(microseconds: $1)) }
        case .dates(let values): appendArray(values, of: .date) { $0.appendField(PostgresEpoch.server(days: $1)) }
        case .optionalInt8s(let values): appendOptionals(values, of: .int8) { $0.appendField($1) }
        case .optionalTexts(let values): appendOptionals(values, of: .text) { $0.appendField(text: $1) }
        case .optionalUUIDs(let values): appendOptionals(values, of: .uuid) { $0.appendField($1) }
        case .optionalTimestamps(let values):
            appendOptionals(values, of: .timestamptz) { $0.appendField(PostgresEpoch.server(microseconds: $1)) }
        default: preconditionFailure("a scalar is not an array")
        }
    }

    /// One dimension, lower bound 1: what `array_recv` reads.
    @inline(__always)
    private mutating func appendArray<Element>(
        _ values: [Element], of type: ObjectID, hasNulls: Bool = false,
        _ appendElement: (inout ByteBuffer, Element) -> Void
    ) {
        let start = count
        append(Int32(0))
        append(Int32(values.isEmpty ? 0 : 1))
        append(Int32(hasNulls ? 1 : 0))
        append(type.rawValue)
        if !values.isEmpty {
            append(Int32(values.count))
            append(Int32(1))
        }
        for value in values { appendElement(&self, value) }
        replace(at: start, with: Int32(count - start - 4))
    }

    @inline(__always)
    private mutating func appendOptionals<Element>(
        _ values: [Element?], of type: ObjectID, _ appendElement: (inout ByteBuffer, Element) -> Void
    ) {
        appendArray(values, of: type, hasNulls: values.contains { $0 == nil }) { buffer, value in
            if let value { appendElement(&buffer, value) } else { buffer.append(Int32(-1)) }
        }
    }
}
