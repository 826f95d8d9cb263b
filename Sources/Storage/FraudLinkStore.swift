public import Domain
public import Postgres

/// What keys lead to: as of the last sealed day, and as of the end of open days beside it.
public enum FraudLinkStore {
    /// Devices of one look at those on which something was bought.
    private static let pageRows: Int64 = 20_000

    /// What a day needs: of each key what was stored last, and the devices that it forgets.
    public static func links(
        _ wanted: FraudTimeline.Wanted, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudLink] {
        let keys = wanted.keys.list
        let kinds = PostgresValue.int4s(keys.map(\.kind.rawValue))
        let hashes = PostgresValue.int8s(keys.map { Int64(bitPattern: $0.key) })
        let named = try transaction.query(
            """
            SELECT k.kind, k.key, l.day, l.is_buyer, l.record
            FROM unnest($1::int4[], $2::int8[]) AS k (kind, key) CROSS JOIN LATERAL (
                (SELECT o.as_of, o.day, o.is_buyer, o.record FROM fraud_link_open o
                WHERE o.kind = k.kind AND o.key = k.key AND o.as_of <= $3 ORDER BY o.as_of DESC LIMIT 1)
                UNION ALL
                SELECT NULL, s.day, s.is_buyer, s.record FROM fraud_link s WHERE s.kind = k.kind AND s.key = k.key
                ORDER BY 1 DESC NULLS LAST LIMIT 1) AS l
            """, kinds, hashes, .int4(wanted.day), decode: link)
        guard !wanted.forgotten.isEmpty else { return named }
        let forgotten = try transaction.query(
            """
            SELECT o.kind, o.key, o.day, o.is_buyer, o.record FROM fraud_link_open o
            WHERE o.is_buyer AND o.day >= $1 AND o.day < $2 AND o.as_of <= $3 AND NOT EXISTS (
                SELECT FROM fraud_link_open n
                WHERE n.kind = o.kind AND n.key = o.key AND n.as_of > o.as_of AND n.as_of <= $3)
            UNION ALL
            SELECT s.kind, s.key, s.day, s.is_buyer, s.record FROM fraud_link s
            WHERE s.is_buyer AND s.day >= $1 AND s.day < $2 AND NOT EXISTS (
                SELECT FROM fraud_link_open n WHERE n.kind = s.kind AND n.key = s.key AND n.as_of <= $3)
            """, .int4(wanted.forgotten.lowerBound), .int4(wanted.forgotten.upperBound), .int4(wanted.day),
            decode: link)
        return named + forgotten
    }

    /// Devices on which something was bought, as of the last sealed day, some at a time.
    ///
    /// - Parameter last: of those seen; nil for the first.
    public static func buyers(
        after last: FraudLink?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudLink] {
        try transaction.query(
            """
            SELECT kind, key, day, is_buyer, record FROM fraud_link
            WHERE is_buyer AND (day, key) > ($1, $2) ORDER BY day, key LIMIT $3
            """, .int4(last?.day ?? .min), .int8(last.map { Int64(bitPattern: $0.key) } ?? .min), .int8(pageRows),
            decode: link)
    }

    private static func link(_ row: borrowing Row) throws(PostgresError) -> FraudLink {
        guard let kind = FraudLinkKind(rawValue: try row.int4(0)) else {
            throw PostgresError(code: .decoding, message: "a stored link is of an unknown kind")
        }
        return FraudLink(
            kind: kind, key: UInt64(bitPattern: try row.int8(1)), day: try row.int4(2), isBuyer: try row.bool(3),
            bytes: try row.bytes(4))
    }

    /// Keeps what the keys of an open day lead to at its end.
    public static func keep(
        _ links: [FraudLink], asOf day: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let links = links.sorted { ($0.kind.rawValue, $0.key) < ($1.kind.rawValue, $1.key) }
        try transaction.run(
            """
            INSERT INTO fraud_link_open AS o (kind, key, as_of, day, is_buyer, record)
            SELECT kind, key, $6, day, is_buyer, record
            FROM unnest($1::int4[], $2::int8[], $3::int4[], $4::bool[], $5::bytea[])
                AS k (kind, key, day, is_buyer, record)
            ON CONFLICT (kind, key, as_of) DO UPDATE
            SET day = excluded.day, is_buyer = excluded.is_buyer, record = excluded.record
            WHERE (o.day, o.is_buyer, o.record) IS DISTINCT FROM (excluded.day, excluded.is_buyer, excluded.record)
            """, .int4s(links.map(\.kind.rawValue)), .int8s(links.map { Int64(bitPattern: $0.key) }),
            .int4s(links.map(\.day)), .bools(links.map(\.isBuyer)), .bytesArray(links.map(\.bytes)), .int4(day))
    }

    /// Forgets all open days: who judges anew makes them again.
    public static func forgetOpenDays(in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("DELETE FROM fraud_link_open")
    }

    /// Makes the open days up to `day` part of the sealed ones, and forgets what is too old after it.
    static func seal(
        through day: Int32, clickDays: Int32, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            INSERT INTO fraud_link AS l (kind, key, day, is_buyer, record)
            SELECT DISTINCT ON (kind, key) kind, key, day, is_buyer, record FROM fraud_link_open
            WHERE as_of <= $1 AND record <> '' ORDER BY kind, key, as_of DESC
            ON CONFLICT (kind, key) DO UPDATE
            SET day = excluded.day, is_buyer = excluded.is_buyer, record = excluded.record
            """, .int4(day))
        try transaction.run("DELETE FROM fraud_link_open WHERE as_of <= $1", .int4(day))
        let kept = FraudLinkKind.allCases.map { $0.daysKept(clickDays: clickDays) }
        try transaction.run(
            """
            DELETE FROM fraud_link l USING unnest($1::int4[], $2::int4[]) AS k (kind, days)
            WHERE l.kind = k.kind AND l.day <= $3 - k.days
            """, .int4s(FraudLinkKind.allCases.map(\.rawValue)), .int4s(kept), .int4(day))
    }
}
