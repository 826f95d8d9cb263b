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

    /// Whether the revision is still what the judge started from; until the transaction's end it stays so.
    public static func isCurrent(_ revision: Int64, in transaction: borrowing Transaction) throws(PostgresError) -> Bool
    {
        try !transaction.query("SELECT 1 FROM fraud_world WHERE revision = $1 FOR SHARE", .int8(revision)) {
            row throws(PostgresError) in try row.int4(0)
        }.isEmpty
    }

    /// The state without its links.
    public static func load(in transaction: borrowing Transaction) throws(PostgresError) -> FraudState {
        var state = FraudState()
        let worlds = try transaction.query("SELECT state, state_version, candidate_version FROM fraud_world") {
            row throws(PostgresError) in
            guard try row.int4(1) <= FraudState.version else {
                throw PostgresError(code: .decoding, message: "the fraud engine's state is of a newer version")
            }
            return (try row.bytes(0), try row.textOrNull(2), try row.int4(1))
        }
        state.world = worlds.first?.0 ?? []
        state.candidateVersion = worlds.first?.1
        state.version = worlds.first?.2 ?? FraudState.version
        let pairs = try transaction.query("SELECT program, affiliate, history FROM fraud_pair") {
            row throws(PostgresError) in
            let pair = FraudPair(
                program: UInt64(bitPattern: try row.int8(0)), affiliate: UInt64(bitPattern: try row.int8(1)))
            return (pair, try row.bytes(2))
        }
        state.pairs = Dictionary(uniqueKeysWithValues: pairs)
        let standings = try transaction.query("SELECT affiliate, standing, candidate FROM fraud_standing") {
            row throws(PostgresError) in
            (affiliate: UInt64(bitPattern: try row.int8(0)), bytes: try row.bytes(1), candidate: try row.bytesOrNull(2))
        }
        for standing in standings {
            state.standings[standing.affiliate] = standing.bytes
            state.candidates[standing.affiliate] = standing.candidate
        }
        return state
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

    private static func saveStandings(_ state: FraudState, in transaction: borrowing Transaction) throws(PostgresError)
    {
        let standings = state.standings.sorted { $0.key < $1.key }
        try transaction.run(
            """
            INSERT INTO fraud_standing AS s (affiliate, standing, candidate)
            SELECT affiliate, standing, NULLIF(candidate, '')
            FROM unnest($1::int8[], $2::bytea[], $3::bytea[]) AS k (affiliate, standing, candidate)
            ON CONFLICT (affiliate) DO UPDATE SET standing = excluded.standing, candidate = excluded.candidate
            WHERE (s.standing, s.candidate) IS DISTINCT FROM (excluded.standing, excluded.candidate)
            """, .int8s(standings.map { Int64(bitPattern: $0.key) }), .bytesArray(standings.map(\.value)),
            .bytesArray(standings.map { state.candidates[$0.key] ?? [] }))
    }

    /// Puts the state at the end of `day` in the place of the one before, with the links that were kept of the open
    /// days up to it, and forgets what is too old after it.
    ///
    /// - Parameter clickDays: for which clicks are remembered.
    public static func seal(
        _ state: FraudState, through day: Int32, clickDays: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            "UPDATE fraud_world SET state = $1, state_version = $2, sealed_through = $3, candidate_version = $4",
            .bytes(state.world), .int4(FraudState.version), .int4(day), .optionalText(state.candidateVersion))
        try savePairs(state.pairs, in: transaction)
        try saveStandings(state, in: transaction)
        try FraudLinkStore.seal(through: day, clickDays: clickDays, in: transaction)
    }
}
