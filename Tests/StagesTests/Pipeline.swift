import DevKit
import Domain
import Events
import Kafka
import Logging
import Outbox
import Postgres
import Stages
import WorkerRuntime

/// The stages one behind the other on a database, without processes and broker: what one says, the next reads.
struct Pipeline {
    /// When everything is decided unless a test says otherwise.
    static let now = Pipeline.moment("2026-03-04T12:00:00Z")

    let database: TestDatabase

    static func with(_ body: (Pipeline) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let pipeline = Pipeline(database: database)
            try await pipeline.run(
                """
                INSERT INTO program (program_id, name, currency, hold_days, minimum_payout_minor,
                    auto_approve_limit_minor)
                VALUES ('p', 'p', 'EUR', 0, 500, 20000), ('p-hold', 'p-hold', 'EUR', 7, 500, 20000)
                """)
            try await pipeline.run(
                """
                INSERT INTO rule_version (program_id, rule_id, version, rules_version, valid_from, priority, definition,
                    created_by)
                SELECT program_id, 'standard', 1, 1, '1970-01-01Z', 0, '{"action": {"percent": 1000}}', 'test'
                FROM program
                """)
            try await pipeline.run(
                """
                INSERT INTO affiliate (affiliate_id, name, provider_account)
                VALUES ('a', 'a', 'acct_a'), ('b', 'b', 'acct_b')
                """)
            try await body(pipeline)
        }
    }

    static func moment(_ text: String) -> Timestamp {
        guard let moment = Timestamp(rfc3339: text) else { preconditionFailure("no date: \(text)") }
        return moment
    }

    /// Lets the scorer, the detector and the planner work on events.
    /// - Returns: what the detector said.
    @discardableResult
    func take(_ events: [String], at now: Timestamp = Pipeline.now) async throws -> [FraudFlags] {
        let scored = try await apply(ScoringStage(registersUnknown: false), to: events.map { Array($0.utf8) }, at: now)
        _ = try await apply(FraudDetectionStage(), to: scored, at: now)
        let flags = try await judge(at: now)
        _ = try await apply(PayoutPlanningStage(), to: flags, at: now)
        return Pipeline.read(flags)
    }

    static func read(_ flags: [[UInt8]]) -> [FraudFlags] {
        flags.compactMap { message in
            guard case .message(_, _, let data) = Envelope.read(message[...], schema: TopicName.fraudFlags)
            else { return nil }
            return FraudFlags(data)
        }
    }

    /// Lets a detector that just started judge everything that waits.
    /// - Returns: the messages that it sent.
    func judge(at now: Timestamp = Pipeline.now, by timer: FraudJudgingTimer? = nil) async throws -> [[UInt8]] {
        let before = try await flagMessages().count
        let timer = timer ?? self.timer(at: now)
        try await timer.runOnce()
        return Array(try await flagMessages().dropFirst(before))
    }

    func timer(
        at now: Timestamp = Pipeline.now, linksHeld: Int = FraudTimeline.linksHeldMaximum
    ) -> FraudJudgingTimer {
        FraudJudgingTimer(
            pool: database.pool, publisher: nil, judge: "test", linksHeldMaximum: linksHeld, clock: { now },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func flagMessages() async throws -> [[UInt8]] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try OutboxStore.load(FraudJudgingTimer.lane, from: 0, limit: 100_000, in: transaction)
        }.compactMap(\.message.payload)
    }

    /// - Returns: the messages that the stage sent.
    func apply<S: Stage>(
        _ stage: S, to values: [[UInt8]], at now: Timestamp = Pipeline.now, from first: Int64 = 0
    ) async throws -> [[UInt8]] {
        let source = TopicPartition(topic: stage.topics[0], partition: 0)
        let batch = values.enumerated().compactMap { offset, value -> Sourced<S.Input>? in
            let record = Record(
                source: source, offset: first + Int64(offset), timestampMilliseconds: 0, key: nil, value: value[...])
            guard case .input(let input) = stage.decode(record) else { return nil }
            return Sourced(record: record, input: input)
        }
        guard !batch.isEmpty else { return [] }
        let output = try await database.pool.transaction { (transaction) throws(PostgresError) in
            try stage.apply(batch, in: transaction, at: now)
        }
        return output.messages.compactMap(\.message.payload)
    }

    func run(_ statement: Statement) async throws {
        try await database.pool.transaction { (transaction) throws(PostgresError) in _ = try transaction.run(statement)
        }
    }

    /// The first column of every row.
    func texts(_ statement: Statement) async throws -> [String] {
        try await database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(statement) { row in try row.text(0) }
        }
    }

    // MARK: Events

    static func click(_ id: String, affiliate: String = "a", program: String = "p", at: String) -> String {
        """
        {"event_id": "\(id)", "type": "click", "occurred_at": "\(at)", "program_id": "\(program)",
         "affiliate_id": "\(affiliate)", "click_id": "\(id)"}
        """
    }

    static func order(
        _ id: String, affiliate: String = "a", program: String = "p", click: String? = nil, ip: String = "192.0.2.1",
        amountMinor: Int = 10_000, at: String, event: String? = nil
    ) -> String {
        """
        {"event_id": "\(event ?? "e-" + id)", "type": "conversion", "occurred_at": "\(at)",
         "program_id": "\(program)", "affiliate_id": "\(affiliate)", "order_id": "\(id)", "ip": "\(ip)",
         "click_id": \(click.map { "\"\($0)\"" } ?? "null"), "amount_minor": \(amountMinor), "currency": "EUR"}
        """
    }
}
