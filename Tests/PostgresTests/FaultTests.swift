import DevKit
import Postgres
import Synchronization
import Testing

@Suite struct FaultTests {
    @Test("A deadlock between two transactions ends with both committed")
    func deadlock() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let pool = database.pool
            try await pool.transaction { t throws(PostgresError) in
                try t.run("CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL)")
                try t.run("INSERT INTO account VALUES (1, 0), (2, 0)")
                try t.run("SET LOCAL client_min_messages = error")
            }
            let meeting = Meeting()
            try await withThrowingDiscardingTaskGroup { group in
                for order in [[Int32(1), 2], [2, 1]] {
                    group.addTask {
                        try await pool.transaction { t throws(PostgresError) in
                            try t.run("UPDATE account SET balance = balance + 1 WHERE id = $1", .int4(order[0]))
                            meeting.arrive()
                            try t.run("UPDATE account SET balance = balance + 1 WHERE id = $1", .int4(order[1]))
                        }
                    }
                }
            }
            let balances = try await pool.transaction { t throws(PostgresError) in
                try t.query("SELECT balance FROM account") { try $0.int8(0) }
            }
            #expect(balances == [2, 2])
            #expect(meeting.arrivals == 3)
        }
    }

    @Test("A statement timeout is tried again")
    func timeoutRetried() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let pool = database.makePool(size: 1) { $0.session.statementTimeout = .milliseconds(100) }
            let runs = Mutex(0)
            let answer = try await pool.transaction { t throws(PostgresError) in
                let run = runs.withLock {
                    $0 += 1; return $0
                }
                return try t.run(
                    "SELECT count(*) FROM generate_series(1, $1)", .int8(run == 1 ? 10_000_000_000 : 1))
            }
            #expect(answer == 1)
            #expect(runs.withLock { $0 } == 2)
            await pool.close()
        }
    }

    @Test("A transaction that freezes loses its lock after the idle timeout")
    func frozenTransaction() async throws {
        try await TestDatabase.with(migrated: false) { database in
            try await database.pool.transaction { t throws(PostgresError) in
                try t.run("CREATE TABLE lane (id int PRIMARY KEY, epoch int NOT NULL)")
                try t.run("INSERT INTO lane VALUES (1, 0)")
            }
            let frozen = database.makePool(size: 1) { $0.session.idleInTransactionTimeout = .milliseconds(200) }
            let gate = Gate()
            let (locked, signal) = AsyncStream.makeStream(of: Void.self)
            let zombie = Task {
                try await frozen.transaction { t throws(PostgresError) in
                    try t.run("UPDATE lane SET epoch = 1")
                    signal.finish()
                    gate.pass()
                    try t.run("UPDATE lane SET epoch = 2")
                }
            }
            for await _ in locked {}
            let taken = try await database.pool.transaction { t throws(PostgresError) in
                try t.run("UPDATE lane SET epoch = 10 WHERE epoch = 0")
            }
            #expect(taken == 1)
            gate.open()
            let error = await #expect(throws: PostgresError.self) { try await zombie.value }
            #expect(error?.errorClass == .infrastructure)
            try await frozen.ping()
            await frozen.close()
        }
    }

    @Test("After a crash and restart of the server the pool heals by itself")
    func serverRestart() async throws {
        let cluster = try await PostgresCluster.start(durable: false, logger: .silent)
        let configuration = PostgresConfiguration(url: cluster.adminURL, poolSize: 2, applicationName: "test")
        let pool = PostgresPool(configuration, logger: .silent)
        try await pool.ping()
        await cluster.stop(immediate: true)
        let down = await #expect(throws: PostgresError.self) { try await pool.ping() }
        #expect(down?.errorClass == .infrastructure)
        try await cluster.restart()
        try await pool.ping()
        try await cluster.restart(immediate: true)
        try await pool.ping()
        await pool.close()
        await cluster.close()
    }

    @Test("A COMMIT whose reply is lost is unknown, and is found to have happened")
    func commitUnknown() async throws {
        try await TestDatabase.with(migrated: false) { database in
            try await database.pool.transaction { t throws(PostgresError) in _ = try t.run("CREATE TABLE fact (id int)")
            }
            let proxy = TCPProxy(to: database.cluster.port)
            let pool = FaultTests.pool(through: proxy, to: database)
            try await pool.ping()
            // With the end of the text, as a transaction begins with READ COMMITTED.
            proxy.set(.cutReply(to: Array("COMMIT\0".utf8)))
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { t throws(PostgresError) in _ = try t.run("INSERT INTO fact VALUES (1)") }
            }
            #expect(error?.code == .commitUnknown, "\(String(describing: error))")
            #expect(error?.errorClass == .commitUnknown)
            #expect(proxy.cuts == 1)
            proxy.set(.forward)
            let facts = try await pool.transaction { t throws(PostgresError) in
                try t.query("SELECT id FROM fact") { try $0.int4(0) }
            }
            #expect(facts == [1])
            proxy.close()
        }
    }

    @Test("A connection cut in the middle of a transaction is an infrastructure error, and nothing was stored")
    func cutBeforeCommit() async throws {
        try await TestDatabase.with(migrated: false) { database in
            try await database.pool.transaction { t throws(PostgresError) in _ = try t.run("CREATE TABLE fact (id int)")
            }
            let proxy = TCPProxy(to: database.cluster.port)
            let pool = FaultTests.pool(through: proxy, to: database)
            proxy.set(.cutReply(to: Array("INSERT".utf8)))
            let error = await #expect(throws: PostgresError.self) {
                try await pool.transaction { t throws(PostgresError) in _ = try t.run("INSERT INTO fact VALUES (1)") }
            }
            #expect(error?.code == .connectionLost)
            proxy.set(.forward)
            let facts = try await pool.transaction { t throws(PostgresError) in
                try t.query("SELECT id FROM fact") { try $0.int4(0) }
            }
            #expect(facts == [])
            proxy.close()
        }
    }

    @Test("A wire that swallows everything is given up after the reply deadline")
    func deadWire() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let proxy = TCPProxy(to: database.cluster.port)
            let pool = FaultTests.pool(through: proxy, to: database) { $0.replyWithin = .milliseconds(300) }
            try await pool.ping()
            proxy.set(.swallow)
            let error = await #expect(throws: PostgresError.self) { try await pool.ping() }
            #expect(error?.code == .connectionLost)
            proxy.set(.forward)
            try await pool.ping()
            proxy.close()
        }
    }

    private static func pool(
        through proxy: TCPProxy, to database: TestDatabase, _ change: (inout PostgresConfiguration) -> Void = { _ in }
    ) -> PostgresPool {
        let url = "postgres://postgres@127.0.0.1:\(proxy.port)/\(database.name)?sslmode=disable"
        var configuration = PostgresConfiguration(url: url, poolSize: 1, applicationName: "test")
        change(&configuration)
        return PostgresPool(configuration, logger: .silent)
    }
}

/// Two threads wait for each other once; who comes later passes.
final class Meeting: Sendable {
    private let count = Mutex(0)
    private let gate = Gate()

    var arrivals: Int { count.withLock { $0 } }

    func arrive() {
        switch count.withLock({
            $0 += 1; return $0
        }) {
        case 1: gate.pass()
        case 2: gate.open()
        default: break
        }
    }
}
