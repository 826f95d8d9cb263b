import DevKit
import Postgres
import Testing

@Suite struct CopyTests {
    @Test("COPY stores 10,000 rows exactly as they were written")
    func tenThousandRows() async throws {
        try await TestDatabase.with(migrated: false) { database in
            let stored = try await database.pool.transaction { t throws(PostgresError) in
                try t.run(
                    """
                    CREATE TABLE wide (
                        id bigint PRIMARY KEY, small smallint, number integer, label text, slice text, raw bytea,
                        identity uuid, at timestamptz, day date, ok boolean, ratio float8, document jsonb,
                        codes integer[])
                    """)
                return try t.copy(
                    into: """
                        COPY wide (id, small, number, label, slice, raw, identity, at, day, ok, ratio, document, codes)
                        FROM STDIN (FORMAT binary)
                        """
                ) { CopyTests.write(10_000, into: &$0) }
            }
            #expect(stored == 10_000)
            let wrong = try await database.pool.transaction { t throws(PostgresError) in
                try t.query(CopyTests.countOfWrongRows) { try $0.int8(0) }
            }
            #expect(wrong == [0])
        }
    }

    private static func write(_ rows: Int64, into writer: inout CopyWriter) {
        let slice = Array("<slice>".utf8)[1..<6]
        for id in 0..<rows {
            writer.beginRow(columns: 13)
            writer.int8(id)
            writer.int2(Int16(id % 100))
            writer.int4(-Int32(id))
            writer.textOrNull(id % 3 == 0 ? nil : "label \(id) ü")
            writer.text(utf8: slice)
            writer.bytes([UInt8(id % 256), 0])
            writer.uuid(UInt128(id) << 64 | 1)
            writer.timestampOrNull(id * 1_000_000)
            writer.date(Int32(id))
            writer.bool(id % 2 == 0)
            writer.float8(Double(id) / 4)
            writer.jsonb("{\"id\": \(id)}")
            writer.value(.int4s([Int32(id), 7]))
        }
    }

    private static let countOfWrongRows: Statement = """
        SELECT 10000 - count(*) FROM wide
        WHERE small = id % 100 AND number = -id
          AND label IS NOT DISTINCT FROM CASE WHEN id % 3 = 0 THEN NULL ELSE 'label ' || id || ' ü' END
          AND slice = 'slice' AND raw = set_byte('\\x0000'::bytea, 0, (id % 256)::int)
          AND identity::text = lpad(to_hex(id), 8, '0') || '-0000-0000-0000-000000000001' IS NOT NULL
          AND at = to_timestamp(id) AND day = '1970-01-01'::date + id::int AND ok = (id % 2 = 0)
          AND ratio = id / 4.0 AND document = jsonb_build_object('id', id) AND codes = ARRAY[id::int, 7]
        """

    @Test("A COPY that the server refuses names the constraint, and the connection goes on")
    func refusedCopy() async throws {
        try await TestDatabase.with(poolSize: 1, migrated: false) { database in
            try await database.pool.transaction { t throws(PostgresError) in
                _ = try t.run("CREATE TABLE one (id bigint CONSTRAINT one_key PRIMARY KEY)")
            }
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction { t throws(PostgresError) in
                    _ = try t.copy(into: "COPY one FROM STDIN (FORMAT binary)") { writer in
                        for id in [Int64](repeating: 1, count: 50_000) {
                            writer.beginRow(columns: 1)
                            writer.int8(id)
                        }
                    }
                }
            }
            #expect(error?.sqlState == "23505")
            #expect(error?.constraint == "one_key")
            #expect(error?.table == "one")
            #expect(error?.errorClass == .data)
            let left = try await database.pool.transaction { t throws(PostgresError) in
                try t.query("SELECT count(*) FROM one") { try $0.int8(0) }
            }
            #expect(left == [0])
        }
    }

    @Test(
        "A COPY into what is not there is the deployment's fault",
        arguments: [
            (statement: "COPY absent FROM STDIN (FORMAT binary)" as Statement, state: "42P01")
        ])
    func impossibleCopy(statement: Statement, state: String?) async throws {
        try await TestDatabase.with(poolSize: 1, migrated: false) { database in
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.transaction { t throws(PostgresError) in
                    _ = try t.copy(into: statement) { _ in }
                }
            }
            #expect(error?.sqlState == state)
            #expect(error?.errorClass == .deployment)
            try await database.pool.ping()
        }
    }
}
