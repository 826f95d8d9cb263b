import AsyncHTTPClient
import DevKit
import Domain
import Logging
import Postgres
import ServiceLifecycle
import Synchronization
import Testing

@testable import ConsoleApp

/// A console on a free port with a database of its own.
struct TestConsole: Sendable {
    static let password = "correct horse battery staple"

    let database: TestDatabase
    let app: ConsoleApp
    let port: Int
    let clock: TestClock
    let watermarks: Mutexed<[PartitionWatermark]>
    let wakes: Mutexed<Int>

    var pool: PostgresPool { database.pool }

    /// Starts a console, lends it, and stops it.
    static func with(_ body: @Sendable (TestConsole) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let clock = TestClock(Timestamp(secondsSinceEpoch: 1_793_000_000))
            let watermarks = Mutexed<[PartitionWatermark]>([])
            let wakes = Mutexed(0)
            var configuration = ConsoleConfiguration()
            configuration.port = 0
            configuration.isSecure = false
            configuration.passwordCost = PasswordHash.Cost(rounds: 16, parallelism: 1)
            configuration.now = { clock.now }
            configuration.allowsLoopbackWebhooks = true
            configuration.resolve = TestConsole.addresses
            let app = try ConsoleApp(
                pool: database.pool, configuration: configuration, watermarks: { watermarks.value },
                wake: { wakes.update { $0 += 1 } }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let (ports, announce) = AsyncStream.makeStream(of: Int.self)
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask {
                    do { try await app.service { announce.yield($0) }.run() } catch is CancellationError {}
                    announce.finish()
                }
                var iterator = ports.makeAsyncIterator()
                let port = try #require(await iterator.next())
                try await body(
                    TestConsole(
                        database: database, app: app, port: port, clock: clock, watermarks: watermarks, wakes: wakes))
                group.cancelAll()
            }
        }
    }

    /// What names lead to in tests, without a server to ask.
    @Sendable private static func addresses(of host: String) async -> [NetworkAddress] {
        let known: [String: [UInt8]] = [
            "127.0.0.1": [127, 0, 0, 1], "localhost": [127, 0, 0, 1], "h.example": [93, 184, 216, 34],
            "inside.example": [10, 0, 0, 7],
        ]
        return [known[host]].compactMap { $0 }.compactMap(NetworkAddress.init)
    }

    func addUser(_ role: Role, email: String? = nil, affiliateID: String? = nil) async throws -> String {
        let email = email ?? "\(role.rawValue)@example.test"
        if let affiliateID {
            try await run(
                "INSERT INTO affiliate (affiliate_id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING", .text(affiliateID))
        }
        try await ConsoleUserStore(pool: pool, passwordCost: PasswordHash.Cost(rounds: 16, parallelism: 1)).create(
            email: email, name: role.rawValue.capitalized, password: TestConsole.password, role: role,
            affiliateID: affiliateID)
        return email
    }

    /// A browser of a user of that role who logged in.
    func browser(_ role: Role, email: String? = nil, affiliateID: String? = nil) async throws -> TestClient {
        let email = try await addUser(role, email: email, affiliateID: affiliateID)
        var client = TestClient(port: port)
        try await client.logIn(email: email, password: TestConsole.password)
        return client
    }

    func program(scopes: Set<Permission>) async throws -> TestClient {
        let key = try await APIKeyStore(pool: pool).create(name: "tracker", scopes: scopes)
        return TestClient(port: port, authorization: "Bearer " + key)
    }

    @discardableResult
    func run(_ statement: Statement, _ parameters: PostgresValue...) async throws -> Int {
        try await pool.transaction { transaction throws(PostgresError) in
            try transaction.run(statement, parameters: parameters)
        }
    }

    /// The first column of the first row.
    func text(_ statement: Statement) async throws -> String {
        let rows = try await pool.transaction { transaction throws(PostgresError) in
            try transaction.query(statement) { row in try row.text(0) }
        }
        return try #require(rows.first)
    }

    func count(_ statement: Statement, _ parameters: PostgresValue...) async throws -> Int64 {
        try await pool.transaction { transaction throws(PostgresError) in
            try transaction.query(statement, parameters: parameters) { row in try row.int8(0) }
        }.first ?? 0
    }
}

/// A clock that stands until it is moved.
final class TestClock: Sendable {
    private let moment: Mutex<Timestamp>

    init(_ moment: Timestamp) { self.moment = Mutex(moment) }

    var now: Timestamp { moment.withLock { $0 } }

    func advance(seconds: Int64) {
        moment.withLock { $0 = $0.adding(seconds: seconds) }
    }
}

/// A value that tasks share.
final class Mutexed<Value: Sendable>: Sendable {
    private let storage: Mutex<Value>

    init(_ value: Value) { storage = Mutex(value) }

    var value: Value { storage.withLock { $0 } }

    func update(_ change: (inout sending Value) -> Void) {
        storage.withLock { change(&$0) }
    }
}
