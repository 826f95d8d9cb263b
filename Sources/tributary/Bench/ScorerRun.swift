import DevKit
import Foundation
import Postgres

/// The scorer itself, as a process of its own.
enum ScorerRun {
    private static let claimWithin = Duration.seconds(60)
    private static let drainWithin = Duration.seconds(1_800)

    static func measure(_ load: BenchLoad, _ rig: BenchRig) async throws -> BenchMeasurement {
        try await rig.withDatabase { url in
            let (measurement, rows) = try await drain(url, records: load.topic.records, rig)
            guard rows == load.rows else { throw BenchError.otherRows(rows, expected: load.rows) }
            return measurement
        }
    }

    /// Runs a scorer until every record is committed.
    ///
    /// The clock runs from the claim of the partitions, since joining a group takes as long as the broker pleases; CPU
    /// seconds count from the start of the process.
    /// - Returns: what it took, and how many rows are in the tables then.
    static func drain(
        _ url: String, records: Int, _ rig: BenchRig, environment: [String: String] = [:]
    ) async throws -> (BenchMeasurement, rows: Int64) {
        try await rig.withPool(url) { pool in
            let before = rig.cpuSeconds()
            let environment = environment.merging(rig.kafka.environment) { $1 }
            let scorer = try await rig.fleet.start(
                "scorer", environment: environment.merging(["DATABASE_URL": url]) { $1 })
            try await wait(for: "the scorer to claim", within: claimWithin, every: .milliseconds(2)) {
                try await check(scorer)
                return try await position(pool).isClaimed
            }
            let began = ContinuousClock.now
            try await wait(for: "the topic to be drained", within: drainWithin, every: .milliseconds(10)) {
                try await check(scorer)
                return try await position(pool).records == records
            }
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            var cpuSeconds = rig.cpuSeconds().merging(before) { $0 - $1 }
            cpuSeconds["scorer"] = ProcessFigures.cpuSeconds(scorer.processID)
            let peak = ProcessFigures.peakMemoryBytes(scorer.processID)
            let end = await rig.fleet.stop(scorer)
            guard end == .exited(0) else { throw BenchError.scorerEnded(end, output: words(scorer)) }
            let measurement = BenchMeasurement(seconds: seconds, cpuSeconds: cpuSeconds, peakMemoryBytes: peak)
            return (measurement, try await rows(pool))
        }
    }

    private static func check(_ scorer: ChildProcess) async throws {
        guard let end = await scorer.ended else { return }
        throw BenchError.scorerEnded(end, output: words(scorer))
    }

    private static func words(_ scorer: ChildProcess) -> String { String(scorer.output.suffix(2_000)) }

    private static func position(_ pool: PostgresPool) async throws -> (isClaimed: Bool, records: Int) {
        let positions = try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT COALESCE(bool_and(owner_epoch > 0), false), COALESCE(sum(next_offset - first_offset), 0)::int8
                FROM stream_offset WHERE worker_group = 'scorer' AND topic <> ''
                """
            ) { row in (try row.bool(0), Int(try row.int8(1))) }
        }
        return positions.first ?? (false, 0)
    }

    private static func rows(_ pool: PostgresPool) async throws -> Int64 {
        let counts = try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM intake_exception)
                    + (SELECT count(*) FROM conversion) + (SELECT count(*) FROM commission)
                """
            ) { row in try row.int8(0) }
        }
        return counts.first ?? 0
    }
}
