import Domain
import Logging
import Postgres
import ServiceLifecycle
import Storage

/// Takes the rows of confirmed imports to the outbox, and forgets imports that nobody confirmed.
///
/// Every console has one; whatever one of them began, any of them ends.
struct ImportPublisher: Service {
    private static let interval = Duration.seconds(1)
    /// Rounds after which old imports are looked for.
    private static let roundsPerTidying = 600

    let pool: PostgresPool
    let now: @Sendable () -> Timestamp
    /// Wakes whoever publishes the lane.
    let wake: @Sendable () async -> Void
    let logger: Logger

    func run() async {
        await cancelWhenGracefulShutdown {
            var round = 0
            while !Task.isCancelled {
                await runOnce(isTidying: round.isMultiple(of: ImportPublisher.roundsPerTidying))
                round += 1
                // Cancelled by the shutdown, which is how this loop ends.
                guard (try? await Task.sleep(for: ImportPublisher.interval)) != nil else { return }
            }
        }
    }

    /// Moves whatever is confirmed; what fails is tried again in the next round.
    private func runOnce(isTidying: Bool) async {
        let moment = now()
        do throws(PostgresError) {
            if isTidying {
                try await pool.transaction { transaction throws(PostgresError) in
                    try ImportStore.forget(at: moment, in: transaction)
                }
            }
            while !Task.isCancelled, try await moveChunk(at: moment) { await wake() }
        } catch {
            logger.warning("import failed", metadata: ["error": "\(error)"])
        }
    }

    private func moveChunk(at moment: Timestamp) async throws(PostgresError) -> Bool {
        try await pool.transaction { transaction throws(PostgresError) in
            try ImportPublishing.moveChunk(at: moment, in: transaction)
        }
    }
}
