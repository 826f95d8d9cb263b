internal import CLibpq

/// One open transaction, lent to the closure that works in it.
///
/// It cannot be copied, stored or awaited over, so no lock outlives the closure or waits for a network. Its statements
/// run in order on the connection's own thread. BEGIN travels with the first of them.
public struct Transaction: ~Copyable {
    let session: Session

    /// Not inlined: the optimizer of Swift 6.3.1 aborts when it specializes a generic function that makes a
    /// noncopyable value of a reference it only borrows.
    @inline(never)
    init(session: Session) {
        self.session = session
    }

    /// Runs a statement and forgets its rows.
    /// - Returns: how many rows it inserted, updated, deleted or selected.
    @discardableResult
    public func run(_ statement: Statement, _ parameters: PostgresValue...) throws(PostgresError) -> Int {
        try run(statement, parameters: parameters)
    }

    /// Runs a statement whose parameters are in an array.
    @discardableResult
    public func run(_ statement: Statement, parameters: [PostgresValue]) throws(PostgresError) -> Int {
        try session.execute(statement, parameters).affectedRows
    }

    /// Runs a statement and decodes each of its rows.
    ///
    /// The type of what `decode` throws is left open, as a closure literal cannot infer it; anything but a
    /// `PostgresError` becomes one of code `.decoding`.
    /// - Parameter decode: copies what it wants out of the row.
    public func query<Output, Failure: Error>(
        _ statement: Statement, _ parameters: PostgresValue...,
        decode: (borrowing Row) throws(Failure) -> Output
    ) throws(PostgresError) -> [Output] {
        try query(statement, parameters: parameters, decode: decode)
    }

    /// Runs a statement whose parameters are in an array and decodes each of its rows.
    public func query<Output, Failure: Error>(
        _ statement: Statement, parameters: [PostgresValue],
        decode: (borrowing Row) throws(Failure) -> Output
    ) throws(PostgresError) -> [Output] {
        let result = try session.execute(statement, parameters)
        let rows = PQntuples(result.pointer)
        var output: [Output] = []
        output.reserveCapacity(Int(rows))
        do {
            for index in 0..<rows {
                output.append(try decode(Row(result: result.pointer, index: index, statement: statement)))
            }
        } catch {
            throw error as? PostgresError
                ?? PostgresError(
                    code: .decoding, message: "a row was refused: \(type(of: error))", statement: statement)
        }
        return output
    }

    /// Writes rows by binary COPY, the cheapest way into a table.
    /// - Parameters:
    ///   - statement: `COPY table (columns) FROM STDIN (FORMAT binary)`.
    ///   - write: writes the rows; see `CopyWriter`.
    /// - Returns: how many rows the server stored.
    @discardableResult
    public func copy(
        into statement: Statement, _ write: (inout CopyWriter) -> Void
    ) throws(PostgresError) -> Int {
        try session.copy(into: statement, write)
    }

    /// Runs a text of several statements, as a migration has them, however long that takes.
    func runScript(_ sql: String) throws(PostgresError) {
        try session.runScript(sql)
    }
}
