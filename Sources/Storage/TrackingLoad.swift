public import Domain
public import Postgres

/// What the scorer asks the database before it decides: one query per table and batch.
public enum TrackingLoad {
    public static func programs(
        _ ids: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: Program] {
        let programs = try transaction.query(
            """
            SELECT program_id, currency, commission_basis_points, hold_days, attribution_window_days
            FROM program WHERE program_id = ANY($1)
            """, .texts(ids)
        ) { row throws(PostgresError) in
            Program(
                programID: try row.text(0), currency: try row.currency(1), rate: BasisPoints(try row.int4(2)),
                holdDays: try row.int4(3), attributionWindowDays: try row.int4(4))
        }
        return Dictionary(uniqueKeysWithValues: programs.map { ($0.programID, $0) })
    }

    /// - Returns: the known affiliates and whether each is active.
    public static func affiliates(
        _ ids: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: Bool] {
        let rows = try transaction.query(
            "SELECT affiliate_id, status = 'active' FROM affiliate WHERE affiliate_id = ANY($1)", .texts(ids)
        ) { row throws(PostgresError) in (try row.text(0), try row.bool(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// - Returns: the content hashes of the events that were taken in before, by event key.
    public static func events(
        _ keys: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: Identifier] {
        let rows = try transaction.query(
            "SELECT event_key, content_hash FROM event WHERE event_key = ANY($1)", .uuids(keys.map(\.value))
        ) { row throws(PostgresError) in (Identifier(try row.uuid(0)), Identifier(try row.uuid(1))) }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    public static func clicks(
        _ keys: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: Attribution.Click] {
        guard !keys.isEmpty else { return [:] }
        let clicks = try transaction.query(
            "SELECT click_key, affiliate_id, occurred_at FROM click WHERE click_key = ANY($1)",
            .uuids(keys.map(\.value))
        ) { row throws(PostgresError) in
            Attribution.Click(
                key: Identifier(try row.uuid(0)), affiliateID: try row.text(1),
                occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(2)))
        }
        return Dictionary(uniqueKeysWithValues: clicks.map { ($0.key, $0) })
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

    /// The conversions that refunds name, their commissions locked until the transaction ends.
    public static func conversions(
        _ ids: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: RecordedConversion] {
        guard !ids.isEmpty else { return [:] }
        let keys = PostgresValue.uuids(ids.map(\.value))
        try transaction.run(
            "SELECT FROM commission WHERE conversion_id = ANY($1) ORDER BY conversion_id FOR UPDATE", keys)
        let conversions = try transaction.query(
            """
            SELECT c.conversion_id, c.affiliate_id, c.program_id, c.amount_minor, c.currency, c.is_test, c.occurred_at,
                COALESCE(m.basis_points, 0), COALESCE(m.amount_minor, 0), COALESCE(m.reversed_minor, 0),
                COALESCE(m.status, 'reversed'),
                (SELECT COALESCE(sum(r.amount_minor), 0)::bigint FROM refund r WHERE r.conversion_id = c.conversion_id)
            FROM conversion c LEFT JOIN commission m USING (conversion_id) WHERE c.conversion_id = ANY($1)
            """, keys
        ) { row throws(PostgresError) in try conversion(row) }
        return Dictionary(uniqueKeysWithValues: conversions.map { ($0.conversionID, $0) })
    }

    private static func conversion(_ row: borrowing Row) throws(PostgresError) -> RecordedConversion {
        RecordedConversion(
            conversionID: Identifier(try row.uuid(0)), affiliateID: try row.text(1), programID: try row.text(2),
            amountMinor: try row.int8(3), currency: try row.currency(4), isTest: try row.bool(5),
            occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(6)), rate: BasisPoints(try row.int4(7)),
            commissionMinor: try row.int8(8), reversedMinor: try row.int8(9),
            status: CommissionStatus(rawValue: try row.text(10)) ?? .reversed, refundedMinor: try row.int8(11))
    }

    /// - Returns: which of the refunds are recorded.
    public static func knownRefunds(
        _ keys: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> Set<Identifier> {
        guard !keys.isEmpty else { return [] }
        let known = try transaction.query(
            "SELECT refund_key FROM refund WHERE refund_key = ANY($1)", .uuids(keys.map(\.value))
        ) { row throws(PostgresError) in Identifier(try row.uuid(0)) }
        return Set(known)
    }

    /// The payable balances of affiliates with a refund, locked until the transaction ends.
    public static func payable(
        _ affiliates: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: [Currency: Int64]] {
        guard !affiliates.isEmpty else { return [:] }
        let rows = try transaction.query(
            """
            SELECT affiliate_id, currency, payable FROM affiliate_balance WHERE affiliate_id = ANY($1)
            ORDER BY affiliate_id, currency FOR UPDATE
            """, .texts(affiliates)
        ) { row throws(PostgresError) in (try row.text(0), try row.currency(1), try row.int8(2)) }
        var payable: [String: [Currency: Int64]] = [:]
        for (affiliateID, currency, minorUnits) in rows { payable[affiliateID, default: [:]][currency] = minorUnits }
        return payable
    }

    public static func totals(
        _ keys: [AggregateKey], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AggregateKey: AffiliateScore.Totals] {
        let rows = try transaction.query(
            """
            SELECT s.affiliate_id, s.program_id, s.currency, clicks, conversions, refunds, revenue_minor, refunded_minor
            FROM affiliate_score s JOIN unnest($1::text[], $2::text[], $3::text[]) AS k(affiliate_id, program_id,
            currency)
            USING (affiliate_id, program_id, currency)
            """, .texts(keys.map(\.affiliateID)), .texts(keys.map(\.programID)), .texts(keys.map(\.currency.code))
        ) { row throws(PostgresError) in
            (
                AggregateKey(affiliateID: try row.text(0), programID: try row.text(1), currency: try row.currency(2)),
                AffiliateScore.Totals(
                    clicks: try row.int8(3), conversions: try row.int8(4), refunds: try row.int8(5),
                    revenueMinor: try row.int8(6), refundedMinor: try row.int8(7))
            )
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
