import DevKit
import Events
import Foundation
import Postgres

/// The work of a round: a full topic, and the rows that a worker makes of it.
struct BenchLoad: Sendable {
    let worker: WorkerRun
    let topic: BenchTopic
    /// Events behind the topic's records, and the bytes of their values.
    let events: Int
    let bytes: Int
    /// Rows that every run of the worker must leave.
    let rows: Int64
    /// Messages that the worker published.
    let messages: Int64
    /// Writes the rows again.
    let script: String
    /// How the warm-up went; not counted.
    let warmUp: BenchMeasurement

    /// Runs a scorer once, unmeasured, and keeps what it wrote: as files for COPY, transaction by transaction, and the
    /// programmes with their rules, affiliates and months as what every round starts with.
    static func scorer(_ rig: BenchRig, _ topic: BenchTopic) async throws -> BenchLoad {
        let url = try await rig.createDatabase("bench_warm_up")
        let (warmUp, rows) = try await WorkerRun.scorer.drain(
            url, records: topic.records, rig, environment: ["AUTO_REGISTER": "on"])
        let messages = try await number("SELECT count(*) FROM outbox", in: url, rig)
        let files = rig.cluster.directory
        try await run(keepParties(in: files) + export(to: files), in: url, output: "\(files)/replay.sql", rig)
        try await rig.keepTemplate { url in try await run(parties(from: files), in: url, output: "/dev/null", rig) }
        return BenchLoad(
            worker: .scorer, topic: topic, events: topic.records, bytes: topic.bytes, rows: rows, messages: messages,
            script: "\(files)/replay.sql", warmUp: warmUp)
    }

    /// Runs a scorer once, on whose database every round starts, and on that a detector, unmeasured, and keeps what
    /// the detector wrote: of its own tables, since what it changes of others was there before.
    static func fraudDetector(_ rig: BenchRig, _ raw: BenchTopic) async throws -> BenchLoad {
        try await rig.keepTemplate { url in
            _ = try await WorkerRun.scorer.drain(url, records: raw.records, rig, environment: ["AUTO_REGISTER": "on"])
        }
        let topic = try await BenchTopic.found(rig.kafka, TopicName.affiliatesScored, bytes: raw.bytes)
        let files = rig.cluster.directory
        let (warmUp, rows, messages) = try await rig.withDatabase { url in
            let before = try await number("SELECT txid_current()", in: url, rig)
            let (warmUp, rows) = try await WorkerRun.fraudDetector.drain(url, records: topic.records, rig)
            let messages = try await number(
                "SELECT count(*) FROM outbox WHERE worker_group = 'fraud-detector'", in: url, rig)
            let tables = "(relname LIKE 'fraud%' OR relname IN ('inbox', 'outbox'))"
            let script = export(to: files, tables: tables, after: before)
            try await run(script, in: url, output: "\(files)/replay.sql", rig)
            return (warmUp, rows, messages)
        }
        return BenchLoad(
            worker: .fraudDetector, topic: topic, events: raw.records, bytes: raw.bytes, rows: rows,
            messages: messages, script: "\(files)/replay.sql", warmUp: warmUp)
    }

    private static func number(_ statement: Statement, in url: String, _ rig: BenchRig) async throws -> Int64 {
        try await rig.withPool(url) { pool in
            try await pool.transaction { (transaction) throws(PostgresError) in
                try transaction.query(statement) { row in try row.int8(0) }
            }
        }.first ?? 0
    }

    private static func run(_ sql: String, in url: String, output: String, _ rig: BenchRig) async throws {
        let script = "\(rig.cluster.directory)/bench.sql"
        try sql.write(toFile: script, atomically: false, encoding: .utf8)
        try await rig.cluster.run(script: script, in: url, output: output)
    }

    private static func keepParties(in files: String) -> String {
        """
        COPY program TO '\(files)/program' (FORMAT binary);
        COPY affiliate TO '\(files)/affiliate' (FORMAT binary);
        COPY rule_version TO '\(files)/rule_version' (FORMAT binary);
        COPY (SELECT relation, month FROM month_partition) TO '\(files)/months' (FORMAT binary);

        """
    }

    private static func parties(from files: String) -> String {
        """
        COPY program FROM '\(files)/program' (FORMAT binary);
        COPY affiliate FROM '\(files)/affiliate' (FORMAT binary);
        COPY rule_version FROM '\(files)/rule_version' (FORMAT binary);
        CREATE TEMPORARY TABLE wanted (relation text, month date);
        COPY wanted FROM '\(files)/months' (FORMAT binary);
        SELECT make_month(relation, month) FROM wanted;
        ANALYZE program, affiliate, rule_version;
        """
    }

    /// Writes each table's rows to files, one for each transaction that wrote them (`xmin`), and prints a script that
    /// COPYs them in the order of the transactions. Tables go in the order of their creation, which foreign keys
    /// follow. Rows that were updated count where they were updated last.
    ///
    /// - Parameters:
    ///   - tables: a condition on `relname`.
    ///   - first: the transaction after which rows count.
    private static func export(
        to files: String, tables: String = "true", after first: Int64 = 0
    ) -> String {
        """
        CREATE TEMPORARY TABLE step (transaction bigint, table_id oid, line text);
        DO $$
        DECLARE relation record; piece record; file text;
        BEGIN
            FOR relation IN SELECT c.oid, relname, COALESCE(inhparent::regclass::text, relname) AS target
                FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
                WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT IN
                    ('stream_offset', 'schema_migration', 'topic_registry', 'program', 'affiliate', 'rule_version',
                        'retention_policy', 'news_position', 'fraud_world') AND \(tables)
            LOOP
                FOR piece IN EXECUTE format(
                    'SELECT xmin AS id, min(ctid) AS first, max(ctid) AS last FROM %I
                    WHERE xmin::text::bigint > \(first) GROUP BY xmin', relation.relname)
                LOOP
                    file := format('\(files)/%s-%s', relation.relname, piece.id);
                    EXECUTE format(
                        'COPY (SELECT * FROM %I WHERE ctid BETWEEN %L AND %L AND xmin = %L) TO %L (FORMAT binary)',
                        relation.relname, piece.first, piece.last, piece.id, file);
                    INSERT INTO step VALUES (piece.id::text::bigint, relation.oid, format(
                        '\\copy %I FROM %L (FORMAT binary)', relation.target, file));
                END LOOP;
            END LOOP;
        END $$;
        SELECT 'SELECT extract(epoch FROM clock_timestamp());';
        SELECT E'BEGIN;\\n' || string_agg(line, E'\\n' ORDER BY table_id) || E'\\nCOMMIT;'
            FROM step GROUP BY transaction ORDER BY transaction;
        SELECT 'SELECT extract(epoch FROM clock_timestamp());';
        """
    }
}

/// The worker's rows written by `psql`, in C, with nothing looked up or decided.
enum CopyFloor {
    static func measure(_ load: BenchLoad, _ rig: BenchRig) async throws -> BenchMeasurement {
        try await rig.withDatabase { url in
            let times = "\(rig.cluster.directory)/times"
            let before = rig.cpuSeconds()
            let clientBefore = ProcessFigures.endedChildrenCPUSeconds
            try await rig.cluster.run(script: load.script, in: url, output: times)
            var cpuSeconds = rig.cpuSeconds().merging(before) { $0 - $1 }
            cpuSeconds["psql"] = ProcessFigures.endedChildrenCPUSeconds - clientBefore
            cpuSeconds["broker"] = nil
            let moments = try String(contentsOfFile: times, encoding: .utf8).split(separator: "\n").compactMap {
                Double($0)
            }
            guard moments.count == 2 else { throw BenchError.unreadableTimes }
            return BenchMeasurement(
                seconds: moments[1] - moments[0], cpuSeconds: cpuSeconds, peakMemoryBytes: nil)
        }
    }
}
