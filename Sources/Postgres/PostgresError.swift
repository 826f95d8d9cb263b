/// Why a statement, a transaction or a connection failed.
///
/// It names the statement and the server's code, and never the values: neither the server's DETAIL nor what a message
/// of class 22 quotes is kept, so an error may be logged and stored.
public struct PostgresError: Error, Hashable, CustomStringConvertible {
    /// What happened, before one asks the server's code.
    public enum Code: Hashable, Sendable {
        /// The server refused; `sqlState` says why.
        case server
        /// A prepared statement outlived the shape of its table; the connection prepares anew.
        case stalePlan
        /// No connection could be made.
        case cannotConnect
        /// The connection broke, or the server was silent beyond the deadline.
        case connectionLost
        /// The connection broke between COMMIT and its reply: the effects are there or they are not.
        case commitUnknown
        /// No connection of the pool became free in time.
        case poolExhausted
        /// The caller was cancelled while it waited for a connection.
        case cancelled
        /// The pool was closed.
        case poolClosed
        /// A column had another type than the reader, or was null.
        case decoding
        /// The body wanted the transaction undone.
        case rollback
        /// The connection string or a setting cannot be used.
        case configuration
    }

    public let code: Code
    /// The five characters of the SQL standard, if the server answered.
    public let sqlState: String?
    /// The server's primary message or a sentence of this module.
    public let message: String
    /// The statement that failed, unless the failure belongs to none.
    public let statement: String?
    /// The violated constraint or unique index, for class 23.
    public let constraint: String?
    /// The table of the violated constraint.
    public let table: String?

    public init(
        code: Code, sqlState: String? = nil, message: String, statement: Statement? = nil, constraint: String? = nil,
        table: String? = nil
    ) {
        self.code = code
        self.sqlState = sqlState
        self.message = message
        self.statement = statement?.description
        self.constraint = constraint
        self.table = table
    }

    /// What a body throws to undo its transaction without a failure of the database.
    /// - Parameter reason: a sentence without values.
    public static func rollback(_ reason: String) -> PostgresError { PostgresError(code: .rollback, message: reason) }

    /// What the caller may do about it.
    public var errorClass: ErrorClass {
        switch code {
        case .server: ErrorClass(sqlState: sqlState ?? "")
        case .stalePlan: .retry
        case .cannotConnect, .connectionLost, .poolExhausted, .cancelled, .poolClosed: .infrastructure
        case .commitUnknown: .commitUnknown
        case .configuration: .deployment
        case .decoding, .rollback: .bug
        }
    }

    /// True for a unique or primary key that was taken (23505).
    public var isUniqueViolation: Bool { sqlState == "23505" }

    public var description: String {
        var text = message
        if let sqlState { text += " [\(sqlState)]" }
        if let constraint { text += " constraint \(constraint)" }
        if let statement { text += " in: \(statement.prefix(200))" }
        return text
    }
}
