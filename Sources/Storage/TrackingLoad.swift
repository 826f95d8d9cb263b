public import Domain
public import Postgres

/// What the scorer asks the database before it decides: one query per table and batch.
public enum TrackingLoad {
    public static func programs(
        _ ids: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: Program] {
        let programs = try transaction.query(
            """
            SELECT program_id, currency, pays_in, hold_days, attribution_window_days, coupon_beats_click, rules_version
            FROM program WHERE program_id = ANY($1)
            """, .texts(ids)
        ) { row throws(PostgresError) in
            Program(
                programID: try row.text(0), currency: try row.currency(1),
                paysIn: Program.PaysIn(rawValue: try row.text(2)) ?? .order, holdDays: try row.int4(3),
                attributionWindowDays: try row.int4(4), couponBeatsClick: try row.bool(5),
                rulesVersion: try row.int4(6))
        }
        return Dictionary(uniqueKeysWithValues: programs.map { ($0.programID, $0) })
    }

    /// - Returns: the known affiliates.
    public static func affiliates(
        _ ids: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: Party] {
        let rows = try transaction.query(
            """
            SELECT a.affiliate_id, a.status = 'active', a.group_id, r.affiliate_id
            FROM affiliate a LEFT JOIN affiliate r ON r.affiliate_id = a.referred_by AND r.status = 'active'
            WHERE a.affiliate_id = ANY($1)
            """, .texts(ids)
        ) { row throws(PostgresError) in
            (
                try row.text(0),
                Party(isActive: try row.bool(1), groupID: try row.textOrNull(2), referrerID: try row.textOrNull(3))
            )
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// - Returns: the content hashes of those that were taken in before.
    public static func events(
        _ keys: [MonthKey], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [MonthKey: Identifier] {
        guard let span = MonthSpan(keys) else { return [:] }
        let rows = try transaction.query(
            """
            SELECT event_key, occurred_at, content_hash FROM event
            WHERE event_key = ANY($1) AND occurred_at >= $2 AND occurred_at < $3
            """, .uuids(keys.map(\.key.value)), .moment(span.start), .moment(span.end)
        ) { row throws(PostgresError) in (try row.monthKey(0, at: 1), try row.identifier(2)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// - Returns: which of them are known clicks.
    public static func knownClicks(
        _ keys: [MonthKey], in transaction: borrowing Transaction
    ) throws(PostgresError) -> Set<MonthKey> {
        guard let span = MonthSpan(keys) else { return [] }
        let rows = try transaction.query(
            """
            SELECT click_key, occurred_at FROM click
            WHERE click_key = ANY($1) AND occurred_at >= $2 AND occurred_at < $3
            """, .uuids(keys.map(\.key.value)), .moment(span.start), .moment(span.end)
        ) { row throws(PostgresError) in try row.monthKey(0, at: 1) }
        return Set(rows)
    }

    /// The clicks that orders name.
    ///
    /// Nearly all lie between `first` and `last`; the other months are only asked for what is not there.
    public static func clicks(
        _ keys: [Identifier], from first: Timestamp, to last: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ClickBook {
        guard !keys.isEmpty else { return ClickBook() }
        let near = try transaction.query(
            """
            SELECT click_key, affiliate_id, occurred_at FROM click
            WHERE click_key = ANY($1) AND occurred_at >= $2 AND occurred_at <= $3
            """, .uuids(keys.map(\.value)), .moment(first), .moment(last)
        ) { row throws(PostgresError) in try click(row) }
        let found = Set(near.map(\.key))
        let missing = keys.filter { !found.contains($0) }
        guard !missing.isEmpty else { return ClickBook(near) }
        let far = try transaction.query(
            "SELECT click_key, affiliate_id, occurred_at FROM click WHERE click_key = ANY($1)",
            .uuids(missing.map(\.value))
        ) { row throws(PostgresError) in try click(row) }
        return ClickBook(near + far)
    }

    private static func click(_ row: borrowing Row) throws(PostgresError) -> Attribution.Click {
        Attribution.Click(
            key: try row.identifier(0), affiliateID: try row.text(1),
            occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(2)))
    }

    /// - Returns: which of the conversions are recorded.
    public static func knownConversions(
        _ ids: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> Set<Identifier> {
        guard !ids.isEmpty else { return [] }
        let known = try transaction.query(
            "SELECT conversion_id FROM conversion WHERE conversion_id = ANY($1)", .uuids(ids.map(\.value))
        ) { row throws(PostgresError) in Identifier(try row.uuid(0)) }
        return Set(known)
    }
}
