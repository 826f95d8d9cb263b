public import Domain
public import Logging
public import Postgres
public import ServiceLifecycle
import Storage
import WorkerRuntime

/// Ranks the affiliates of each programme, at the start and then again and again: see `AffiliateRanking`.
///
/// Workers that do this at once share the programmes: each is ranked by one, once per interval.
public struct RankingKeeper: Service {
    private let pool: PostgresPool
    private let interval: Duration
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger

    public init(
        pool: PostgresPool, every interval: Duration, clock: @escaping @Sendable () -> Timestamp, logger: Logger
    ) {
        self.pool = pool
        self.interval = interval
        self.clock = clock
        self.logger = logger
    }

    public func run() async throws {
        try await Pulse(every: interval).run("ranking waits", logger) { () throws(PostgresError) in
            let ranked = try await runOnce()
            logger.debug("ranked", metadata: [LogKey.count: "\(ranked)"])
        }
    }

    /// Ranks what is due, each programme and currency in a transaction of its own.
    /// - Returns: how many affiliates were ranked.
    public func runOnce() async throws(PostgresError) -> Int {
        let now = clock()
        let since = now.adding(seconds: -interval.components.seconds / 2)
        let due = try await pool.transaction { transaction throws(PostgresError) in
            try RankingStore.newestDay(until: now.day, in: transaction).map { day throws(PostgresError) in
                (day, try RankingStore.due(asOf: day, notSince: since, in: transaction))
            }
        }
        guard let (day, markets) = due else { return 0 }
        var count = 0
        for market in markets {
            count += try await pool.transaction { transaction throws(PostgresError) in
                try RankingKeeper.rank(market, asOf: day, at: now, in: transaction)
            }
        }
        return count
    }

    private static func rank(
        _ market: RankingStore.Market, asOf day: Int32, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        guard try RankingStore.reserve(market, in: transaction) else { return 0 }
        let candidates = try RankingStore.candidates(market, asOf: day, in: transaction)
        let fraud = try RankingStore.fraudProbabilities(
            of: candidates.map(\.affiliateID), asOf: day, in: transaction)
        let members = candidates.map {
            AffiliateRanking.Member(days: $0.days, fraudProbability: fraud[$0.affiliateID] ?? 0)
        }
        let estimates = AffiliateRanking.estimates(members, asOf: day)
        let ranked = zip(candidates.map(\.affiliateID), estimates).sorted { ($0.1, $0.0) < ($1.1, $1.0) }
        try RankingStore.save(ranked, market, asOf: day, at: now, in: transaction)
        return ranked.count
    }
}
