/// One SQL statement, written as a literal.
///
/// Being a `StaticString` it cannot hold a value from outside: values enter as parameters or as columns of a COPY. A
/// connection prepares it at its first use, under the literal's address.
public struct Statement: ExpressibleByStringLiteral, Sendable, CustomStringConvertible {
    public let sql: StaticString

    public init(_ sql: StaticString) { self.sql = sql }

    public init(stringLiteral sql: StaticString) { self.init(sql) }

    public var description: String { sql.description }

    var key: StatementKey { StatementKey(address: UInt(bitPattern: sql.utf8Start), length: sql.utf8CodeUnitCount) }

    /// The statement as C wants it; a literal ends with a zero byte and lives for ever.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(sql.utf8Start).assumingMemoryBound(to: CChar.self)
    }
}

/// The identity of a literal. The length belongs to it because a linker may let one literal be the tail of another.
struct StatementKey: Hashable {
    let address: UInt
    let length: Int
}
