import AsyncHTTPClient
import DevKit
import Domain
import Events
import Foundation
import Kafka
import Logging
import Postgres
import Providers
import Testing
import WorkerRuntime

/// Payer and reconciler as real processes between a broker, a database and the fake providers with webhooks over HTTP.
struct PaymentFleet: Sendable {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path
    private static let startWithin = Duration.seconds(30)
    private static let settledWithin = Duration.seconds(60)

    let fleet: Fleet
    let database: TestDatabase
    let fake: FakeStripe
    let circle: FakeCircle
    /// What stands between the processes and Stripe.
    let wire: TCPProxy
    private let kafka: KafkaSettings

    static func with(_ body: (PaymentFleet) async throws -> Void) async throws {
        let run = try await start()
        do {
            try await body(run)
        } catch {
            try await run.stop()
            throw error
        }
        try await run.stop()
    }

    /// - Parameters:
    ///   - environment: of its processes, beside where they find each other.
    ///   - database: nil: one of its own.
    static func start(
        _ environment: [String: String] = [:], on database: TestDatabase? = nil
    ) async throws -> PaymentFleet {
        if let database { return try await PaymentFleet(database, environment) }
        return try await PaymentFleet(TestDatabase.fresh(), environment)
    }

    /// The same broker and providers, and another database.
    func with(_ database: TestDatabase) -> PaymentFleet {
        PaymentFleet(
            fleet: fleet, database: database, fake: fake, circle: circle, wire: wire, kafka: kafka)
    }

    private init(
        fleet: Fleet, database: TestDatabase, fake: FakeStripe, circle: FakeCircle, wire: TCPProxy,
        kafka: KafkaSettings
    ) {
        self.fleet = fleet
        self.database = database
        self.fake = fake
        self.circle = circle
        self.wire = wire
        self.kafka = kafka
    }

    private init(_ database: TestDatabase, _ environment: [String: String]) async throws {
        var settings = FakeStripeSettings()
        settings.settleAfter = .milliseconds(50)
        let fake = try await FakeStripe.start(settings, logger: .silent)
        var circleSettings = FakeCircleSettings()
        circleSettings.settleAfter = .milliseconds(50)
        let circle = try await FakeCircle.start(circleSettings, logger: .silent)
        let wire = TCPProxy(to: fake.port)
        let fleet = try Fleet(
            environment: [
                "KAFKA_SESSION_TIMEOUT_MS": "4000", "KAFKA_FETCH_WAIT_MAX_MS": "10",
                "HEALTH_PORT": "0", "LOG_LEVEL": "info", "STRIPE_API_BASE": "http://127.0.0.1:\(wire.port)",
                "STRIPE_API_KEY": FakeStripe.apiKey, "STRIPE_WEBHOOK_SECRETS": settings.platformSecret,
                "STRIPE_CONNECT_WEBHOOK_SECRETS": settings.connectSecret, "WEBHOOK_PORT": "0",
                "CIRCLE_API_BASE": circle.baseURL, "CIRCLE_API_KEY": FakeCircle.apiKey,
                "CIRCLE_WALLET_ID": circleSettings.walletID,
            ].merging(environment) { $1 })
        let broker = try await fleet.start("tributary", ["broker", "--topics", PaymentFleet.repository + "/topics"])
        let servers = try await broker.announcement("ready ", within: PaymentFleet.startWithin)
        self.database = database
        self.fake = fake
        self.circle = circle
        self.wire = wire
        self.fleet = fleet
        kafka = KafkaSettings(bootstrapServers: servers)
    }

    func stop() async throws {
        await fleet.stop()
        await fake.stop()
        await circle.stop()
        wire.close()
        try await database.drop()
    }

    /// - Parameter freezeAt: the crash point at which it stops until it is sent SIGCONT.
    func startPayer(crashAt: String? = nil, freezeAt: String? = nil) async throws -> ChildProcess {
        try await start("payer", ["TRIBUTARY_CRASH_AT": crashAt, "TRIBUTARY_FREEZE_AT": freezeAt])
    }

    /// Starts a reconciler, and tells the providers where it listens.
    @discardableResult
    func startReconciler(
        crashAt: String? = nil, connectSecrets: String? = nil
    ) async throws -> (process: ChildProcess, webhooks: Int) {
        let reconciler = try await start(
            "reconciler", ["TRIBUTARY_CRASH_AT": crashAt, "STRIPE_CONNECT_WEBHOOK_SECRETS": connectSecrets])
        let port = try await reconciler.loggedPort(after: "webhooks listening", within: PaymentFleet.startWithin)
        await deliverWebhooks(toPort: port)
        return (reconciler, port)
    }

    /// Tells the providers where a reconciler listens.
    func deliverWebhooks(toPort port: Int) async {
        var control = FakeStripeControl()
        control.platformURL = "http://127.0.0.1:\(port)/webhooks/stripe"
        control.connectURL = "http://127.0.0.1:\(port)/webhooks/stripe-connect"
        await fake.apply(control)
        var circleControl = FakeCircleControl()
        circleControl.webhookURL = "http://127.0.0.1:\(port)/webhooks/circle"
        await circle.apply(circleControl)
    }

    /// - Parameter changes: of the environment; what is nil stays as the fleet has it.
    private func start(_ program: String, _ changes: [String: String?]) async throws -> ChildProcess {
        var environment = ["KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers, "DATABASE_URL": database.url]
        for case (let name, let value?) in changes { environment[name] = value }
        return try await fleet.start(program, environment: environment)
    }

    /// - Returns: an address of Circle's address book that may be paid.
    func recipient(_ index: Int = 0) async throws -> String {
        try await CircleRig.enter(index, at: CircleRig.makeCircle(circle, .shared))
    }

    /// Who is paid, and how much.
    struct Order: Sendable {
        var affiliateID = "a"
        var account = "acct_a"
        var provider = "stripe"
        var amountMinor: Int64 = 2_500
    }

    /// Plans payouts, one each, and publishes their requests.
    ///
    /// - Returns: their ids, in the order of `orders`.
    @discardableResult
    func request(_ orders: [Order] = [Order()], batch: String = "first") async throws -> [String] {
        let payoutIDs = try await plan(orders, batch: batch)
        try await publish(payoutIDs)
        return payoutIDs
    }

    /// Plans payouts, one each; nobody is told yet.
    ///
    /// - Returns: their ids, in the order of `orders`.
    func plan(_ orders: [Order], batch: String) async throws -> [String] {
        let made = try await database.pool.transaction { (transaction) throws(PostgresError) in
            for order in orders {
                try EarnedMoney.earn(
                    order.affiliateID, account: order.account, provider: order.provider,
                    amountMinor: order.amountMinor, occasion: batch, in: transaction)
            }
            _ = try EarnedMoney.plan(batch: batch, at: systemNow(), in: transaction)
            return try transaction.query(
                "SELECT affiliate_id, payout_id::text FROM payout WHERE batch_key = $1", .text(batch)
            ) { row in (affiliateID: try row.text(0), payoutID: try row.text(1)) }
        }
        return orders.compactMap { order in made.first { $0.affiliateID == order.affiliateID }?.payoutID }
    }

    /// Publishes the requests of planned payouts.
    func publish(_ payoutIDs: [String]) async throws {
        let requests = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try EarnedMoney.requests(in: transaction)
        }
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: kafka, clientID: "payment-test"), logger: .silent)
        let messages = requests.filter { request in
            let text = String(decoding: request.value, as: UTF8.self)
            return payoutIDs.contains { text.contains($0) }
        }.map { OutgoingMessage(topic: TopicName.payoutsRequested, key: $0.key, value: $0.value) }
        for case .failed(let error) in await producer.publish(messages) { throw error }
        await producer.close()
    }

    /// Waits until every payout is paid.
    func waitUntilPaid() async throws {
        try await wait(for: "the payout to be paid", within: PaymentFleet.settledWithin) {
            let states = try await texts("SELECT DISTINCT state FROM payout")
            return !states.isEmpty && states.allSatisfy { ["paid", "final"].contains($0) }
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
        let child = try await fleet.start("tributary", ["verify"], environment: ["DATABASE_URL": database.url])
        let end = await child.waitForEnd()
        let output = child.output
        await fleet.stop(child)
        return (end, output)
    }
}
