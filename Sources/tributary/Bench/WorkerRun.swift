import DevKit
import Foundation
import Postgres

/// A worker itself, as a process of its own.
struct WorkerRun: Sendable {
    private static let claimWithin = Duration.seconds(60)
    private static let drainWithin = Duration.seconds(1_800)

    static let scorer = WorkerRun(
        worker: "scorer",
        isDone: "SELECT count(*) = 0 FROM stream_offset WHERE published_upto < next_out_seq",
        rows: """
            SELECT (SELECT count(*) FROM event) + (SELECT count(*) FROM intake_exception)
                + (SELECT count(*) FROM conversion) + (SELECT count(*) FROM commission)
            """)
    /// Judges every second, since a round that waits is no work.
    static let fraudDetector = WorkerRun(
        worker: "fraud-detector",
        isDone: "SELECT count(*) = 0 FROM fraud_observation WHERE NOT judged",
        rows: """
            SELECT (SELECT count(*) FROM fraud_observation) + (SELECT count(*) FROM fraud_judgement)
                + (SELECT count(*) FROM fraud_conversion)
            """,
        environment: ["JUDGING_INTERVAL_SECONDS": "1"])

    /// Of the executable and of its consumer group.
    let worker: String
    /// Whether what was committed has had all its effects.
    let isDone: Statement
    /// Counts what it left.
    let rows: Statement
    var environment: [String: String] = [:]

    func measure(_ load: BenchLoad, _ rig: BenchRig) async throws -> BenchMeasurement {
        try await rig.withDatabase { url in
            let (measurement, rows) = try await drain(url, records: load.topic.records, rig)
            guard rows == load.rows else { throw BenchError.otherRows(worker, rows, expected: load.rows) }
            return measurement
        }
    }

    /// Runs the worker until every record is committed, with all that follows.
    ///
    /// The clock runs from the claim of the partitions, since joining a group takes as long as the broker pleases; CPU
    /// seconds count from the start of the process.
    /// - Returns: what it took, and how many rows are in the tables then.
    func drain(
        _ url: String, records: Int, _ rig: BenchRig, environment: [String: String] = [:]
    ) async throws -> (BenchMeasurement, rows: Int64) {
        try await rig.withPool(url) { pool in
            let before = rig.cpuSeconds()
            let environment = self.environment.merging(environment) { $1 }.merging(rig.kafka.environment) { $1 }
            let process = try await rig.fleet.start(
                worker, environment: environment.merging(["DATABASE_URL": url]) { $1 })
            try await wait(for: "the \(worker) to claim", within: WorkerRun.claimWithin, every: .milliseconds(2)) {
                try await check(process)
                return try await position(pool).isClaimed
            }
            let began = ContinuousClock.now
            try await wait(for: "the topic to be drained", within: WorkerRun.drainWithin, every: .milliseconds(10)) {
                try await check(process)
                guard try await position(pool).records == records else { return false }
                return try await isDone(pool)
            }
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            var cpuSeconds = rig.cpuSeconds().merging(before) { $0 - $1 }
            cpuSeconds[worker] = ProcessFigures.cpuSeconds(process.processID)
            let peak = ProcessFigures.peakMemoryBytes(process.processID)
            let end = await rig.fleet.stop(process)
            guard end == .exited(0) else { throw BenchError.workerEnded(worker, end, output: words(process)) }
            let measurement = BenchMeasurement(seconds: seconds, cpuSeconds: cpuSeconds, peakMemoryBytes: peak)
            return (measurement, try await rows(pool))
        }
    }

    private func check(_ process: ChildProcess) async throws {
        guard let end = await process.ended else { return }
        throw BenchError.workerEnded(worker, end, output: words(process))
    }

    private func words(_ process: ChildProcess) -> String { String(process.output.suffix(2_000)) }

    private func isDone(_ pool: PostgresPool) async throws -> Bool {
        let isDone = isDone
        return try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(isDone) { row in try row.bool(0) }
        }.first ?? false
    }

    private func position(_ pool: PostgresPool) async throws -> (isClaimed: Bool, records: Int) {
        let worker = worker
        let positions = try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT COALESCE(bool_and(owner_epoch > 0), false), COALESCE(sum(next_offset - first_offset), 0)::int8
                FROM stream_offset WHERE worker_group = $1 AND topic <> ''
                """, .text(worker)
            ) { row in (try row.bool(0), Int(try row.int8(1))) }
        }
        return positions.first ?? (false, 0)
    }

    private func rows(_ pool: PostgresPool) async throws -> Int64 {
        let rows = rows
        let counts = try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(rows) { row in try row.int8(0) }
        }
        return counts.first ?? 0
    }
}
