import Logging

/// A bounded number of connections, lent to one transaction at a time, first come, first served.
///
/// Connections open when they are first needed and again when they were lost. Each lives on a thread of its own, so a
/// slow statement blocks nothing but itself.
public actor PostgresPool {
    private struct Waiter {
        let ticket: UInt64
        let continuation: CheckedContinuation<Lease, Never>
    }

    private enum Lease: Sendable {
        case granted(Connection)
        case refused(PostgresError)
    }

    private let configuration: PostgresConfiguration
    private let logger: Logger
    private var idle: [Connection] = []
    private var waiters: [Waiter] = []
    private var closers: [CheckedContinuation<Void, Never>] = []
    private var size = 0
    private var nextTicket: UInt64 = 0
    private var isClosed = false

    public init(_ configuration: PostgresConfiguration, logger: Logger) {
        precondition(configuration.poolSize > 0, "a pool needs a connection")
        self.configuration = configuration
        self.logger = logger
    }

    /// How many connections are lent now.
    public var inUse: Int { size - idle.count }

    /// How many callers wait for a connection now.
    public var waiting: Int { waiters.count }

    /// Runs `body` in a transaction and commits.
    ///
    /// A failure of class `.retry` runs `body` anew after a short pause, without holding a connection meanwhile. Any
    /// other error rolls back and is thrown. A COMMIT whose reply was lost throws `.commitUnknown`: read the rows
    /// again.
    /// - Parameters:
    ///   - attempts: how often `body` may run, at least once.
    ///   - body: runs on the connection's thread. It must be free of effects outside the database.
    public func transaction<Output: Sendable>(
        attempts: Int = 3, isolation: IsolationLevel = .readCommitted,
        _ body: @Sendable (borrowing Transaction) throws(PostgresError) -> Output
    ) async throws(PostgresError) -> Output {
        var attempt = 1
        while true {
            do throws(PostgresError) {
                return try await tryOnce(isolation, body)
            } catch {
                guard error.errorClass == .retry, attempt < attempts else { throw error }
                logger.debug("transaction repeated", metadata: ["error": "\(error)"])
                do { try await Task.sleep(for: PostgresPool.pause(after: attempt)) } catch _ { throw error }
                attempt += 1
            }
        }
    }

    /// Asks the database for an answer.
    public func ping() async throws(PostgresError) {
        _ = try await transaction { (transaction) throws(PostgresError) in try transaction.run("SELECT 1") }
    }

    /// Refuses new callers, waits for the transactions that run, and closes every connection.
    public func close() async {
        isClosed = true
        for waiter in waiters { waiter.continuation.resume(returning: .refused(PostgresPool.closed)) }
        waiters.removeAll()
        while inUse > 0 { await withCheckedContinuation { closers.append($0) } }
        let connections = idle
        idle.removeAll()
        size = 0
        for connection in connections { await connection.close() }
    }

    // MARK: Leases

    private static let closed = PostgresError(code: .poolClosed, message: "the pool is closed")

    /// 10, 40, 160 … milliseconds, at most one second. Two rivals in a deadlock differ by which of them was aborted.
    private static func pause(after attempt: Int) -> Duration {
        .milliseconds(min(1000, 10 << min(2 * (attempt - 1), 10)))
    }

    private func tryOnce<Output: Sendable>(
        _ isolation: IsolationLevel, _ body: @Sendable (borrowing Transaction) throws(PostgresError) -> Output
    ) async throws(PostgresError) -> Output {
        let connection = try await lease()
        do throws(PostgresError) {
            let output = try await connection.transaction(isolation, body)
            release(connection)
            return output
        } catch {
            release(connection)
            throw error
        }
    }

    private func lease() async throws(PostgresError) -> Connection {
        if isClosed { throw PostgresPool.closed }
        // Callers that wait come first, even when a place is free.
        if waiters.isEmpty, let connection = freeConnection() { return connection }
        nextTicket += 1
        let ticket = nextTicket
        let lease = await withTaskGroup(of: Void.self) { group in
            // The deadline. Cancelling the caller cancels the sleep and so refuses the lease at once.
            group.addTask { [wait = configuration.leaseWithin] in
                let slept: Void? = try? await Task.sleep(for: wait)
                await self.refuse(ticket, isLate: slept != nil)
            }
            let lease = await self.wait(ticket)
            group.cancelAll()
            return lease
        }
        switch lease {
        case .granted(let connection): return connection
        case .refused(let error): throw error
        }
    }

    private func wait(_ ticket: UInt64) async -> Lease {
        await withCheckedContinuation { waiters.append(Waiter(ticket: ticket, continuation: $0)) }
    }

    /// Does nothing if the lease was granted meanwhile.
    private func refuse(_ ticket: UInt64, isLate: Bool) {
        guard let index = waiters.firstIndex(where: { $0.ticket == ticket }) else { return }
        let error =
            isLate
            ? PostgresError(code: .poolExhausted, message: "no connection became free in time")
            : PostgresError(code: .cancelled, message: "cancelled while waiting for a connection")
        waiters.remove(at: index).continuation.resume(returning: .refused(error))
    }

    private func freeConnection() -> Connection? {
        // The one used last has the warmest caches.
        if let connection = idle.popLast() { return connection }
        guard size < configuration.poolSize else { return nil }
        size += 1
        return Connection(configuration, number: size, logger: logger)
    }

    private func release(_ connection: Connection) {
        if let next = waiters.first {
            waiters.removeFirst()
            next.continuation.resume(returning: .granted(connection))
            return
        }
        idle.append(connection)
        guard isClosed else { return }
        for closer in closers { closer.resume() }
        closers.removeAll()
    }
}
