public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
public import WorkerRuntime

/// Brings entered payout methods to where they can be paid: enters addresses in Circle's address book, asks how they
/// stand there, and ends cooling times.
public struct PayoutMethodKeeper: Service {
    private static let batchMaximum = 20

    private let circle: CircleMint?
    private let pool: PostgresPool
    private let pulse: Pulse
    private let askAgainSeconds: Int64
    private let limiter: RateLimiter
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    /// - Parameters:
    ///   - circle: nil: addresses wait.
    ///   - askAgainSeconds: at least between two questions about one address.
    public init(
        circle: CircleMint?, pool: PostgresPool, pulse: Pulse = Pulse(every: .seconds(1)),
        askAgainSeconds: Int64 = 2, requestsPerSecond: Int = 5,
        clock: @escaping @Sendable () -> Timestamp = systemNow, logger: Logger
    ) {
        self.circle = circle
        self.pool = pool
        self.pulse = pulse
        self.askAgainSeconds = askAgainSeconds
        limiter = RateLimiter(perSecond: requestsPerSecond, burst: 1)
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run {
            do {
                while !Task.isShuttingDownGracefully, try await runOnce() > 0 {}
            } catch let error as PostgresError {
                logger.warning("methods not kept", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    /// One round.
    ///
    /// - Returns: how many methods it asked about or made active.
    @discardableResult
    public func runOnce() async throws -> Int {
        let (now, askAgain) = (clock(), askAgainSeconds)
        var count = 0
        if let circle {
            let pending = try await pool.transaction { (transaction) throws(PostgresError) in
                try PayoutMethodStore.takePending(
                    limit: PayoutMethodKeeper.batchMaximum, askAgainSeconds: askAgain, at: now, in: transaction)
            }
            for address in pending { try await settle(address, at: circle) }
            count += pending.count
        }
        return count
            + (try await pool.transaction { (transaction) throws(PostgresError) in
                try PayoutMethodStore.activateDue(limit: PayoutMethodKeeper.batchMaximum, at: now, in: transaction)
            })
    }

    private func settle(_ pending: PendingAddress, at circle: CircleMint) async throws {
        try await limiter.take()
        var finding =
            if let id = pending.recipientID { await circle.recipient(id) } else { await circle.enter(pending.address) }
        if pending.recipientID == nil, case .found(let entered) = finding {
            try await limiter.take()
            finding = await circle.recipient(entered.id)
            // Not to be asked about yet, and entered all the same.
            if case .unavailable = finding { finding = .found(entered) }
        }
        let found = finding
        try await pool.transaction { (transaction) throws(PostgresError) in
            switch found {
            case .found(let recipient) where recipient.standing == .denied:
                try PayoutMethodStore.refuse(pending.methodID, code: "denied", in: transaction)
            case .found(let recipient):
                try PayoutMethodStore.record(
                    recipientID: recipient.id, mayBePaid: recipient.standing == .active, of: pending.methodID,
                    in: transaction)
            case .refused(let code): try PayoutMethodStore.refuse(pending.methodID, code: code, in: transaction)
            case .unavailable: break
            }
        }
        if case .unavailable(let reason) = found {
            logger.warning("address book not reached", metadata: [LogKey.reason: "\(reason)"])
        }
    }
}
