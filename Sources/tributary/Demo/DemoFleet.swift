import DevKit
import Foundation
import Kafka
import Logging
import Postgres
import Storage
import Topics

/// The whole fleet on this machine: what the environment does not provide, and every worker as its own process.
struct DemoFleet: Sendable {
    static let administrator = "owner@tributary.example"
    static let clerk = "finance@tributary.example"

    /// Short, since the embedded broker lets a group wait that long for its members.
    private static let sessionTimeoutMilliseconds = 6_000
    private static let startWithin = Duration.seconds(60)
    /// Every consumer once; the first stage, which does most of the work, twice.
    private static let workers = ["scorer", "scorer", "fraud-detector", "payout-planner", "notifier"]

    let fleet: Fleet
    let pool: PostgresPool
    let kafka: KafkaSettings
    let consoleURL: String
    /// Of both logins.
    let password: String
    let stripe: StripeForDemo
    let circle: CircleForDemo
    let payments: DemoPayments
    private let cluster: PostgresCluster?

    /// Starts everything, and waits until the console answers.
    /// - Parameter hasFaults: payouts are to go wrong.
    static func start(_ topics: TopicOptions, hasFaults: Bool) async throws -> DemoFleet {
        let environment = ProcessInfo.processInfo.environment
        var cluster: PostgresCluster?
        let databaseURL: String
        if let given = environment["DATABASE_URL"] {
            databaseURL = given
        } else {
            let own = try await PostgresCluster.start(logger: .standardError)
            databaseURL = try await own.createDatabase("tributary")
            cluster = own
        }
        let pool = PostgresPool(
            PostgresConfiguration(url: databaseURL, poolSize: 4, applicationName: "tributary-demo"),
            logger: .standardError)
        _ = try await Migrator(directory: try StorageMigrations.all).apply(on: pool)
        let stripe = try await StripeForDemo.start(hasFaults: hasFaults)
        let circle = try await CircleForDemo.start()
        let fleet = try Fleet(environment: ["DATABASE_URL": databaseURL].merging(shared) { $1 })
        do {
            let kafka = try await broker(fleet, topics: topics, pool: pool)
            let password = String((0..<16).map { _ in "abcdefghjkmnpqrstuvwxyz23456789".randomElement() ?? "x" })
            try await ConsoleAccounts.create(pool: pool, password: password)
            let payments = DemoPayments(
                fleet,
                environment: kafka.environment.merging(stripe.environment.merging(circle.environment) { $1 }) { $1 },
                stripe: stripe, circle: circle)
            let consoleURL = try await startWorkers(fleet, kafka: kafka, payments: payments)
            return DemoFleet(
                fleet: fleet, pool: pool, kafka: kafka, consoleURL: consoleURL, password: password, stripe: stripe,
                circle: circle, payments: payments, cluster: cluster)
        } catch {
            complain(await fleet.lastWords())
            await fleet.stop(grace: .zero)
            await stripe.stop()
            await circle.stop()
            await pool.close()
            await cluster?.close()
            throw error
        }
    }

    /// Ends everything that was started here, and leaves nothing behind.
    func stop() async {
        await fleet.stop()
        await stripe.stop()
        await circle.stop()
        await pool.close()
        await cluster?.close()
    }

    /// - Throws: `DemoError.workerEnded` if a process ended that should run.
    func check() async throws {
        guard let (child, end) = await fleet.ended().first else { return }
        throw DemoError.workerEnded(child.name, end, output: String(child.output.suffix(2_000)))
    }

    private static let shared = [
        "KAFKA_SESSION_TIMEOUT_MS": String(sessionTimeoutMilliseconds), "KAFKA_FETCH_WAIT_MAX_MS": "10",
        "HEALTH_PORT": "0", "JUDGING_INTERVAL_SECONDS": "1", "RANKING_SECONDS": "5", "INSIGHTS_SECONDS": "5",
        "WEBHOOK_LOOPBACK": "allowed", "AUTO_REGISTER": "on", "LOG_LEVEL": "info", "DEAD_LETTER_LIMIT": "0",
    ]

    private static func broker(
        _ fleet: Fleet, topics: TopicOptions, pool: PostgresPool
    ) async throws -> KafkaSettings {
        let declarations = try topics.load()
        try await TopicRegistry.record(declarations, pool: pool)
        if let given = KafkaSettings.fromEnvironment(ProcessInfo.processInfo.environment) {
            let admin = try KafkaAdmin(given, clientID: "tributary-demo", logger: .standardError)
            let plan = TopicPlan(declarations, found: try await admin.metadata(), replication: 1)
            _ = try await plan.apply(with: admin)
            await admin.close()
            return given
        }
        let broker = try await fleet.start("tributary", ["broker", "--topics", topics.path])
        return KafkaSettings(bootstrapServers: try await broker.announcement(readyPrefix, within: startWithin))
    }

    /// - Returns: the console's address.
    private static func startWorkers(
        _ fleet: Fleet, kafka: KafkaSettings, payments: DemoPayments
    ) async throws -> String {
        for worker in workers { _ = try await fleet.start(worker, environment: kafka.environment) }
        try await payments.start()
        let console = try await fleet.start(
            "console", environment: kafka.environment.merging(["CONSOLE_PORT": "0"]) { $1 })
        let port = try await console.loggedPort(after: "console listening", within: startWithin)
        return "http://127.0.0.1:\(port)"
    }
}

/// Why the demo cannot go on.
enum DemoError: Error, CustomStringConvertible {
    case workerEnded(String, ProcessEnd, output: String)
    case held(PartitionLag)

    var description: String {
        switch self {
        case .workerEnded(let name, let end, let output): "\(name) ended (\(end)); its last words:\n\(output)"
        case .held(let row): "\(row.group) holds \(row.topic)/\(row.partition): \(row.status)"
        }
    }
}
