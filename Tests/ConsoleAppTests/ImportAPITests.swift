import DevKit
import Domain
import Events
import Foundation
import Kafka
import Outbox
import Postgres
import Stages
import Storage
import Testing
import WorkerRuntime

@testable import ConsoleApp

/// Files of events by HTTP.
@Suite(.serialized) struct ImportAPITests {
    private static let header = "program_id,occurred_at,affiliate_id,order_id,amount,currency"

    private static func row(
        _ order: Int, affiliate: String = "aff-1", amount: String = "12.50"
    ) -> String {
        "shoes,2026-10-20T12:00:00Z,\(affiliate),o-\(order),\(amount),EUR"
    }

    /// Three rows are new, one is a repetition, two are bad: with a mark, semicolons, CRLF and a line end in a cell.
    static let mixedFile = Array(
        ("\u{FEFF}"
            + [
                header + ",note", row(1) + ",\"two\nlines\"", row(2) + ",=1+1", row(1) + ",",
                row(3, amount: "-5") + ",+x",
                row(4), row(5) + ",-7",
            ].joined(separator: "\r\n").replacing(",", with: ";")).utf8)

    @Test("A file is checked, confirmed and published once, whoever asks how often")
    func handedIn() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            let checked = try await client.handIn(Self.mixedFile, query: "?name=orders.csv", key: "first")
            #expect(checked.status == 201, "\(checked.body)")
            let document = try #require(checked.json)
            let facts = try #require(document["import"])
            #expect(
                ["rows", "new_rows", "duplicate_rows", "bad_rows", "published_rows"].map { facts[$0]?.integer }
                    == [6, 3, 1, 2, 0])
            #expect(facts["delimiter"]?.string == "semicolon" && facts["state"]?.string == "checked")
            let bad = try #require(document["first_bad"]?.array)
            #expect(bad.map { $0["line"]?.integer } == [6, 7])
            #expect(bad.map { $0["column"]?.string } == ["amount", nil])
            #expect(bad.map { $0["code"]?.integer } == [601, 110])
            #expect(bad.first?["value"]?.string == "-500")
            let duplicate = document["first_duplicates"]?.array?.first
            #expect(duplicate?["duplicate_of"]?.string == "o-1" && duplicate?["duplicate_line"]?.integer == 2)
            let schemas = try OpenAPITests.document().components.schemas
            let value = try JSONSerialization.jsonObject(with: Data(checked.body.utf8))
            let schema = try #require(schemas["Import"])
            #expect(OpenAPITests.differences(value, schema, schemas, at: "Import") == [])

            #expect(
                try await client.handIn(Self.mixedFile, query: "?name=orders.csv", key: "first").body == checked.body)
            let again = try await client.handIn(Self.mixedFile)
            #expect(again.status == 200)
            #expect(again.json?["message"]?.string?.hasPrefix("This file was handed in before; nothing") ?? false)
            #expect(try await console.count("SELECT count(*) FROM outbox") == 0)

            let path = "/imports/\(facts["import_id"]?.string ?? "")"
            async let first = client.post(path + "/confirm", json: "")
            async let second = client.post(path + "/confirm", json: "")
            #expect(try await [first.status, second.status].sorted() == [200, 202])
            try await Self.waitUntilDone(console)
            #expect(try await client.get(path).json?["import"]?["published_rows"]?.integer == 3)
            #expect(
                try await console.text(
                    """
                    SELECT string_agg(concat_ws(' ', worker_group, out_seq, out_topic, convert_from(key, 'UTF8'),
                        convert_from(payload, 'UTF8')::jsonb ->> 'order_id'), '|' ORDER BY out_seq) FROM outbox
                    """)
                    == "import 0 conversions.raw aff-1 o-1|import 1 conversions.raw aff-1 o-2"
                    + "|import 2 conversions.raw aff-1 o-5")
            #expect(console.wakes.value > 0)
            #expect(try await client.post(path + "/discard", json: "").json?["code"]?.string == "import_done")
            #expect(try await client.post(path + "/confirm", json: "").status == 200)
            #expect(try await client.handIn(Self.mixedFile).status == 200)
            #expect(try await console.count("SELECT count(*) FROM outbox") == 3)
        }
    }

    @Test("The file of errors has the cells of each bad row as they came, and runs nothing")
    func errorFile() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            let id = try await client.handIn(Self.mixedFile).json?["import"]?["import_id"]?.string ?? ""
            let reply = try await client.get("/imports/\(id)/errors.csv")
            #expect(reply.header("content-type") == "text/csv; charset=utf-8")
            #expect(reply.header("content-disposition")?.contains("import-\(id)-bad.csv") ?? false)
            let lines = reply.body.split(separator: "\r\n")
            #expect(lines.count == 3)
            #expect(
                lines.dropFirst().first
                    == "6;amount;601;The amount is negative.;-500;shoes;2026-10-20T12:00:00Z;aff-1;o-3;-5;EUR;\"'+x\"")
            let duplicates = try await client.get("/imports/\(id)/errors.csv?outcome=duplicate").body
            #expect(duplicates.contains("\r\n5;;121;The same as line 2 of this file. This order"))
            #expect(try await client.get("/imports/\(id)/errors.csv?outcome=x").status == 400)
            #expect(try await client.get("/imports/\(Identifier(7))/errors.csv").status == 404)
        }
    }

    @Test("A file that cannot be meant is refused whole, in the reader's words, and nothing is kept")
    func refusals() async throws {
        let latin = Array("\(Self.header)\nshoes,\"a\nb\",aff-".utf8) + [0xFC] + Array(",o,1,EUR".utf8)
        let cases: [(bytes: [UInt8], query: String, status: Int, code: String, part: String)] = [
            (latin, "", 422, "not_utf8", "Line 2, column 3: the byte 0xFC is no UTF-8"),
            ([0xFF, 0xFE, 0x61, 0], "", 422, "not_utf8", "UTF-16"),
            ([], "", 422, "empty_file", "no rows"),
            (Array("a,b\n1,2".utf8), "", 422, "missing_column", "Its columns are: a, b."),
            (Array("a,b\n1,2".utf8), "?map=c=order_id", 422, "mapping_unknown_column", "column c"),
            (Array("a,b\n1,2".utf8), "?map=order", 422, "mapping_unreadable", "order does not say"),
        ]
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            for (bytes, query, status, code, part) in cases {
                let reply = try await client.handIn(bytes, query: query)
                #expect(reply.status == status, "\(code)")
                #expect(reply.json?["code"]?.string == code)
                #expect(reply.json?["detail"]?.string?.contains(part) ?? false, "\(reply.body)")
            }
            let form = try await client.send(
                "POST", "/imports", headers: ["content-type": "multipart/form-data; boundary=x"], body: "--x--")
            #expect(form.status == 415)
            #expect(try await console.count("SELECT count(*) FROM import") == 0)
        }
    }

    @Test("A form with a file needs the session's token as any other form, and says when no more may be open")
    func form() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.manager)
            func submit(token: String) async throws -> TestReply {
                let parts = ["name=\"csrf_token\"\r\n\r\n" + token, "name=\"file\"; filename=\"a.csv\"\r\n\r\n"]
                let opening = "--b\r\nContent-Disposition: form-data; "
                let body = opening + parts.joined(separator: "\r\n" + opening)
                return try await client.send(
                    "POST", "/console/imports", headers: ["content-type": "multipart/form-data; boundary=b"],
                    bytes: Array(body.utf8) + Self.mixedFile + Array("\r\n--b--\r\n".utf8))
            }
            #expect(try await submit(token: "wrong").status == 403)
            #expect(try await console.count("SELECT count(*) FROM import") == 0)
            try await console.run(
                """
                INSERT INTO import (import_id, file_name, size_bytes, delimiter, titles, mapping, state, created_by,
                    created_at)
                SELECT md5(n::text)::uuid, 'x', 1, 'comma', '{}', '{}', 'checked', 'x', '2026-10-26Z'
                FROM generate_series(1, 20) n
                """)
            let full = try await submit(token: client.csrfToken ?? "")
            #expect(full.status == 409 && full.body.contains("Other imports wait for a decision."), "\(full.body)")
            try await console.run("UPDATE import SET state = 'discarded'")
            let taken = try await submit(token: client.csrfToken ?? "")
            #expect(taken.status == 303 && taken.header("location")?.hasSuffix("?notice=import-checked") ?? false)
        }
    }

    @Test("A column has the meaning that the query gives it")
    func mapping() async throws {
        try await TestConsole.with { console in
            let client = try await console.program(scopes: [.ingestEvents])
            let file = "Shop;When;Order No;Umsatz;currency\nshoes;2026-10-20T12:00:00Z;o-1;x;EUR"
            let query = "?map=Shop=program_id&map=When=occurred_at&map=Order%20No=order_id&map=Umsatz=amount"
            let reply = try await client.handIn(Array(file.utf8), query: query)
            #expect(reply.json?["first_bad"]?.array?.first?["column"]?.string == "Umsatz", "\(reply.body)")
        }
    }

    /// The first 20,000 rows are scored in every run, all of them with `IMPORT_SCORED_ROWS=100000`, since the scorer
    /// takes most of the time. `IMPORT_FIGURES=1` prints how long each step takes.
    @Test("100,000 rows come to what their check said, and the same orders in another file are duplicates")
    func manyRows() async throws {
        let rows = 100_000
        let scored = ProcessInfo.processInfo.environment["IMPORT_SCORED_ROWS"].flatMap { Int($0) } ?? 20_000
        try await TestConsole.with { console in
            try await Self.register(console)
            let client = try await console.program(scopes: [.ingestEvents])
            let lines = (0..<rows).map { number in
                switch number % 100 {
                // Of each hundred one is bad, two repeat the row before, and one names nobody whom intake knows.
                case 0: Self.row(number, amount: "1.234")
                case 2, 4: Self.row(number - 1, affiliate: "aff-\((number - 1) % 50)")
                case 5: Self.row(number, affiliate: "nobody")
                default: Self.row(number, affiliate: "aff-\(number % 50)")
                }
            }
            let file = Array(([Self.header] + lines).joined(separator: "\n").utf8)
            let (checked, checking) = try await Self.timed { try await client.handIn(file) }
            let facts = try #require(checked.json?["import"], "\(checked.body)")
            #expect(facts["new_rows"]?.integer == Int64(rows * 97 / 100))
            #expect(facts["duplicate_rows"]?.integer == Int64(rows * 2 / 100))
            #expect(facts["bad_rows"]?.integer == Int64(rows / 100))

            let path = "/imports/\(facts["import_id"]?.string ?? "")/confirm"
            let (_, publishing) = try await Self.timed {
                #expect(try await client.post(path, json: "").status == 202)
                try await Self.waitUntilDone(console)
            }
            #expect(try await console.count("SELECT count(*) FROM outbox") == Int64(rows * 97 / 100))
            let (_, scoring) = try await Self.timed { try await Self.score(console, events: Int64(scored * 97 / 100)) }
            #expect(try await console.count("SELECT count(*) FROM event") == Int64(scored * 96 / 100))
            #expect(try await console.count("SELECT count(*) FROM conversion") == Int64(scored * 96 / 100))
            let refused = try await console.count("SELECT count(*) FROM intake_exception WHERE code = 302")
            #expect(refused == Int64(scored / 100))
            #expect(try await console.count("SELECT count(*) FROM intake_exception") == refused)

            // The orders of the first hundreds, with their columns and their amounts in another form.
            let others = (0..<500).filter { $0 % 100 > 5 }.map { "EUR\t1250\to-\($0)\t2026-10-20T12:00:00Z\tshoes" }
            let other = ["currency\tamount_minor\torder_id\toccurred_at\tprogram_id"] + others
            let reply = try await client.handIn(Array(other.joined(separator: "\r\n").utf8))
            #expect(reply.json?["import"]?["duplicate_rows"]?.integer == Int64(others.count), "\(reply.body)")
            if ProcessInfo.processInfo.environment["IMPORT_FIGURES"] != nil {
                print("\(file.count) bytes: checked \(checking), published \(publishing), scored \(scoring)")
            }
        }
    }

    @Test("A third large body at once is asked to come again")
    func largeBodies() async throws {
        let places = LargeBodies()
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        @Sendable func hold() async throws {
            try await places.withPlace {
                enter.yield()
                for await _ in gate { return }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<LargeBodies.atOnce { group.addTask { try await hold() } }
            var held = entered.makeAsyncIterator()
            for _ in 0..<LargeBodies.atOnce { await held.next() }
            let refusal = await #expect(throws: Problem.self) { try await places.withPlace {} }
            #expect(refusal?.code == "busy")
            open.finish()
            try await group.waitForAll()
        }
        try await places.withPlace {}
    }

    // MARK: Steps

    private static func timed<Output>(_ work: () async throws -> Output) async throws -> (Output, Duration) {
        let start = ContinuousClock.now
        let output = try await work()
        return (output, ContinuousClock.now - start)
    }

    private static func waitUntilDone(_ console: TestConsole) async throws {
        try await wait(for: "the rows to be in the outbox", within: .seconds(60)) {
            try await console.count("SELECT count(*) FROM import WHERE state = 'done'") == 1
        }
    }

    private static func register(_ console: TestConsole) async throws {
        try await console.run("INSERT INTO program (program_id, name, currency) VALUES ('shoes', 'shoes', 'EUR')")
        try await console.run(
            """
            INSERT INTO rule_version (program_id, rule_id, version, rules_version, valid_from, priority, definition,
                created_by)
            VALUES ('shoes', 'standard', 1, 1, '1970-01-01Z', 0, '{"action": {"percent": 1000}}', 'test')
            """)
        try await console.run(
            "INSERT INTO affiliate (affiliate_id, name) SELECT 'aff-' || n, 'aff-' || n FROM generate_series(0, 49) n")
    }

    /// Lets the scorer work on what the lane holds, as if a broker had brought it.
    private static func score(_ console: TestConsole, events: Int64) async throws {
        let stage = ScoringStage(registersUnknown: false)
        let source = TopicPartition(topic: TopicName.conversionsRaw, partition: 0)
        let now = console.clock.now
        var next: Int64 = 0
        while true {
            let rows = try await console.pool.transaction { [next] transaction throws(PostgresError) in
                try OutboxStore.load(
                    ImportPublishing.lane, from: next, limit: Int(min(2_000, events - next)), in: transaction)
            }
            guard let last = rows.last else { return }
            let batch = rows.compactMap { row -> Sourced<ScoringStage.Input>? in
                let record = Record(
                    source: source, offset: row.sequence, timestampMilliseconds: 0, key: row.message.key?[...],
                    value: row.message.payload?[...])
                guard case .input(let input) = stage.decode(record) else { return nil }
                return Sourced(record: record, input: input)
            }
            try #require(batch.count == rows.count)
            _ = try await console.pool.transaction { transaction throws(PostgresError) in
                try stage.apply(batch, in: transaction, at: now)
            }
            next = last.sequence + 1
        }
    }
}

@Suite struct MultipartFormTests {
    private static let type = "multipart/form-data; boundary=----b"

    private static func body(_ parts: [String]) -> [UInt8] {
        Array((parts.map { "------b\r\n" + $0 + "\r\n" }.joined() + "------b--\r\n").utf8)
    }

    @Test("A form's fields and its file are what the browser put in, byte by byte")
    func parts() throws {
        let content = "a,b\r\n--b\r\n----b\r\n\"x\""
        let parts = [
            "Content-Disposition: form-data; name=\"csrf_token\"\r\n\r\ntoken",
            "content-disposition: form-data; name=\"file\"; filename=\"a%22;b.csv\"\r\nContent-Type: text/csv\r\n\r\n"
                + content,
            "Content-Disposition: form-data; name=\"empty\"\r\n\r\n",
        ]
        let form = try #require(try MultipartForm(Self.body(parts), contentType: Self.type))
        #expect(form.form["csrf_token"] == "token")
        #expect(form.form["empty"] == nil && form.form["file"] == nil)
        let file = try #require(form.file("file"))
        #expect(file.name == "a\";b.csv")
        #expect(String(decoding: file.bytes, as: UTF8.self) == content)
        #expect(try MultipartForm(Self.body(parts), contentType: "application/x-www-form-urlencoded") == nil)
    }

    @Test(
        "A form that does not hold together is refused",
        arguments: [
            ("", Self.type), ("------b\r\n", Self.type), ("------b\r\nContent-Disposition: x\r\n\r\n", Self.type),
            ("------b\r\n\r\nx\r\n------b--", Self.type),
            ("------b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", Self.type),
            ("------b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n------b", Self.type),
            ("------b--", "multipart/form-data"), ("------b--", "multipart/form-data; boundary="),
            (
                "------b\r\nContent-Disposition: form-data; name=\"a\"\r\nx: \(String(repeating: "y", count: 5_000))",
                Self.type
            ),
        ])
    func malformed(body: String, type: String) {
        #expect(throws: Problem.self) { try MultipartForm(Array(body.utf8), contentType: type) }
    }
}
