import Blocking
import Logging

/// One place in the pool: a private thread and, while it is in use, a session on it.
actor Connection {
    private let executor: ThreadExecutor
    private let configuration: PostgresConfiguration
    private let logger: Logger
    private var session: Session?

    init(_ configuration: PostgresConfiguration, number: Int, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        executor = ThreadExecutor(name: "postgres-\(number)")
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func transaction<Output: Sendable>(
        _ isolation: IsolationLevel, _ body: @Sendable (borrowing Transaction) throws(PostgresError) -> Output
    ) throws(PostgresError) -> Output {
        let session = try readySession()
        do throws(PostgresError) {
            return try session.transaction(isolation, body)
        } catch {
            if !session.isUsable {
                self.session = nil
                logger.warning("connection lost", metadata: ["error": "\(error)"])
            }
            throw error
        }
    }

    func close() { session = nil }

    private func readySession() throws(PostgresError) -> Session {
        if let session, session.isAliveAfterRest() { return session }
        session = nil
        let opened = try Session.open(configuration)
        logger.debug("connection opened")
        session = opened
        return opened
    }
}
