import DevKit
import Domain
import Events
import Outbox
import Postgres
import Storage
import Testing

/// Files of events, from the check to the outbox.
@Suite struct ImportTests {
    private static let header = "program_id,occurred_at,affiliate_id,order_id,amount,currency"
    private static let now = Books.moment(day: 20_600)

    private static func row(_ order: String, amount: String = "12.50", at: String = "2026-05-01T12:00:00Z") -> String {
        "shoes,\(at),aff-1,\(order),\(amount),EUR"
    }

    private static func file(_ lines: [String], mapping: [String: String] = [:]) throws -> ImportFile {
        try ImportFile(Array(lines.joined(separator: "\n").utf8), mapping: mapping)
    }

    private static func orders(_ count: Int) throws -> ImportFile {
        try file([header] + (0..<count).map { row("o-\($0)") })
    }

    /// What the database knows of before the file comes.
    private static func recordFacts(_ database: TestDatabase) async throws {
        let known = try #require(try events([row("o-known")]).first)
        let sent = try events(["e-same,\(row("o-1"))", "e-other,\(row("o-2", amount: "1"))"], "event_id," + header)
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.run("SELECT make_month(r, '2026-05-01') FROM (VALUES ('event'), ('click')) AS v (r)")
            for event in [known] + sent {
                try transaction.run(
                    """
                    INSERT INTO event (event_key, event_id, kind, parked, affiliate_id, content_hash, topic_partition,
                        record_offset, occurred_at)
                    VALUES ($1, $2, 2, false, 'aff-1', $3, 0, 0, '2026-05-01Z')
                    """, .uuid(event.eventKey.value), .text(event.eventID), .uuid(event.contentHash.value))
            }
            try transaction.run(
                """
                INSERT INTO conversion (conversion_id, event_key, order_id, program_id, affiliate_id, amount_minor,
                    currency, quantity, signal_codes, is_test, occurred_at)
                VALUES ($1, $2, 'o-known', 'shoes', 'aff-1', 1250, 'EUR', 1, '{}', false, '2026-05-01Z')
                """, .uuid(known.conversionID.value), .uuid(known.eventKey.value))
            try transaction.run(
                """
                INSERT INTO refund (refund_key, conversion_id, event_key, kind, amount_minor, currency, reversed_minor,
                    occurred_at)
                VALUES ($1, $2, $3, 3, 100, 'EUR', 0, '2026-05-02Z')
                """, .uuid(Identifier(hashing: "refund", "shoes", "o-known", "r-1").value),
                .uuid(known.conversionID.value), .uuid(known.eventKey.value))
            try transaction.run(
                """
                INSERT INTO click (click_key, click_id, program_id, affiliate_id, occurred_at)
                VALUES ($1, 'c-1', 'shoes', 'aff-1', '2026-05-01Z')
                """, .uuid(Identifier(hashing: "click", "shoes", "c-1").value))
        }
    }

    private static func events(_ lines: [String], _ header: String = header) throws -> [TrackingEvent] {
        var rows = try file([header] + lines).rows()
        var events: [TrackingEvent] = []
        while let row = rows.next() { if case .event(let event, _, _) = row.reading { events.append(event) } }
        return events
    }

    private static let verdicts: [(header: String, lines: [String], expected: String)] = [
        (header, [row("o-new")], "2: new"),
        (header, [row("o-known")], "2: duplicate 121 of o-known"),
        (header, [row("o-new"), row("o-new", amount: "7")], "2: new|3: duplicate 121 of o-new in 2"),
        (header, [row("o-new", amount: "x"), row("o-new")], "2: bad 102 amount x|3: new"),
        (header, [row("o-new", at: "2026-08-01T00:00:00Z")], "2: bad 103 occurred_at 2026-08-01T00:00:00Z"),
        ("event_id,\(header)", ["e-same,\(row("o-1"))"], "2: duplicate 120 of e-same"),
        ("event_id,\(header)", ["e-other,\(row("o-2"))"], "2: duplicate 124 of e-other"),
        ("event_id,\(header)", ["e-new,\(row("o-known"))"], "2: duplicate 121 of o-known"),
        ("event_id,\(header)", ["e,\(row("o-8"))", "e,\(row("o-9"))"], "2: new|3: duplicate 124 of e in 2"),
        ("type,click_id,\(header)", ["click,c-1,\(row(""))"], "2: duplicate 122 of c-1"),
        ("type,click_id,\(header)", ["click,c-2,\(row(""))"], "2: new"),
        ("type,refund_id,\(header)", ["refund,r-1,\(row("o-known"))"], "2: duplicate 123 of r-1"),
        ("type,refund_id,\(header)", ["chargeback,r-1,\(row("o-known"))"], "2: duplicate 123 of r-1"),
        (
            "type,refund_id,\(header)", ["refund_reversal,r-1,\(row("o-known"))", "refund,r-1,\(row("o-2"))"],
            "2: new|3: new"
        ),
    ]

    @Test("A row is new, or known from before or from the same file, or bad")
    func verdicts() async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            try await Self.recordFacts(database)
            for (header, lines, expected) in Self.verdicts {
                let record = try await Self.check(try Self.file([header] + lines), in: database)
                let findings = try await Self.findings(record, in: database)
                let shown = (2..<(2 + Int32(lines.count))).map { line in
                    guard let finding = findings.first(where: { $0.line == line }) else { return "\(line): new" }
                    let original = finding.original.map { "of \($0.id)" + ($0.line.map { " in \($0)" } ?? "") }
                    let what = original ?? "\(finding.title) \(finding.measured)"
                    return "\(line): \(finding.outcome.rawValue) \(finding.code.rawValue) \(what)"
                }
                #expect(shown.joined(separator: "|") == expected, "\(lines)")
                #expect(record.rows == Int32(lines.count))
                #expect(Int(record.newRows) == shown.count { $0.hasSuffix("new") })
            }
        }
    }

    @Test("Nothing but the import's own rows is written before it is confirmed")
    func nothingBeforeConfirmation() async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            _ = try await Self.check(try Self.orders(30), in: database)
            #expect(try await Self.count("SELECT count(*) FROM import_row", database) == 30)
            #expect(try await Self.count("SELECT count(*) FROM outbox", database) == 0)
            #expect(try await Self.count("SELECT count(*) FROM stream_offset", database) == 0)
        }
    }

    @Test("The same file again is a no-op until it is discarded or expired; with another mapping it is another file")
    func again() async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            let file = try Self.orders(3)
            let record = try await Self.check(file, in: database)
            guard case .known = try await Self.receipt(file, in: database) else {
                Issue.record("it was checked twice")
                return
            }
            #expect(try await Self.count("SELECT count(*) FROM audit_log", database) == 1)
            _ = try await database.pool.transaction { transaction throws(PostgresError) in
                try ImportStore.discard(record.importID, by: "test", at: Self.now, in: transaction)
            }
            #expect(try await Self.count("SELECT count(*) FROM import_row", database) == 0)
            #expect(try await Self.check(file, in: database).newRows == 3)
            let late = Self.now.adding(seconds: ImportStore.openSecondsMaximum)
            let decision = try await database.pool.transaction { transaction throws(PostgresError) in
                try ImportStore.confirm(record.importID, by: "test", at: late, in: transaction)
            }
            guard case .refused(let expired) = decision else {
                Issue.record("an expired import was confirmed: \(decision)")
                return
            }
            #expect(expired.state == .expired)
            #expect(try await Self.check(file, at: late, in: database).state == .checked)
            let text = Self.header + ",note\n" + Self.row("o-9") + ",x"
            let meanings: [[String: String]] = [[:], ["note": "sub_id"]]
            for meaning in meanings {
                let other = try ImportFile(Array(text.utf8), mapping: meaning)
                #expect(try await Self.check(other, in: database).newRows == 1)
            }
        }
    }

    @Test("Whoever dies while rows move to the outbox leaves none twice and none behind, and two may move at once")
    func continued() async throws {
        try await TestDatabase.with { database in
            let record = try await Self.check(try Self.orders(3_500), in: database)
            let importID = record.importID
            #expect(try await Self.move(importID, database) == false, "nobody confirmed it")
            // Two people press the button at once.
            async let first = Self.confirm(importID, database)
            async let second = Self.confirm(importID, database)
            #expect(try await [first, second].sorted() == ["decided", "repeated"])

            #expect(try await Self.move(importID, database))
            let death = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction(attempts: 1) { transaction throws(PostgresError) in
                    _ = try ImportPublishing.moveChunk(of: importID, at: Self.now, in: transaction)
                    throw PostgresError.rollback("killed behind its last statement")
                }
            }
            #expect(death != nil)
            #expect(try await Self.count("SELECT published_rows FROM import", database) == 1_000)

            async let left = Self.moveAll(importID, database)
            async let right = Self.moveAll(nil, database)
            #expect(try await left + right == 3)
            #expect(try await Self.count("SELECT count(DISTINCT payload) FROM outbox", database) == 3_500)
            #expect(try await Self.count("SELECT count(DISTINCT message_id) FROM outbox", database) == 3_500)
            #expect(try await Self.count("SELECT count(*) FROM outbox", database) == 3_500)
            #expect(try await Self.count("SELECT count(*) FROM import_row", database) == 0)
            #expect(try await Self.count("SELECT max(out_seq) FROM outbox", database) == 3_499)
            let done = try await database.pool.transaction { transaction throws(PostgresError) in
                try ImportStore.load(importID, in: transaction)
            }
            #expect(done?.state == .done)
            #expect(done?.isSent == false)
            #expect(try await Self.confirm(importID, database) == "repeated")
        }
    }

    @Test("More imports than may be open at once wait for a decision about the others")
    func openMaximum() async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            for number in 0..<ImportStore.openMaximum {
                _ = try await Self.check(try Self.file([Self.header, Self.row("o-\(number)")]), in: database)
            }
            let receipt = try await Self.receipt(try Self.file([Self.header, Self.row("o-x")]), in: database)
            guard case .tooManyOpen = receipt else {
                Issue.record("\(receipt)")
                return
            }
        }
    }

    @Test("Findings are written for a person to mend: what is wrong, then the cells, none of them a formula")
    func errorFile() async throws {
        try await TestDatabase.with(poolSize: 1) { database in
            let lines = [
                Self.header + ",=note", Self.row("=1+1", amount: "-5") + ",\"a\nb\"",
                Self.row("o-1", amount: "@x") + ",-7", Self.row("o-2"), Self.row("o-3") + ",ok",
                Self.row("o-4", amount: "z\0") + ",",
            ]
            let record = try await Self.check(try Self.file(lines), in: database)
            var file = ImportErrorFile(record)
            file.add(try await Self.findings(record, in: database))
            let expected = [
                "line,column,code,reason,value,\(Self.header),\"'=note\"",
                "2,amount,601,The amount is negative.,-500,"
                    + "shoes,2026-05-01T12:00:00Z,aff-1,\"'=1+1\",-5,EUR,\"a\nb\"",
                "4,amount,102,A field has a value of the wrong type.,\"'@x\","
                    + "shoes,2026-05-01T12:00:00Z,aff-1,o-1,\"'@x\",EUR,-7",
                "5,,110,The row has another number of cells than the file has columns.,\"6 cells, 7 columns\","
                    + "shoes,2026-05-01T12:00:00Z,aff-1,o-2,12.50,EUR",
                "7,amount,102,A field has a value of the wrong type.,z,"
                    + "shoes,2026-05-01T12:00:00Z,aff-1,o-4,z,EUR,",
            ]
            #expect(String(decoding: file.take(), as: UTF8.self) == expected.map { $0 + "\r\n" }.joined())

            // The cells are forgotten in time, that the file was taken in is not.
            #expect(try await Self.confirm(record.importID, database) == "decided")
            for (seconds, left) in [(ImportStore.findingSecondsMaximum - 1, 4), (ImportStore.findingSecondsMaximum, 0)]
            {
                try await database.pool.transaction { transaction throws(PostgresError) in
                    try ImportStore.forget(at: Self.now.adding(seconds: seconds), in: transaction)
                }
                #expect(try await Self.findings(record, in: database).count == left)
            }
            #expect(try await Self.move(record.importID, database))
            #expect(try await Self.count("SELECT published_rows FROM import WHERE state = 'done'", database) == 1)
        }
    }

    // MARK: Steps

    private static func receipt(
        _ file: ImportFile, at now: Timestamp = now, in database: TestDatabase
    ) async throws -> ImportStore.Receipt {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try ImportStore.check(file, name: "orders.csv", mapping: [:], by: "test", at: now, in: transaction)
        }
    }

    private static func check(
        _ file: ImportFile, at now: Timestamp = now, in database: TestDatabase
    ) async throws -> ImportRecord {
        let receipt = try await receipt(file, at: now, in: database)
        guard case .checked(let record) = receipt else { throw NotChecked(receipt: receipt) }
        return record
    }

    private struct NotChecked: Error {
        let receipt: ImportStore.Receipt
    }

    private static func findings(_ record: ImportRecord, in database: TestDatabase) async throws -> [ImportFinding] {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try ImportFindings.load(.bad, of: record.importID, limit: 100, in: transaction)
                + ImportFindings.load(.duplicate, of: record.importID, limit: 100, in: transaction)
        }
    }

    private static func confirm(_ importID: Identifier, _ database: TestDatabase) async throws -> String {
        let decision = try await database.pool.transaction { transaction throws(PostgresError) in
            try ImportStore.confirm(importID, by: "test", at: now, in: transaction)
        }
        return switch decision {
        case .decided: "decided"
        case .repeated: "repeated"
        case .refused: "refused"
        case .unknown: "unknown"
        }
    }

    private static func move(_ importID: Identifier?, _ database: TestDatabase) async throws -> Bool {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try ImportPublishing.moveChunk(of: importID, at: now, in: transaction)
        }
    }

    private static func moveAll(_ importID: Identifier?, _ database: TestDatabase) async throws -> Int {
        var chunks = 0
        while try await move(importID, database) { chunks += 1 }
        return chunks
    }

    private static func count(_ statement: Statement, _ database: TestDatabase) async throws -> Int64 {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(statement) { row in try row.int8(0) }
        }.first ?? 0
    }
}
