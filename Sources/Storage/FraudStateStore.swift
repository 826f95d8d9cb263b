public import Domain
public import Postgres

/// The engine's state as of the last sealed day, and who judges on it.
public enum FraudStateStore {
    /// The row that every judge starts from.
    public struct World: Sendable {
        public let revision: Int64
        /// `Int32.min` before the first sealed day.
        public let sealedThrough: Int32
    }

    /// Makes `judge` the one that judges, unless another is and was seen lately.
    ///
    /// - Returns: nil while another judges.
    public static func claim(
        _ judge: String, at now: Timestamp, until end: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> World? {
        try transaction.query(
            """
            UPDATE fraud_world SET judge = $1, judge_until = $3 WHERE judge = $1 OR judge_until < $2
            RETURNING revision, sealed_through
            """, .text(judge), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: end.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            World(revision: try row.int8(0), sealedThrough: try row.int4OrNull(1) ?? .min)
        }.first
    }

    /// Lets another judge at once.
    public static func leave(_ judge: String, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("UPDATE fraud_world SET judge_until = '-infinity' WHERE judge = $1", .text(judge))
    }

    /// Raises the revision, if it is still what the judge started from.
    ///
    /// - Returns: false if another judged meanwhile; then nothing may be saved.
    public static func advance(
        from revision: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            "UPDATE fraud_world SET revision = revision + 1 WHERE revision = $1", .int8(revision)) == 1
    }

    /// The state without its links, but for devices on which something was bought.
    public static func load(in transaction: borrowing Transaction) throws(PostgresError) -> FraudState {
        var state = FraudState()
        state.world =
            try transaction.query("SELECT state, state_version FROM fraud_world") { row throws(PostgresError) in
                guard try row.int4(1) == FraudState.version else {
                    throw PostgresError(code: .decoding, message: "the fraud engine's state is of another version")
                }
                return try row.bytes(0)
            }.first ?? []
        let pairs = try transaction.query("SELECT program, affiliate, history FROM fraud_pair") {
            row throws(PostgresError) in
            let pair = FraudPair(
                program: UInt64(bitPattern: try row.int8(0)), affiliate: UInt64(bitPattern: try row.int8(1)))
            return (pair, try row.bytes(2))
        }
        state.pairs = Dictionary(uniqueKeysWithValues: pairs)
        let standings = try transaction.query("SELECT affiliate, standing FROM fraud_standing") {
            row throws(PostgresError) in (UInt64(bitPattern: try row.int8(0)), try row.bytes(1))
        }
        state.standings = Dictionary(uniqueKeysWithValues: standings)
        state.links = try transaction.query(
            "SELECT kind, key, day, is_buyer, record FROM fraud_link WHERE is_buyer ORDER BY kind, key"
        ) { row throws(PostgresError) in try link(row) }
        return state
    }

    /// The stored links of keys, where there are any.
    public static func links(
        of keys: FraudLinkKeys, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudLink] {
        let keys = keys.list
        guard !keys.isEmpty else { return [] }
        return try transaction.query(
            """
            SELECT l.kind, l.key, l.day, l.is_buyer, l.record
            FROM unnest($1::int4[], $2::int8[]) AS k (kind, key) JOIN fraud_link l USING (kind, key)
            """, .int4s(keys.map(\.kind.rawValue)), .int8s(keys.map { Int64(bitPattern: $0.key) })
        ) { row throws(PostgresError) in try link(row) }
    }

    private static func link(_ row: borrowing Row) throws(PostgresError) -> FraudLink {
        guard let kind = FraudLinkKind(rawValue: try row.int4(0)) else {
            throw PostgresError(code: .decoding, message: "a stored link is of an unknown kind")
        }
        return FraudLink(
            kind: kind, key: UInt64(bitPattern: try row.int8(1)), day: try row.int4(2), isBuyer: try row.bool(3),
            bytes: try row.bytes(4))
    }

    /// Puts the state at the end of `day` in the place of the one before, and forgets what is too old after it.
    ///
    /// - Parameter clickDays: for which clicks are remembered.
    public static func seal(
        _ state: FraudState, through day: Int32, clickDays: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            "UPDATE fraud_world SET state = $1, state_version = $2, sealed_through = $3", .bytes(state.world),
            .int4(FraudState.version), .int4(day))
        try savePairs(state.pairs, in: transaction)
        let standings = state.standings.sorted { $0.key < $1.key }
        try transaction.run(
            """
            INSERT INTO fraud_standing AS s (affiliate, standing) SELECT * FROM unnest($1::int8[], $2::bytea[])
            ON CONFLICT (affiliate) DO UPDATE SET standing = excluded.standing
            WHERE s.standing <> excluded.standing
            """, .int8s(standings.map { Int64(bitPattern: $0.key) }), .bytesArray(standings.map(\.value)))
        try transaction.run(
            """
            INSERT INTO fraud_link AS l (kind, key, day, is_buyer, record)
            SELECT * FROM unnest($1::int4[], $2::int8[], $3::int4[], $4::bool[], $5::bytea[])
            ON CONFLICT (kind, key) DO UPDATE
            SET day = excluded.day, is_buyer = excluded.is_buyer, record = excluded.record
            """, .int4s(state.links.map(\.kind.rawValue)), .int8s(state.links.map { Int64(bitPattern: $0.key) }),
            .int4s(state.links.map(\.day)), .bools(state.links.map(\.isBuyer)), .bytesArray(state.links.map(\.bytes)))
        let kept = FraudLinkKind.allCases.map { $0.daysKept(clickDays: clickDays) }
        try transaction.run(
            """
            DELETE FROM fraud_link l USING unnest($1::int4[], $2::int4[]) AS k (kind, days)
            WHERE l.kind = k.kind AND l.day <= $3 - k.days
            """, .int4s(FraudLinkKind.allCases.map(\.rawValue)), .int4s(kept), .int4(day))
    }

    private static func savePairs(
        _ pairs: [FraudPair: [UInt8]], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let pairs = pairs.sorted { $0.key < $1.key }
        let programs = PostgresValue.int8s(pairs.map { Int64(bitPattern: $0.key.program) })
        let affiliates = PostgresValue.int8s(pairs.map { Int64(bitPattern: $0.key.affiliate) })
        try transaction.run(
            """
            DELETE FROM fraud_pair p WHERE NOT EXISTS (
                SELECT FROM unnest($1::int8[], $2::int8[]) AS k (program, affiliate)
                WHERE k.program = p.program AND k.affiliate = p.affiliate)
            """, programs, affiliates)
        try transaction.run(
            """
            INSERT INTO fraud_pair AS p (program, affiliate, history)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::bytea[])
            ON CONFLICT (program, affiliate) DO UPDATE SET history = excluded.history
            WHERE p.history <> excluded.history
            """, programs, affiliates, .bytesArray(pairs.map(\.value)))
    }
}
