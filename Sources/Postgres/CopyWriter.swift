internal import CLibpq

/// Writes the rows of one `COPY … FROM STDIN (FORMAT binary)`.
///
/// Per row: `beginRow(columns:)`, then one call per column in the order and with the types of the statement's columns;
/// a wrong type fails the COPY at the server, a wrong number of columns traps here. Bytes leave in chunks while rows
/// are written, so memory stays bounded whatever the number of rows.
public struct CopyWriter: ~Copyable {
    /// Large enough that the cost of a message disappears, small enough to stay in the cache.
    private static let chunkBytes = 65_536
    /// PGCOPY, the marker that reveals a lost byte, flags, and the length of an extension that nobody uses.
    private static let header: [UInt8] = [
        0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
    ]

    private let connection: OpaquePointer
    private var buffer: ByteBuffer
    private var missingColumns: Int16 = 0
    private var isBroken = false

    init(connection: OpaquePointer, buffer: consuming ByteBuffer) {
        self.connection = connection
        self.buffer = buffer
        self.buffer.removeAll()
        CopyWriter.header.withUnsafeBytes { self.buffer.append(raw: $0) }
    }

    /// Sends what is left and gives the buffer back.
    consuming func finish() -> ByteBuffer {
        precondition(missingColumns == 0, "the last row of a COPY lacks columns")
        buffer.append(Int16(-1))
        flush()
        return buffer
    }

    /// Starts a row.
    /// - Parameter columns: how many columns follow.
    public mutating func beginRow(columns: Int16) {
        precondition(missingColumns == 0, "a row of a COPY lacks columns")
        if buffer.count >= CopyWriter.chunkBytes { flush() }
        buffer.append(columns)
        missingColumns = columns
    }

    public mutating func null() {
        count()
        buffer.append(Int32(-1))
    }

    public mutating func bool(_ value: Bool) {
        count()
        buffer.appendField(UInt8(value ? 1 : 0))
    }

    public mutating func int2(_ value: Int16) {
        count()
        buffer.appendField(value)
    }

    public mutating func int2OrNull(_ value: Int16?) {
        if let value { int2(value) } else { null() }
    }

    public mutating func int4(_ value: Int32) {
        count()
        buffer.appendField(value)
    }

    public mutating func int8(_ value: Int64) {
        count()
        buffer.appendField(value)
    }

    public mutating func int8OrNull(_ value: Int64?) {
        if let value { int8(value) } else { null() }
    }

    public mutating func int4OrNull(_ value: Int32?) {
        if let value { int4(value) } else { null() }
    }

    public mutating func float8(_ value: Double) {
        count()
        buffer.appendField(value.bitPattern)
    }

    public mutating func text(_ value: String) {
        count()
        buffer.appendField(text: value)
    }

    public mutating func textOrNull(_ value: String?) {
        if let value { text(value) } else { null() }
    }

    /// Writes text or an enumeration's label that is UTF-8 already. The server refuses what is not (22021).
    public mutating func text(utf8 value: ArraySlice<UInt8>) {
        bytes(value)
    }

    public mutating func textOrNull(utf8 value: ArraySlice<UInt8>?) {
        if let value { bytes(value) } else { null() }
    }

    /// Writes text that is UTF-8 already, from memory that is only borrowed.
    public mutating func text(utf8 value: Span<UInt8>) {
        count()
        value.withUnsafeBytes { buffer.appendField(raw: $0) }
    }

    public mutating func bytes(_ value: [UInt8]) {
        count()
        value.withUnsafeBytes { buffer.appendField(raw: $0) }
    }

    public mutating func bytes(_ value: ArraySlice<UInt8>) {
        count()
        value.withUnsafeBytes { buffer.appendField(raw: $0) }
    }

    public mutating func bytesOrNull(_ value: ArraySlice<UInt8>?) {
        if let value { bytes(value) } else { null() }
    }

    public mutating func uuid(_ value: UInt128) {
        count()
        buffer.appendField(value)
    }

    public mutating func uuidOrNull(_ value: UInt128?) {
        if let value { uuid(value) } else { null() }
    }

    /// Writes a `timestamptz`.
    /// - Parameter microsecondsSinceEpoch: since 1970, UTC.
    public mutating func timestamp(_ microsecondsSinceEpoch: Int64) {
        count()
        buffer.appendField(PostgresEpoch.server(microseconds: microsecondsSinceEpoch))
    }

    public mutating func timestampOrNull(_ microsecondsSinceEpoch: Int64?) {
        if let microsecondsSinceEpoch { timestamp(microsecondsSinceEpoch) } else { null() }
    }

    /// Writes a `date`.
    /// - Parameter daysSinceEpoch: since 1970-01-01.
    public mutating func date(_ daysSinceEpoch: Int32) {
        count()
        buffer.appendField(PostgresEpoch.server(days: daysSinceEpoch))
    }

    /// Writes a `jsonb` from its text.
    public mutating func jsonb(_ value: String) {
        count()
        buffer.appendField(jsonb: value)
    }

    /// Writes any other value, such as an array.
    public mutating func value(_ value: PostgresValue) {
        count()
        buffer.appendField(value)
    }

    @inline(__always)
    private mutating func count() {
        missingColumns -= 1
        precondition(missingColumns >= 0, "a row of a COPY has too many columns")
    }

    /// After a failure the rest is thrown away; the server's reply carries the reason.
    private mutating func flush() {
        let bytes = buffer.bytes
        if !isBroken, let start = bytes.baseAddress {
            let chars = start.assumingMemoryBound(to: CChar.self)
            isBroken = PQputCopyData(connection, chars, Int32(bytes.count)) != 1
        }
        buffer.removeAll()
    }
}
