import DevKit
import Postgres
import Testing

@Suite struct ValueTests {
    /// `$1` goes in as one kind of value and comes back as text, so that both ends of the encoding are checked.
    static let parameters: [(value: PostgresValue, text: String?)] = [
        (.null, nil),
        (.bool(true), "true"),
        (.int4(-2_147_483_648), "-2147483648"),
        (.int8(9_223_372_036_854_775_807), "9223372036854775807"),
        (.float8(-0.1), "-0.1"),
        (.text("Zürich 'n\\ \u{1F600}"), "Zürich 'n\\ \u{1F600}"),
        (.text(""), ""),
        (.bytes([0, 1, 255]), "\\x0001ff"),
        (.uuid(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF), "00112233-4455-6677-8899-aabbccddeeff"),
        (.timestamp(microsecondsSinceEpoch: 1_700_000_000_123_456), "2023-11-14 22:13:20.123456+00"),
        (.timestamp(microsecondsSinceEpoch: -1), "1969-12-31 23:59:59.999999+00"),
        (.date(daysSinceEpoch: 0), "1970-01-01"),
        (.jsonb(#"{"a": [1, null]}"#), #"{"a": [1, null]}"#),
        (.bools([true, false]), "{t,f}"),
        (.int4s([1, -1]), "{1,-1}"),
        (.int8s([]), "{}"),
        (.float8s([1.5, .infinity]), "{1.5,Infinity}"),
        (.texts(["a", "", "NULL"]), #"{a,"","NULL"}"#),
        (.bytesArray([[1], []]), #"{"\\x01","\\x"}"#),
        (.uuids([1]), "{00000000-0000-0000-0000-000000000001}"),
        (.timestamps([0]), #"{"1970-01-01 00:00:00+00"}"#),
        (.dates([1, -1]), "{1970-01-02,1969-12-31}"),
        (.optionalInt8s([1, nil]), "{1,NULL}"),
        (.optionalTexts([nil, "x"]), "{NULL,x}"),
        (.optionalUUIDs([nil]), "{NULL}"),
        (.optionalTimestamps([nil, 0]), #"{NULL,"1970-01-01 00:00:00+00"}"#),
    ]

    @Test("Every kind of parameter arrives as what it is", arguments: parameters.indices)
    func parameter(index: Int) async throws {
        let (value, text) = ValueTests.parameters[index]
        let database = try await PlainDatabase.shared()
        let type = ValueTests.castName(value)
        let rows = try await database.pool.transaction { t throws(PostgresError) in
            try t.query("SELECT ($1)::text, pg_typeof($1)::text", value) {
                (text: try $0.textOrNull(0), type: try $0.text(1))
            }
        }
        // A null has no type of its own, and a boolean casts to its word.
        #expect(rows.map(\.text) == [text])
        if text != nil { #expect(rows.map(\.type) == [type]) }
    }

    private static func castName(_ value: PostgresValue) -> String {
        switch value {
        case .null, .text: "text"
        case .bool: "boolean"
        case .int4: "integer"
        case .int8: "bigint"
        case .float8: "double precision"
        case .bytes: "bytea"
        case .uuid: "uuid"
        case .timestamp: "timestamp with time zone"
        case .date: "date"
        case .jsonb: "jsonb"
        case .bools: "boolean[]"
        case .int4s: "integer[]"
        case .int8s, .optionalInt8s: "bigint[]"
        case .float8s: "double precision[]"
        case .texts, .optionalTexts: "text[]"
        case .bytesArray: "bytea[]"
        case .uuids, .optionalUUIDs: "uuid[]"
        case .timestamps, .optionalTimestamps: "timestamp with time zone[]"
        case .dates: "date[]"
        }
    }

    @Test("Every kind of column is read as what it is")
    func columns() async throws {
        let database = try await PlainDatabase.shared()
        try await database.pool.transaction { t throws(PostgresError) in
            let checks = try t.query(
                """
                SELECT true, 7::smallint, -8, 9::bigint, 1.25::float8, 'x'::varchar, '{"a": 1}'::jsonb, '{"b":2}'::json,
                       '\\x00ff'::bytea, '00000000-0000-0000-0000-0000000000ff'::uuid,
                       '1970-01-01 00:00:01+00'::timestamptz, '1970-01-03'::date, NULL::text, NULL::bigint,
                       '{1,2}'::int[], '{3}'::bigint[], '{a,b}'::text[], '{}'::text[], 'infinity'::timestamptz
                """
            ) { row in
                [
                    try row.bool(0), try row.int8(1) == 7, try row.int4(1) == 7, try row.int8(2) == -8,
                    try row.int4(2) == -8, try row.int8(3) == 9, try row.float8(4) == 1.25, try row.text(5) == "x",
                    try row.json(6) == #"{"a": 1}"#, try row.json(7) == #"{"b":2}"#, try row.bytes(8) == [0, 255],
                    try row.uuid(9) == 255, try row.timestamp(10) == 1_000_000, try row.date(11) == 2,
                    try row.textOrNull(12) == nil, try row.int8OrNull(13) == nil, try row.int4s(14) == [1, 2],
                    try row.int8s(15) == [3], try row.texts(16) == ["a", "b"], try row.texts(17) == [],
                    try row.timestamp(18) == .max, try row.int8OrNull(3) == 9, try row.isNull(12),
                ]
            }
            #expect(checks == [Array(repeating: true, count: 23)])
        }
    }

    @Test("A column of another type, a null, or a missing column is an error and not a guess")
    func mismatches() async throws {
        let database = try await PlainDatabase.shared()
        let readers: [@Sendable (borrowing Row) throws -> Void] = [
            { _ = try $0.int8(0) }, { _ = try $0.text(1) }, { _ = try $0.int8(2) }, { _ = try $0.uuid(9) },
            { _ = try $0.int4(3) }, { _ = try $0.texts(4) },
        ]
        for read in readers {
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction { t throws(PostgresError) in
                    _ = try t.query(
                        "SELECT 'x'::text, 1, NULL::bigint, 1::bigint, '{a,NULL}'::text[]", decode: read)
                }
            }
            #expect(error?.code == .decoding)
        }
    }

    @Test("A parameter that is null in one call and typed in the next keeps its column's type")
    func nullThenTyped() async throws {
        let database = try await PlainDatabase.shared()
        let values: [(PostgresValue, PostgresValue)] = [
            (.null, .null), (.int8(5), .null), (.null, .text("x")), (.int8(6), .text("y")), (.int4(7), .null),
        ]
        for (number, text) in values {
            let count = try await database.pool.transaction { t throws(PostgresError) in
                try t.run("CREATE TEMPORARY TABLE IF NOT EXISTS narrow (number int4, label text)")
                return try t.run("INSERT INTO narrow VALUES ($1, $2)", number, text)
            }
            #expect(count == 1)
        }
    }
}

/// One empty database for the tests that leave nothing behind.
enum PlainDatabase {
    private static let holder = Holder()

    static func shared() async throws -> TestDatabase { try await holder.database() }

    private actor Holder {
        private var task: Task<TestDatabase, any Error>?

        func database() async throws -> TestDatabase {
            if let task { return try await task.value }
            let created = Task { try await TestDatabase.fresh(poolSize: 1, migrated: false) }
            task = created
            return try await created.value
        }
    }
}
