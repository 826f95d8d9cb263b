public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
import WorkerRuntime

/// Makes sentences of the newest rankings, again and again, and has them rewritten if there is somebody to do it.
public struct InsightKeeper: Service {
    /// Sub-ids that are looked at in a programme.
    static let channelsMaximum: Int64 = 1_000
    /// Sentences that are sent in one run.
    static let rewritesMaximum: Int64 = 20

    private let pool: PostgresPool
    private let model: LanguageModel?
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    public init(
        pool: PostgresPool, model: LanguageModel?, every interval: Duration, clock: @escaping @Sendable () -> Timestamp,
        logger: Logger
    ) {
        self.pool = pool
        self.model = model
        pulse = Pulse(every: interval)
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await pulse.run("insights wait", logger) { () throws(PostgresError) in try await runOnce() }
    }

    /// Makes the insights of each programme in a transaction of its own; then asks for other words.
    public func runOnce() async throws(PostgresError) {
        let now = clock()
        let rankings = try await pool.transaction { transaction throws(PostgresError) in
            try InsightStore.rankings(in: transaction)
        }
        for (market, day) in rankings {
            _ = try await pool.transaction { transaction throws(PostgresError) in
                let writer = InsightWriter(programID: market.programID, currency: market.currency, day: day)
                let insights = writer.insights(
                    try InsightStore.places(market, day: day, in: transaction),
                    before: try InsightStore.places(market, day: day - InsightWriter.moverDays, in: transaction),
                    channels: try InsightStore.channels(
                        market, until: day, limit: InsightKeeper.channelsMaximum, in: transaction))
                try InsightStore.save(insights, market, day: day, at: now, in: transaction)
            }
        }
        if let model { try await rewrite(by: model, at: now) }
    }

    /// A sentence that got no answer is asked for again in the next run, and no other one before that: where one
    /// request hangs, the next would too.
    private func rewrite(by model: LanguageModel, at now: Timestamp) async throws(PostgresError) {
        let sentences = try await pool.transaction { transaction throws(PostgresError) in
            try InsightStore.unasked(limit: InsightKeeper.rewritesMaximum, in: transaction)
        }
        for sentence in sentences {
            guard let rewritten = await model.rewrite(sentence) else {
                logger.warning("no words for insights", metadata: [LogKey.count: "\(sentences.count)"])
                return
            }
            let objection = InsightRewrite.objection(to: rewritten, of: sentence)
            _ = try await pool.transaction { transaction throws(PostgresError) in
                try InsightStore.record(
                    objection == nil ? rewritten : nil, objection: objection, of: sentence, at: now, in: transaction)
            }
        }
    }
}
