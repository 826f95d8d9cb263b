import DevKit
import Postgres
import Synchronization
import Testing

@Suite struct PoolTests {
    @Test("A pool of two never holds more than two connections, and serves all callers")
    func bound() async throws {
        try await TestDatabase.with(poolSize: 2, migrated: false) { database in
            let pool = database.pool
            let crowd = Crowd()
            // Both connections are taken before anybody else asks, so that all others wait.
            let holders = [try await PoolTests.hold(pool), try await PoolTests.hold(pool)]
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await pool.transaction { t throws(PostgresError) in
                            crowd.enter()
                            try t.run("SELECT count(*) FROM generate_series(1, 10000)")
                            crowd.leave()
                        }
                    }
                }
                try await wait(for: "all to queue", within: .seconds(30)) { await pool.waiting == 40 }
                for holder in holders { holder.letGo() }
            }
            for holder in holders { try await holder.task.value }
            #expect((1...2).contains(crowd.most))
            #expect(await pool.inUse == 0)
            let sessions = try await database.makePool(size: 1).transaction { t throws(PostgresError) in
                try t.query("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") {
                    try $0.int8(0)
                }
            }
            #expect(sessions == [3])
        }
    }

    @Test("A caller that waits too long or is cancelled gets an error, and no lease is lost")
    func lateAndCancelled() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let pool = database.makePool(size: 1) { $0.leaseWithin = .milliseconds(50) }
            let holder = try await PoolTests.hold(pool)
            let late = await #expect(throws: PostgresError.self) { try await pool.ping() }
            #expect(late?.code == .poolExhausted)
            let cancelled = Task { try await pool.ping() }
            cancelled.cancel()
            let refused = await #expect(throws: PostgresError.self) { try await cancelled.value }
            #expect(refused?.code == .cancelled)
            holder.letGo()
            try await holder.task.value
            #expect(await pool.waiting == 0)
            #expect(await pool.inUse == 0)
            try await pool.ping()
            await pool.close()
            let closed = await #expect(throws: PostgresError.self) { try await pool.ping() }
            #expect(closed?.code == .poolClosed)
        }
    }

    /// Occupies the pool's connection until it is let go.
    static func hold(_ pool: PostgresPool) async throws -> Holder {
        let holder = Holder(pool)
        await holder.isHolding()
        return holder
    }
}

/// A transaction that stays open, on the connection's own thread, until it is let go.
struct Holder: Sendable {
    let task: Task<Void, any Error>
    private let gate: Gate
    private let entered: AsyncStream<Void>

    init(_ pool: PostgresPool) {
        let gate = Gate()
        let (entered, signal) = AsyncStream.makeStream(of: Void.self)
        self.gate = gate
        self.entered = entered
        task = Task {
            try await pool.transaction { t throws(PostgresError) in
                try t.run("SELECT 1")
                signal.finish()
                gate.pass()
            }
        }
    }

    func isHolding() async { for await _ in entered {} }

    func letGo() { gate.open() }
}

/// Counts who is inside at once.
final class Crowd: Sendable {
    private let count = Mutex((now: 0, most: 0))

    var most: Int { count.withLock { $0.most } }

    func enter() { count.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) } }

    func leave() { count.withLock { $0.now -= 1 } }
}
