internal import CLibpq

/// One row of a result, borrowed while it is read. Columns count from 0.
///
/// Every reader throws `.decoding` if the column is null, has another type or is not there; the `…OrNull` readers take
/// null for an answer. A `numeric` (such as the sum of bigints) has no reader: cast it in the statement.
public struct Row: ~Copyable {
    private let result: OpaquePointer
    private let index: Int32
    private let statement: Statement

    init(result: OpaquePointer, index: Int32, statement: Statement) {
        self.result = result
        self.index = index
        self.statement = statement
    }

    public func isNull(_ column: Int) throws(PostgresError) -> Bool {
        try type(of: column)
        return PQgetisnull(result, index, Int32(column)) == 1
    }

    public func bool(_ column: Int) throws(PostgresError) -> Bool {
        try field(column, "bool") { $0 == .bool }.loadUnaligned(as: UInt8.self) != 0
    }

    /// Reads a smallint or an integer.
    public func int4(_ column: Int) throws(PostgresError) -> Int32 {
        let field = try field(column, "int4") { $0 == .int4 || $0 == .int2 }
        return field.count == 2 ? Int32(field.integer(as: Int16.self)) : field.integer(as: Int32.self)
    }

    public func int4OrNull(_ column: Int) throws(PostgresError) -> Int32? {
        try isNull(column) ? nil : int4(column)
    }

    /// Reads a smallint, an integer or a bigint.
    public func int8(_ column: Int) throws(PostgresError) -> Int64 {
        let field = try field(column, "int8") { $0 == .int8 || $0 == .int4 || $0 == .int2 }
        return switch field.count {
        case 2: Int64(field.integer(as: Int16.self))
        case 4: Int64(field.integer(as: Int32.self))
        default: field.integer(as: Int64.self)
        }
    }

    public func int8OrNull(_ column: Int) throws(PostgresError) -> Int64? {
        try isNull(column) ? nil : int8(column)
    }

    public func float8(_ column: Int) throws(PostgresError) -> Double {
        Double(bitPattern: try field(column, "float8") { $0 == .float8 }.integer(as: UInt64.self))
    }

    public func float8OrNull(_ column: Int) throws(PostgresError) -> Double? {
        try isNull(column) ? nil : float8(column)
    }

    /// Reads text, varchar, char, name, an enumeration's label, or the text of a json or jsonb.
    public func text(_ column: Int) throws(PostgresError) -> String {
        let field = try field(column, "text") { $0.isText }
        // The binary form of jsonb begins with a version byte.
        let isBinaryJSON = try type(of: column) == .jsonb
        return String(
            decoding: isBinaryJSON ? UnsafeRawBufferPointer(rebasing: field.dropFirst()) : field, as: UTF8.self)
    }

    public func textOrNull(_ column: Int) throws(PostgresError) -> String? {
        try isNull(column) ? nil : text(column)
    }

    /// Reads the text of a json or jsonb.
    public func json(_ column: Int) throws(PostgresError) -> String { try text(column) }

    public func bytes(_ column: Int) throws(PostgresError) -> [UInt8] {
        [UInt8](try field(column, "bytea") { $0 == .bytea })
    }

    public func bytesOrNull(_ column: Int) throws(PostgresError) -> [UInt8]? {
        try isNull(column) ? nil : bytes(column)
    }

    public func uuid(_ column: Int) throws(PostgresError) -> UInt128 {
        try field(column, "uuid") { $0 == .uuid }.integer(as: UInt128.self)
    }

    public func uuidOrNull(_ column: Int) throws(PostgresError) -> UInt128? {
        try isNull(column) ? nil : uuid(column)
    }

    /// Reads a timestamptz.
    /// - Returns: microseconds since 1970; the extremes of Int64 for the infinities.
    public func timestamp(_ column: Int) throws(PostgresError) -> Int64 {
        let value = try field(column, "timestamptz") { $0 == .timestamptz }.integer(as: Int64.self)
        return PostgresEpoch.local(microseconds: value)
    }

    public func timestampOrNull(_ column: Int) throws(PostgresError) -> Int64? {
        try isNull(column) ? nil : timestamp(column)
    }

    /// Reads a date.
    /// - Returns: days since 1970-01-01.
    public func date(_ column: Int) throws(PostgresError) -> Int32 {
        PostgresEpoch.local(days: try field(column, "date") { $0 == .date }.integer(as: Int32.self))
    }

    /// Reads an integer[] without nulls.
    public func int4s(_ column: Int) throws(PostgresError) -> [Int32] {
        try elements(column, .int4Array, "int4[]") { $0.integer(as: Int32.self) }
    }

    /// Reads a bigint[] without nulls.
    public func int8s(_ column: Int) throws(PostgresError) -> [Int64] {
        try elements(column, .int8Array, "int8[]") { $0.integer(as: Int64.self) }
    }

    /// Reads a text[] without nulls.
    public func texts(_ column: Int) throws(PostgresError) -> [String] {
        try elements(column, .textArray, "text[]") { String(decoding: $0, as: UTF8.self) }
    }

    /// Reads a uuid[] without nulls.
    public func uuids(_ column: Int) throws(PostgresError) -> [UInt128] {
        try elements(column, .uuidArray, "uuid[]") { $0.integer(as: UInt128.self) }
    }

    @discardableResult
    private func type(of column: Int) throws(PostgresError) -> ObjectID {
        guard column >= 0, column < Int(PQnfields(result)) else {
            throw mismatch("column \(column) is not in the result")
        }
        return ObjectID(rawValue: PQftype(result, Int32(column)))
    }

    private func field(
        _ column: Int, _ wanted: StaticString, accepts: (ObjectID) -> Bool
    ) throws(PostgresError) -> UnsafeRawBufferPointer {
        let type = try type(of: column)
        guard accepts(type) else {
            throw mismatch("column \(column) has type \(type.rawValue), not \(wanted): cast it in the statement")
        }
        guard PQgetisnull(result, index, Int32(column)) == 0, let start = PQgetvalue(result, index, Int32(column))
        else {
            throw mismatch("column \(column) is null, not \(wanted)")
        }
        return UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, index, Int32(column))))
    }

    private func elements<Element>(
        _ column: Int, _ type: ObjectID, _ wanted: StaticString, decode: (UnsafeRawBufferPointer) -> Element
    ) throws(PostgresError) -> [Element] {
        let field = try field(column, wanted) { $0 == type }
        guard let elements = field.arrayElements() else {
            throw mismatch("column \(column) has nulls or more than one dimension, not \(wanted)")
        }
        return elements.map(decode)
    }

    private func mismatch(_ message: String) -> PostgresError {
        PostgresError(code: .decoding, message: message, statement: statement)
    }
}

extension ObjectID {
    fileprivate var isText: Bool {
        switch self {
        case .text, .varchar, .bpchar, .name, .unknown, .json, .jsonb: true
        default: rawValue >= ObjectID.firstOfDatabase
        }
    }
}

extension UnsafeRawBufferPointer {
    /// The first bytes as a number in network order. The server sends the width that its type has.
    fileprivate func integer<Value: FixedWidthInteger & BitwiseCopyable>(as type: Value.Type) -> Value {
        Value(bigEndian: loadUnaligned(as: type))
    }

    /// - Returns: nil if an element is null or the array has several dimensions.
    fileprivate func arrayElements() -> [UnsafeRawBufferPointer]? {
        let dimensions = integer(as: Int32.self)
        if dimensions == 0 { return [] }
        guard dimensions == 1 else { return nil }
        let count = Int(UnsafeRawBufferPointer(rebasing: self[12...]).integer(as: Int32.self))
        var elements: [UnsafeRawBufferPointer] = []
        elements.reserveCapacity(count)
        var position = 20
        for _ in 0..<count {
            let length = Int(UnsafeRawBufferPointer(rebasing: self[position...]).integer(as: Int32.self))
            guard length >= 0 else { return nil }
            elements.append(UnsafeRawBufferPointer(rebasing: self[(position + 4)..<(position + 4 + length)]))
            position += 4 + length
        }
        return elements
    }
}
