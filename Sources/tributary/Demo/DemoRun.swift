import DevKit
import Domain
import Foundation
import Kafka
import Postgres

/// What the demo does with the fleet once it stands.
struct DemoRun: Sendable {
    private static let idleWithin = Duration.seconds(600)
    /// Until the next payout moves: thousands may take as long as they need, as long as they go on.
    private static let movesWithin = Duration.seconds(300)
    /// Where nothing moves for so long, payouts wait for hours or days, which the demo then lets pass.
    private static let stillWithin = Duration.seconds(5)
    /// The same where some wait behind an unknown one of their account, which cannot be told from slow ones.
    private static let blockedWithin = Duration.seconds(20)
    /// An hour, after which what is unknown is sent again; then the rest of a key's life at Stripe, and at Circle. By
    /// then no bank sends anything back either.
    private static let spansSeconds: [Int64] = [3_600, 20 * 3_600, 29 * 86_400]
    private static let reportEvery = Duration.seconds(1)
    /// Between two asks for payouts while sample traffic flows.
    private static let payEvery = Duration.seconds(15)

    private let demo: DemoFleet
    private let faults: DemoFaults
    private let publisher: EventPublisher
    private let admin: KafkaAdmin
    private let readers: [String: [String]]
    private let began = ContinuousClock.now

    init(_ demo: DemoFleet, topics: TopicOptions, faults: DemoFaults) throws {
        self.demo = demo
        self.faults = faults
        publisher = try EventPublisher(demo.kafka, pool: demo.pool)
        admin = try KafkaAdmin(demo.kafka, clientID: "tributary-demo", logger: .standardError)
        readers = try topics.readers()
    }

    /// - Returns: true if all is well.
    func run(events: String?, rate: Int, exitWhenIdle: Bool, summary: String?) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool?.self) { group in
            group.addTask { try await report() }
            group.addTask {
                if let events { try await publish(file: events) } else { try await publishSamples(rate: rate) }
                guard exitWhenIdle else {
                    try await payForEver()
                    return nil
                }
                return try await finish(summary: summary)
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let isWell = result { return isWell }
            }
            return true
        }
    }

    // MARK: Publishing

    private func publish(file: String) async throws {
        var lines = try LineReader(path: file)
        while let line = try lines.next() {
            try Task.checkCancellation()
            try await publisher.add(line)
        }
        try await publisher.flush()
    }

    /// Endless traffic that occurs now, second by second, and payments of what it earns.
    private func publishSamples(rate: Int) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await payForEver() }
            group.addTask {
                let start = Timestamp(secondsSinceEpoch: Int64(Date().timeIntervalSince1970))
                // Longer than anybody watches: a year.
                let seconds = 365 * 86_400
                var plan = TrafficPlan(
                    events: rate * seconds, seed: 1, affiliates: 50, start: start, spanSeconds: Int64(seconds))
                plan.badInput = false
                var generator = TrafficGenerator(plan)
                let clock = ContinuousClock()
                var next = clock.now
                while true {
                    for _ in 0..<rate { if let line = generator.next() { try await publisher.add(line) } }
                    try await publisher.flush()
                    next = max(next.advanced(by: .seconds(1)), clock.now)
                    try await clock.sleep(until: next)
                }
            }
        }
    }

    private func payForEver() async throws {
        while true {
            try await ContinuousClock().sleep(for: DemoRun.payEvery)
            try await pay()
        }
    }

    // MARK: Finishing

    private func finish(summary path: String?) async throws -> Bool {
        try await waitUntilIdle()
        try await pay { try await faults.inject(pool: demo.pool, stripe: demo.stripe, circle: demo.circle) }
        try await waitUntilSettled()
        try await waitUntilIdle()
        let findings = try await Verification.run(pool: demo.pool, broker: demo.kafka)
        for finding in findings { complain("\n" + finding.line) }
        var summary = try await demo.pool.transaction { (transaction) throws(PostgresError) in
            try DemoSummary.load(in: transaction)
        }
        summary.eventsPublished = Int64(await publisher.published)
        for finding in findings { summary.verify[finding.name] = finding.isOK ? "ok" : finding.sentence }
        summary.seconds = (began.duration(to: .now) / .milliseconds(1)).rounded() / 1_000
        try write(summary, to: path)
        let addsUp = summary.outcomes.total == summary.eventsPublished
        if !addsUp {
            complain("\(summary.outcomes.total) outcomes for \(summary.eventsPublished) events: they do not add up")
        }
        return addsUp && findings.allSatisfy(\.isOK)
    }

    /// Waits until nothing is under way. With faults it lets the time pass that they take to end, and until what is
    /// paid is final.
    private func waitUntilSettled() async throws {
        let passes = faults.count > 0 && demo.payments.canLetPass
        var spans = passes ? DemoRun.spansSeconds[...] : []
        while true {
            let before = try await open()
            guard before.underWay + before.unknown + (passes ? before.paid : 0) > 0 else { return }
            let limit =
                spans.isEmpty
                ? DemoRun.movesWithin : before.underWay == 0 ? DemoRun.stillWithin : DemoRun.blockedWithin
            do {
                try await wait(for: "the next payout to move", within: limit, every: .milliseconds(200)) {
                    try await demo.check()
                    return try await open() != before
                }
            } catch let error as WaitedTooLong {
                guard let span = spans.popFirst() else { throw error }
                complain("\(before.unknown) payouts are unknown; letting \(span / 3_600) hours pass")
                try await demo.payments.letPass(seconds: span)
            }
        }
    }

    private func write(_ summary: DemoSummary, to path: String?) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let text = String(decoding: try encoder.encode(summary), as: UTF8.self) + "\n"
        if let path { try text.write(toFile: path, atomically: true, encoding: .utf8) }
        print(text, terminator: "")
    }

    private func waitUntilIdle() async throws {
        try await wait(for: "every lag to be 0", within: DemoRun.idleWithin, every: .milliseconds(200)) {
            try await demo.check()
            guard try await isIdle(), try await releasable() == 0, try await unjudged() == 0 else { return false }
            // What was judged since the first look has been published and read by now.
            return try await isIdle()
        }
    }

    private func isIdle() async throws -> Bool {
        let lag = try await FleetLag.load(pool: demo.pool, admin: admin, readers: readers)
        if let held = lag.held { throw DemoError.held(held) }
        return lag.isIdle
    }

    /// - Parameter prepare: when everybody has chosen how to be paid.
    private func pay(prepare: () async throws -> Void = {}) async throws {
        try await demo.circle.chooseMethods(pool: demo.pool, hasFaults: faults.count > 0)
        try await prepare()
        try await ConsoleClient.with(base: demo.consoleURL, email: DemoFleet.clerk, password: demo.password) {
            console in
            while try await console.processPayments(key: UUID().uuidString) {}
        }
    }

    /// Refunds whose order has come: the scorer's timer takes them up within a second.
    private func releasable() async throws -> Int64 {
        try await demo.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                "SELECT count(*) FROM parked_event JOIN conversion USING (conversion_id) WHERE code = 206"
            ) { row in
                try row.int8(0)
            }.first ?? 0
        }
    }

    /// Observed events that the fraud-detector's timer has not judged yet.
    private func unjudged() async throws -> Int64 {
        try await demo.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query("SELECT count(*) FROM fraud_observation WHERE NOT judged") { row in
                try row.int8(0)
            }.first ?? 0
        }
    }

    /// Payouts that have not ended and wait for no person.
    private struct OpenPayouts: Hashable, Sendable {
        var underWay: Int64 = 0
        /// Only a reply moves them, or time.
        var unknown: Int64 = 0
        /// Only time moves them.
        var paid: Int64 = 0
        /// The last move of any payout, by which slow ones are told from those that stand still.
        var lastMove: Int64 = 0
    }

    private func open() async throws -> OpenPayouts {
        try await demo.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT count(*) FILTER (WHERE state NOT IN ('unknown', 'paid')),
                    count(*) FILTER (WHERE state = 'unknown'), count(*) FILTER (WHERE state = 'paid'),
                    COALESCE((SELECT max(payout_event_id) FROM payout_event), 0)
                FROM payout WHERE state IN
                    ('reserved', 'submitting', 'unknown', 'declined', 'submitted', 'canceling',
                    'in_transit', 'paid')
                """
            ) { row in
                OpenPayouts(
                    underWay: try row.int8(0), unknown: try row.int8(1), paid: try row.int8(2),
                    lastMove: try row.int8(3))
            }.first ?? OpenPayouts()
        }
    }

    // MARK: Reporting

    private func report() async throws -> Bool? {
        let isTerminal = isatty(STDERR_FILENO) == 1
        while true {
            try await ContinuousClock().sleep(for: DemoRun.reportEvery)
            try await demo.check()
            let line = try await liveLine()
            FileHandle.standardError.write(Data((isTerminal ? "\r\(line)\u{1B}[K" : "\(line)\n").utf8))
        }
    }

    private func liveLine() async throws -> String {
        let published = await publisher.published
        let lag = try await FleetLag.load(pool: demo.pool, admin: admin, readers: readers).total
        let counts = try await demo.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT (SELECT count(*) FROM commission), (SELECT count(*) FROM payout),
                    (SELECT count(*) FROM payout WHERE state IN ('paid', 'final'))
                """
            ) { row in (try row.int8(0), try row.int8(1), try row.int8(2)) }
        }
        let (commissions, payouts, paid) = counts.first ?? (0, 0, 0)
        return "events \(published)  lag \(lag.map { String($0) } ?? "?")  commissions \(commissions)"
            + "  payouts \(payouts), \(paid) paid"
    }
}
