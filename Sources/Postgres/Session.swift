internal import CLibpq
import Foundation

/// One live connection: its handle, what it has prepared, and the state of its transaction.
///
/// It belongs to one `Connection` actor and is used on that actor's thread alone, so every call may block.
final class Session {
    let connection: ConnectionHandle
    private let replyWithin: Duration
    private var prepared = PreparedStatements()
    private var parameters = ParameterBuffer()
    private var copyBuffer: ByteBuffer? = ByteBuffer(capacity: 131_072)
    /// The BEGIN that waits for the first statement, to travel with it.
    private var pendingBegin: Statement?
    /// The first failure inside the open transaction: a body that swallows it must not end in a COMMIT.
    private var failure: PostgresError?
    /// The connection is thrown away after the transaction although it may still be alive.
    private var isSpent = false

    init(_ connection: consuming ConnectionHandle, replyWithin: Duration) {
        self.connection = connection
        self.replyWithin = replyWithin
    }

    private var pointer: OpaquePointer { connection.pointer }

    var isUsable: Bool { !isSpent && PQstatus(pointer) == CONNECTION_OK }

    /// Looks, without waiting, whether the server ended the connection while it lay idle.
    func isAliveAfterRest() -> Bool {
        var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0)
        // A server says farewell before it hangs up: the end of the stream shows only behind what it said.
        while isUsable, poll(&descriptor, 1, 0) > 0 {
            guard PQconsumeInput(pointer) == 1 else { return false }
        }
        return isUsable
    }

    // MARK: A transaction

    func transaction<Output>(
        _ isolation: IsolationLevel, _ body: (borrowing Transaction) throws(PostgresError) -> Output
    ) throws(PostgresError) -> Output {
        pendingBegin = isolation.begin
        failure = nil
        let output: Output
        do throws(PostgresError) {
            output = try body(Transaction(session: self))
        } catch {
            rollBack()
            throw error
        }
        if let failure {
            rollBack()
            throw failure
        }
        try commit()
        return output
    }

    private func commit() throws(PostgresError) {
        // Without a statement there is no transaction to commit.
        guard pendingBegin == nil else { return pendingBegin = nil }
        do throws(PostgresError) {
            let result = try simpleQuery("COMMIT")
            // A server that answers COMMIT with ROLLBACK had failed before; failure catches that, so this is a bug.
            guard result.commandTag == "COMMIT" else {
                throw PostgresError(code: .rollback, message: "COMMIT was answered with \(result.commandTag)")
            }
        } catch  where !isUsable {
            throw PostgresError(
                code: .commitUnknown, sqlState: error.sqlState, message: "no reply to COMMIT: \(error.message)")
        }
    }

    private func rollBack() {
        guard pendingBegin == nil else { return pendingBegin = nil }
        guard isUsable, PQtransactionStatus(pointer) != PQTRANS_IDLE else { return }
        do throws(PostgresError) {
            _ = try simpleQuery("ROLLBACK")
        } catch {
            // The error that led here is the one to report; a connection that cannot roll back is not used again.
            isSpent = true
        }
    }

    // MARK: Statements

    func execute(_ statement: Statement, _ values: [PostgresValue]) throws(PostgresError) -> ResultHandle {
        parameters.encode(values)
        do throws(PostgresError) {
            if let name = prepared.name(for: statement, parameters.types), pendingBegin == nil {
                try check(send(prepared: name))
                return try receive(statement)
            }
            return try executePipelined(statement)
        } catch {
            throw remember(error)
        }
    }

    /// Sends BEGIN, the preparation and the statement in one message and reads their replies.
    private func executePipelined(_ statement: Statement) throws(PostgresError) -> ResultHandle {
        let begin = pendingBegin
        let known = prepared.name(for: statement, parameters.types)
        let proposal = known == nil ? prepared.proposal(for: statement, parameters.types) : nil
        pendingBegin = nil
        try check(PQenterPipelineMode(pointer))
        if let begin { try check(PQsendQueryParams(pointer, begin.cString, 0, nil, nil, nil, nil, 1)) }
        if let proposal { try check(send(preparing: proposal, statement)) }
        try check(send(prepared: known ?? proposal?.name ?? ""))
        try check(PQpipelineSync(pointer))
        // All replies are read before the first failure is thrown: the next statement needs a connection at rest.
        var problem: PostgresError?
        if let begin { problem = failureOf(begin) }
        if let proposal {
            let refusal = failureOf(statement)
            if refusal == nil && problem == nil { prepared.record(proposal, for: statement) }
            problem = problem ?? refusal
        }
        do throws(PostgresError) {
            let result = try receive(statement)
            try leavePipeline()
            return result
        } catch {
            if isUsable { try leavePipeline() }
            throw problem ?? error
        }
    }

    private func failureOf(_ statement: Statement) -> PostgresError? {
        do throws(PostgresError) {
            _ = try receive(statement)
            return nil
        } catch {
            return error
        }
    }

    private func leavePipeline() throws(PostgresError) {
        let deadline = ContinuousClock.now + replyWithin
        while true {
            guard let result = try nextResult(by: deadline) else { continue }
            if result.status == PGRES_PIPELINE_SYNC { break }
        }
        try check(PQexitPipelineMode(pointer))
    }

    private func send(preparing entry: PreparedStatements.Entry, _ statement: Statement) -> Int32 {
        let types = entry.types.map(\.rawValue)
        return PQsendPrepare(pointer, entry.name, statement.cString, Int32(types.count), types)
    }

    private func send(prepared name: String) -> Int32 {
        let pointers = parameters.pointers
        return PQsendQueryPrepared(
            pointer, name, Int32(pointers.count), pointers, parameters.lengths, parameters.formats, 1)
    }

    func copy(into statement: Statement, _ write: (inout CopyWriter) -> Void) throws(PostgresError) -> Int {
        do throws(PostgresError) {
            try startCopy(statement)
            var writer = CopyWriter(connection: pointer, buffer: copyBuffer.take() ?? ByteBuffer(capacity: 131_072))
            write(&writer)
            copyBuffer = writer.finish()
            try check(PQputCopyEnd(pointer, nil))
            return try receive(statement).affectedRows
        } catch {
            throw remember(error)
        }
    }

    private func startCopy(_ statement: Statement) throws(PostgresError) {
        // COPY has no place in a pipeline; as a simple query it may follow BEGIN in the same text.
        let begin = pendingBegin
        pendingBegin = nil
        try check(PQsendQuery(pointer, begin.map { "\($0); \(statement)" } ?? statement.description))
        let deadline = ContinuousClock.now + replyWithin
        while let result = try nextResult(by: deadline) {
            switch result.status {
            case PGRES_COPY_IN: return
            case PGRES_COMMAND_OK: continue
            default:
                let error = serverError(result, statement)
                try drain(by: deadline)
                throw error
            }
        }
        throw PostgresError(code: .configuration, message: "not a COPY from stdin", statement: statement)
    }

    func runScript(_ sql: String) throws(PostgresError) {
        do throws(PostgresError) {
            if let begin = pendingBegin {
                pendingBegin = nil
                _ = try simpleQuery(begin)
            }
            try check(PQsendQuery(pointer, sql))
            _ = try receive(nil, within: .seconds(86_400))
        } catch {
            throw remember(error)
        }
    }

    private func simpleQuery(_ statement: Statement) throws(PostgresError) -> ResultHandle {
        try check(PQsendQuery(pointer, statement.cString))
        return try receive(statement)
    }

    // MARK: Replies

    /// Reads the results of one command, to the end.
    /// - Returns: the last of them; throws the first failure.
    private func receive(
        _ statement: Statement?, within duration: Duration? = nil
    ) throws(PostgresError) -> ResultHandle {
        let deadline = ContinuousClock.now + (duration ?? replyWithin)
        guard let first = try nextResult(by: deadline) else { throw lost("no result for a statement") }
        var last = first
        var problem = last.isFailure ? serverError(last, statement) : nil
        while let result = try nextResult(by: deadline) {
            if result.isFailure { problem = problem ?? serverError(result, statement) }
            last = result
        }
        if let problem { throw problem }
        return last
    }

    private func drain(by deadline: ContinuousClock.Instant) throws(PostgresError) {
        while try nextResult(by: deadline) != nil {}
    }

    /// - Returns: nil after the last result of a command.
    private func nextResult(by deadline: ContinuousClock.Instant) throws(PostgresError) -> ResultHandle? {
        while PQisBusy(pointer) == 1 {
            try waitForInput(by: deadline)
            // A failure shows in the result that libpq makes of it.
            if PQconsumeInput(pointer) != 1 { break }
        }
        guard let result = PQgetResult(pointer) else {
            if PQstatus(pointer) != CONNECTION_OK { throw lost(Session.firstLine(of: PQerrorMessage(pointer))) }
            return nil
        }
        return ResultHandle(pointer: result)
    }

    /// A server that is alive answers or times out by itself; one behind a dead wire does neither.
    private func waitForInput(by deadline: ContinuousClock.Instant) throws(PostgresError) {
        let left = (deadline - ContinuousClock.now).milliseconds
        guard left > 0 else {
            isSpent = true
            throw lost("no reply in time")
        }
        var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0)
        _ = poll(&descriptor, 1, Int32(clamping: left))
    }

    private func check(_ accepted: Int32) throws(PostgresError) {
        if accepted == 1 { return }
        // libpq refuses to send when the connection is gone or in a state that only our mistake explains.
        isSpent = true
        throw lost(Session.firstLine(of: PQerrorMessage(pointer)))
    }

    private func lost(_ message: String) -> PostgresError {
        PostgresError(code: .connectionLost, message: message)
    }

    private func remember(_ error: PostgresError) -> PostgresError {
        if failure == nil { failure = error }
        if error.code == .stalePlan { isSpent = true }
        return error
    }

    private func serverError(_ result: borrowing ResultHandle, _ statement: Statement?) -> PostgresError {
        guard let state = result.errorField("C") else {
            let isAborted = result.status == PGRES_PIPELINE_ABORTED
            let message = isAborted ? "an earlier statement failed" : Session.firstLine(of: PQerrorMessage(pointer))
            return PostgresError(code: isUsable ? .server : .connectionLost, message: message, statement: statement)
        }
        // By the function that raised it: the text is translated, and 0A000 means other things too.
        let isStalePlan = state == "0A000" && result.errorField("R") == "RevalidateCachedQuery"
        return PostgresError(
            code: isStalePlan ? .stalePlan : .server, sqlState: state,
            message: Session.scrub(result.errorField("M") ?? "", state), statement: statement,
            constraint: result.errorField("n"), table: result.errorField("t"))
    }

    /// Class 22 quotes the offending value after a colon.
    private static func scrub(_ message: String, _ state: String) -> String {
        guard state.hasPrefix("22"), let quote = message.firstRange(of: ": \"") else { return message }
        return String(message[..<quote.lowerBound])
    }
}

extension ResultHandle {
    fileprivate var isFailure: Bool {
        status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_PIPELINE_ABORTED
    }
}
