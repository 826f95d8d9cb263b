public import Domain
public import Postgres

/// Events that wait for the fraud engine, or whose day may still change.
public enum FraudObservationStore {
    /// The events of a message that occurred on one day.
    public struct Row: Sendable {
        public let messageID: Identifier
        public let day: Int32
        public let events: [UInt8]

        public init(messageID: Identifier, day: Int32, events: [UInt8]) {
            self.messageID = messageID
            self.day = day
            self.events = events
        }
    }

    /// Names a row.
    public struct Key: Sendable {
        public let messageID: Identifier
        public let day: Int32
    }

    public static func save(
        _ rows: [Row], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !rows.isEmpty else { return }
        try transaction.run(
            """
            INSERT INTO fraud_observation (message_id, day, events, recorded_at)
            SELECT o.message_id, o.day, o.events, $4
            FROM unnest($1::uuid[], $2::int4[], $3::bytea[]) AS o (message_id, day, events)
            ON CONFLICT (message_id, day) DO NOTHING
            """, .uuids(rows.map(\.messageID.value)), .int4s(rows.map(\.day)), .bytesArray(rows.map(\.events)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
    }

    /// Remembers whose hashes are whose.
    public static func name(
        _ affiliates: [UInt64: String], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !affiliates.isEmpty else { return }
        let affiliates = affiliates.sorted { $0.key < $1.key }
        try transaction.run(
            """
            INSERT INTO fraud_name (hash, affiliate_id) SELECT * FROM unnest($1::int8[], $2::text[])
            ON CONFLICT (hash) DO NOTHING
            """, .int8s(affiliates.map { Int64(bitPattern: $0.key) }), .texts(affiliates.map(\.value)))
    }

    public static func names(in transaction: borrowing Transaction) throws(PostgresError) -> [UInt64: String] {
        let names = try transaction.query("SELECT hash, affiliate_id FROM fraud_name") { row throws(PostgresError) in
            (UInt64(bitPattern: try row.int8(0)), try row.text(1))
        }
        return Dictionary(uniqueKeysWithValues: names)
    }

    /// Observations that wait, the longest waiting first.
    public static func waiting(
        maximum: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Key] {
        try transaction.query(
            """
            SELECT message_id, day FROM fraud_observation WHERE NOT judged
            ORDER BY recorded_at, message_id, day LIMIT $1
            """, .int8(Int64(maximum))
        ) { row throws(PostgresError) in Key(messageID: try row.identifier(0), day: try row.int4(1)) }
    }

    /// How many wait.
    public static func waitingCount(in transaction: borrowing Transaction) throws(PostgresError) -> Int {
        let counts = try transaction.query("SELECT count(*) FROM fraud_observation WHERE NOT judged") {
            row throws(PostgresError) in Int(try row.int8(0))
        }
        return counts.first ?? 0
    }

    /// Days that have any.
    public static func days(in transaction: borrowing Transaction) throws(PostgresError) -> [Int32] {
        try transaction.query("SELECT DISTINCT day FROM fraud_observation") { row throws(PostgresError) in
            try row.int4(0)
        }
    }

    /// What was observed on days, whether judged or not.
    public static func events(
        of days: ClosedRange<Int32>, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [[UInt8]] {
        try transaction.query(
            "SELECT events FROM fraud_observation WHERE day BETWEEN $1 AND $2", .int4(days.lowerBound),
            .int4(days.upperBound)
        ) { row throws(PostgresError) in try row.bytes(0) }
    }

    public static func markJudged(_ rows: [Key], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !rows.isEmpty else { return }
        try transaction.run(
            """
            UPDATE fraud_observation o SET judged = true FROM unnest($1::uuid[], $2::int4[]) AS k (message_id, day)
            WHERE o.message_id = k.message_id AND o.day = k.day AND NOT o.judged
            """, .uuids(rows.map(\.messageID.value)), .int4s(rows.map(\.day)))
    }

    /// The last day up to which all events are judged, and came at the latest at `arrival`, or began to come before
    /// `begin`.
    ///
    /// - Parameter last: the last day that may be sealed at all.
    /// - Returns: nil if there is none with an event.
    public static func sealable(
        through last: Int32, arrivedBy arrival: Timestamp, begunBy begin: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int32? {
        let days = try transaction.query(
            """
            SELECT day, bool_and(judged) AND (max(recorded_at) <= $2 OR min(recorded_at) <= $3)
            FROM fraud_observation WHERE day <= $1 GROUP BY day ORDER BY day
            """, .int4(last), .timestamp(microsecondsSinceEpoch: arrival.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: begin.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in (day: try row.int4(0), isQuiet: try row.bool(1)) }
        return days.prefix { $0.isQuiet }.last?.day
    }

    /// Forgets the events of sealed days, and judgements that are too old to be looked at.
    public static func forget(
        through day: Int32, judgementDays: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run("DELETE FROM fraud_observation WHERE day <= $1 AND judged", .int4(day))
        try transaction.run(
            "DELETE FROM fraud_judgement WHERE day <= $1", .date(daysSinceEpoch: day - judgementDays))
    }
}
