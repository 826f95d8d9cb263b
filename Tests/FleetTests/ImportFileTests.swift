import DevKit
import Domain
import Foundation
import Postgres
import Storage
import Testing

extension RealProcesses {
    @Suite("A file is taken in")
    struct ImportFileTests {
        private static let rows = 4_000
        private static let rowsWithoutConsole = 1_200
        private static let stopAt = 3_000
        /// Held by the test while a console is to stand in the middle of its work.
        private static let gate: Int64 = 7_308_604_912

        @Test("A console killed in the middle of an import is continued by the next, and every row is scored once")
        func killed() async throws {
            let run = try await ScoringFleet.start()
            let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".csv")
            try Self.text.write(to: file, atomically: true, encoding: .utf8)
            let errors = file.path + ".errors"
            let (checked, output) = try await run.tributary("import", file.path, "--errors", errors)
            #expect(checked == .exited(1) && output.contains("\(Self.rows) new, 1 duplicate, 1 bad"), "\(output)")
            let written = try String(contentsOfFile: errors, encoding: .utf8)
            #expect(written.contains("\(Self.rows + 3),amount,102,"), "\(written)")
            let (wrong, words) = try await run.tributary("import", file.path, "--map", "x=order_id")
            #expect(wrong == .exited(2) && words.contains("mapping_unknown_column"), "\(words)")

            let holder = run.database.makePool(size: 1)
            try await Self.stopConsoles(run, holder)
            _ = try await run.startScorer()
            let victim = try await run.startConsole()
            try await Self.confirm(run)
            try await wait(for: "the console to stand in the middle", within: ScoringFleet.startWithin) {
                try await run.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == 1
            }
            #expect(await run.fleet.stop(victim, signal: 9) == .signalled(9))
            #expect(try await run.count("SELECT published_rows FROM import") == Int64(Self.stopAt - 1_000))
            await holder.close()
            try await Self.takeInWithoutConsole(run)
            _ = try await run.startConsole()
            let all = Self.rows + Self.rowsWithoutConsole
            try await Self.waitUntilScored(all, run)

            #expect(try await run.count("SELECT count(*) FROM conversion") == Int64(all))
            // What the dead console had sent without saying so, the next one sent again.
            #expect(try await run.count("SELECT count(*) FROM intake_exception WHERE code <> 120") == 0)
            #expect(
                try await run.count("SELECT count(*) FROM outbox WHERE worker_group = 'import'") == Int64(all))
            let (again, said) = try await run.tributary("import", file.path, "--confirm")
            #expect(again == .exited(1) && said.contains("handed in before (done)"), "\(said)")
            #expect(said.contains("It was confirmed before; nothing was done."), "\(said)")
            let (end, proof) = try await run.verify()
            #expect(end == .exited(0), "\(proof)")
            try FileManager.default.removeItem(at: file)
            try FileManager.default.removeItem(atPath: errors)
            try await run.stop()
        }

        /// The command line needs no console; the next one that runs sends what it left.
        private static func takeInWithoutConsole(_ run: ScoringFleet) async throws {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".csv")
            let rows = text(of: rowsWithoutConsole).replacing(",o-", with: ",without-")
            try rows.write(to: file, atomically: true, encoding: .utf8)
            let (end, output) = try await run.tributary("import", file.path, "--confirm")
            #expect(end == .exited(0), "\(output)")
            #expect(output.contains("\(rowsWithoutConsole) new rows are in the outbox"), "\(output)")
            let moved = "SELECT published_rows::int8 FROM import WHERE state = 'done'" as Statement
            #expect(try await run.count(moved) == Int64(rowsWithoutConsole))
            try FileManager.default.removeItem(at: file)
        }

        private static func text(of rows: Int) -> String {
            let lines = (0..<rows).map { "aurora-eu,2026-03-01T12:00:00Z,aff-\($0 % 40),o-\($0),12.50,EUR" }
            return (["program_id,occurred_at,affiliate_id,order_id,amount,currency"] + lines).joined(separator: "\n")
        }

        /// One row more repeats an order, one has no amount that could be read.
        private static var text: String {
            text(of: rows) + "\naurora-eu,2026-03-01T12:00:00Z,aff-1,o-1,12.50,EUR"
                + "\naurora-eu,2026-03-01T12:00:00Z,aff-1,o-x,=1+1,EUR"
        }

        /// From now on a console waits behind its third chunk, with the chunk's rows written and not committed.
        private static func stopConsoles(_ run: ScoringFleet, _ holder: PostgresPool) async throws {
            try await run.database.pool.transaction { transaction throws(PostgresError) in
                _ = try transaction.run(
                    """
                    CREATE FUNCTION stand() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN
                        IF NEW.published_rows = 3000 THEN PERFORM pg_advisory_xact_lock(7308604912); END IF;
                        RETURN NEW;
                    END $$
                    """)
                _ = try transaction.run(
                    "CREATE TRIGGER stand BEFORE UPDATE ON import FOR EACH ROW EXECUTE FUNCTION stand()")
            }
            // Held by the connection until its pool is closed.
            try await holder.transaction { transaction throws(PostgresError) in
                _ = try transaction.run("SELECT pg_advisory_lock($1)", .int8(gate))
            }
        }

        private static func waitUntilScored(_ events: Int, _ run: ScoringFleet) async throws {
            try await wait(for: "every row to be scored", within: ScoringFleet.turnWithin) {
                let waiting = try await run.count(
                    "SELECT COALESCE(sum(next_out_seq - published_upto), 0)::int8 FROM stream_offset")
                return try await run.count("SELECT count(*) FROM event") == Int64(events) && waiting == 0
            }
        }

        private static func confirm(_ run: ScoringFleet) async throws {
            let confirmed = try await run.database.pool.transaction { transaction throws(PostgresError) in
                let imports = try ImportStore.list(limit: 1, after: nil, in: transaction)
                guard let record = imports.first else { return false }
                let decision = try ImportStore.confirm(
                    record.importID, by: "test", at: record.createdAt, in: transaction)
                if case .decided = decision { return true } else { return false }
            }
            #expect(confirmed)
        }
    }
}

extension ScoringFleet {
    fileprivate func startConsole() async throws -> ChildProcess {
        try await fleet.start(
            "console",
            environment: ["KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers, "CONSOLE_PORT": "0"])
    }
}
