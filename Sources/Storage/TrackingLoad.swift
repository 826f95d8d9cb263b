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
