internal import CLibpq

/// How a connection is made.
extension Session {
    /// Connects, blocking until the server answers or `connectTimeoutSeconds` passed.
    static func open(_ configuration: PostgresConfiguration) throws(PostgresError) -> Session {
        let keywords = try connectionKeywords(configuration)
        let names = keywords.map(\.name), values = keywords.map(\.value)
        let opened = withCStrings(names) { names in
            withCStrings(values) { values in PQconnectdbParams(names, values, 0) }
        }
        guard let opened else { throw PostgresError(code: .cannotConnect, message: "libpq has no memory") }
        let connection = ConnectionHandle(pointer: opened)
        guard PQstatus(opened) == CONNECTION_OK else {
            throw PostgresError(code: .cannotConnect, message: firstLine(of: PQerrorMessage(opened)))
        }
        // Notices would go to stderr, past the log.
        PQsetNoticeProcessor(opened, { _, _ in }, nil)
        return Session(connection, replyWithin: configuration.replyWithin)
    }

    /// Our defaults, then the user's connection string over them; only `options` of both are joined.
    private static func connectionKeywords(
        _ configuration: PostgresConfiguration
    ) throws(PostgresError) -> [(name: String, value: String)] {
        var keywords = [
            "connect_timeout": String(configuration.connectTimeoutSeconds),
            "fallback_application_name": configuration.applicationName,
            "client_encoding": "UTF8",
            "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
            "tcp_user_timeout": "20000",
        ]
        let given = try parse(configuration.url)
        keywords.merge(given) { _, given in given }
        keywords["options"] = [configuration.session.options, given["options"] ?? ""].joined(separator: " ")
        return keywords.map { ($0.key, $0.value) }
    }

    private static func parse(_ url: String) throws(PostgresError) -> [String: String] {
        var problem: UnsafeMutablePointer<CChar>?
        guard let parsed = PQconninfoParse(url, &problem) else {
            let message = firstLine(of: problem)
            PQfreemem(problem)
            throw PostgresError(code: .configuration, message: message)
        }
        let options = ConnectionOptionsHandle(pointer: parsed)
        var given: [String: String] = [:]
        var next = options.pointer
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val { given[String(cString: keyword)] = String(cString: value) }
            next += 1
        }
        return given
    }

    /// libpq explains itself over several lines; the first names the failure.
    static func firstLine(of message: UnsafePointer<CChar>?) -> String {
        guard let message else { return "" }
        let text = String(cString: message)
        return String(text.prefix { !$0.isNewline })
    }
}

/// Lends the strings as a null-terminated array of C strings.
private func withCStrings<Output>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Output
) -> Output {
    var bytes: [CChar] = []
    var starts: [Int] = []
    for string in strings {
        starts.append(bytes.count)
        bytes.append(contentsOf: string.utf8CString)
    }
    return bytes.withUnsafeBufferPointer { bytes in
        var pointers = starts.map { start in bytes.baseAddress.map { $0 + start } }
        pointers.append(nil)
        return pointers.withUnsafeBufferPointer { pointers in
            guard let first = pointers.baseAddress else {
                preconditionFailure("an array with a nil has a first element")
            }
            return body(first)
        }
    }
}
