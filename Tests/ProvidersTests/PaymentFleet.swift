import DevKit
import Domain
import Events
import Foundation
import Kafka
import Logging
import Postgres
import Testing
import WorkerRuntime

/// Payer and reconciler as real processes between a broker, a database and a fake Stripe with webhooks over HTTP.
struct PaymentFleet: Sendable {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let startWithin = Duration.seconds(30)
    private static let settledWithin = Duration.seconds(60)

    let fleet: Fleet
    let database: TestDatabase
    let fake: FakeStripe
    private let kafka: KafkaSettings

    static func with(_ body: (PaymentFleet) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let run = try await PaymentFleet(database)
            do {
                try await body(run)
            } catch {
                await run.stop()
                throw error
            }
            await run.stop()
        }
    }

    private init(_ database: TestDatabase) async throws {
        var settings = FakeStripeSettings()
        settings.settleAfter = .milliseconds(50)
        let fake = try await FakeStripe.start(settings, logger: .silent)
        let fleet = try Fleet(environment: [
            "DATABASE_URL": database.url, "KAFKA_SESSION_TIMEOUT_MS": "4000", "KAFKA_FETCH_WAIT_MAX_MS": "10",
            "HEALTH_PORT": "0", "LOG_LEVEL": "info", "STRIPE_API_BASE": fake.baseURL,
            "STRIPE_API_KEY": FakeStripe.apiKey, "STRIPE_WEBHOOK_SECRETS": settings.platformSecret,
            "STRIPE_CONNECT_WEBHOOK_SECRETS": settings.connectSecret, "WEBHOOK_PORT": "0",
        ])
        let broker = try await fleet.start("tributary", ["broker", "--topics", PaymentFleet.repository + "/topics"])
        let servers = try await broker.announcement("ready ", within: PaymentFleet.startWithin)
        self.database = database
        self.fake = fake
        self.fleet = fleet
        kafka = KafkaSettings(bootstrapServers: servers)
    }

    private func stop() async {
        await fleet.stop()
        await fake.stop()
    }

    func startPayer(crashAt: String? = nil) async throws -> ChildProcess {
        try await start("payer", crashAt: crashAt)
    }

    /// Starts a reconciler, and tells the provider where it listens.
    func startReconciler(crashAt: String? = nil) async throws -> ChildProcess {
        let reconciler = try await start("reconciler", crashAt: crashAt)
        let port = try await reconciler.loggedPort(after: "webhooks listening", within: PaymentFleet.startWithin)
        var control = FakeStripeControl()
        control.platformURL = "http://127.0.0.1:\(port)/webhooks/stripe"
        control.connectURL = "http://127.0.0.1:\(port)/webhooks/stripe-connect"
        await fake.apply(control)
        return reconciler
    }

    private func start(_ program: String, crashAt: String?) async throws -> ChildProcess {
        var environment = ["KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers]
        environment["TRIBUTARY_CRASH_AT"] = crashAt
        return try await fleet.start(program, environment: environment)
    }

    /// Plans a payout and publishes its request.
    func request() async throws {
        let requests = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try EarnedMoney.earn("a", account: "acct_a", amountMinor: 2_500, occasion: "first", in: transaction)
            _ = try EarnedMoney.plan(batch: "first", at: systemNow(), in: transaction)
            return try EarnedMoney.requests(in: transaction)
        }
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: kafka, clientID: "payment-test"), logger: .silent)
        let messages = requests.map { OutgoingMessage(topic: TopicName.payoutsRequested, key: $0.key, value: $0.value) }
        for case .failed(let error) in await producer.publish(messages) { throw error }
        await producer.close()
    }

    func waitUntilPaid() async throws {
        try await wait(for: "the payout to be paid", within: PaymentFleet.settledWithin) {
            try await texts("SELECT state FROM payout") == ["paid"]
        }
    }

    /// Ends the lease of the payer that was killed, as a minute does.
    func endLeases() async throws {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            _ = try transaction.run("UPDATE payout_attempt SET next_send_at = now() WHERE state = 'sending'")
        }
    }

    func texts(_ statement: Statement) async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement) { row in try row.text(0) }
        }
    }

    /// Runs `tributary verify` without the topics, which this fleet has only one of.
    func verify() async throws -> (ProcessEnd, String) {
        let child = try await fleet.start("tributary", ["verify"])
        let end = await child.waitForEnd()
        let output = child.output
        await fleet.stop(child)
        return (end, output)
    }
}
