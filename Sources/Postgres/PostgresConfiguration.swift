/// Where the database is, and how a pool uses it.
public struct PostgresConfiguration: Sendable {
    /// `postgres://user@host/database` or `key=value` pairs, as libpq reads them. Its own keys win over ours.
    public var url: String
    /// The largest number of connections, at least 1.
    public var poolSize: Int
    /// What `pg_stat_activity` shows.
    public var applicationName: String
    public var session = SessionSettings()
    /// How long a caller waits for a connection that others hold.
    public var leaseWithin: Duration = .seconds(30)
    /// How long a statement may go without a reply before the connection counts as lost. It must exceed
    /// `session.statementTimeout`, after which a server that lives has answered.
    public var replyWithin: Duration = .seconds(45)
    /// How long the server may take to accept a connection, in seconds.
    public var connectTimeoutSeconds = 5

    public init(url: String, poolSize: Int = 4, applicationName: String) {
        self.url = url
        self.poolSize = poolSize
        self.applicationName = applicationName
    }
}

/// What each session sets before its first statement.
public struct SessionSettings: Sendable {
    /// A frozen process loses its locks after this long.
    public var idleInTransactionTimeout: Duration = .seconds(5)
    public var statementTimeout: Duration = .seconds(30)
    public var lockTimeout: Duration = .seconds(5)
    /// Other settings by name. JIT compiles what runs for a millisecond, so it is off.
    public var others: [String: String] = ["jit": "off", "timezone": "UTC"]

    public init() {}

    /// The value of libpq's `options` keyword.
    var options: String {
        var settings = others
        settings["idle_in_transaction_session_timeout"] = String(idleInTransactionTimeout.milliseconds)
        settings["statement_timeout"] = String(statementTimeout.milliseconds)
        settings["lock_timeout"] = String(lockTimeout.milliseconds)
        let sorted = settings.sorted { $0.key < $1.key }
        return sorted.map { "-c \($0.key)=\(SessionSettings.escape($0.value))" }.joined(separator: " ")
    }

    private static func escape(_ value: String) -> String {
        value.reduce(into: "") { text, character in
            if character == " " || character == "\\" { text.append("\\") }
            text.append(character)
        }
    }
}

extension Duration {
    var milliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
