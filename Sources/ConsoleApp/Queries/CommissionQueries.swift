import Domain
import Postgres
import Storage

/// A commission as lists show it.
struct CommissionRow: Encodable, Sendable {
    let commissionId: String
    let conversionId: String
    /// nil for a conversion without one.
    let orderId: String?
    let affiliateId: String
    let programId: String
    /// 1, or 2 for the affiliate who referred the first.
    let tier: Int32
    let status: String
    let currency: String
    let amountMinor: Int64
    /// Taken back by refunds and corrections.
    let reversedMinor: Int64
    /// The day that was fixed when it was priced.
    let payableFrom: String
    let recordedAt: String
    /// A correction put another in its place.
    let isSuperseded: Bool
    /// nil: no rule was for the order.
    let ruleId: String?
    let ruleVersion: Int32?
    let payoutId: String?
    let codes: [CommissionExplanation.Signal]
}

/// The commissions that a list shows; nil is no limit.
struct CommissionFilter: Sendable {
    /// When they were recorded.
    let range: DayRange
    var affiliateID: String?
    var programID: String?
    var status: String?
    var currency: String?
    var limit = Form.limitDefault
    /// Two fields: microsecond of recording, commission id.
    var cursor: Cursor?
}

/// Commissions, the last recorded first. They are found by the moment at which they were recorded, which the table is
/// in order of, so no list needs an index of its own.
enum CommissionQueries {
    static func list(
        _ filter: CommissionFilter, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Listing<CommissionRow> {
        let after = filter.cursor.flatMap { Int64($0.fields[0]) }.map(Timestamp.init(microsecondsSinceEpoch:))
        let last = min(filter.range.before, after?.adding(microseconds: 1) ?? filter.range.before)
        let tie = filter.cursor.flatMap { Identifier(text: $0.fields[1]) }
        let found = try LookBack.rows(from: filter.range.start(), before: last, limit: filter.limit + 1) {
            from, before, limit throws(PostgresError) in
            try page(filter, from: from, before: before, after: after, tie, limit: limit, in: transaction)
        }
        return Listing(
            data: found.prefix(filter.limit).map(\.row),
            next: found.count > filter.limit
                ? found.prefix(filter.limit).last.map {
                    Cursor(String($0.recordedAt.microsecondsSinceEpoch), $0.row.commissionId)
                } : nil)
    }

    /// - Parameters:
    ///   - after: the moment of the last row that was shown, and `tie` its id.
    private static func page(
        _ filter: CommissionFilter, from: Timestamp, before: Timestamp, after: Timestamp?, _ tie: Identifier?,
        limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(recordedAt: Timestamp, row: CommissionRow)] {
        try transaction.query(
            """
            WITH page AS MATERIALIZED (
                SELECT * FROM commission
                WHERE recorded_at >= $1 AND recorded_at < $2
                    AND ($3::text IS NULL OR affiliate_id = $3) AND ($4::text IS NULL OR program_id = $4)
                    AND ($5::text IS NULL OR status = $5) AND ($6::text IS NULL OR currency = $6)
                    AND ($7::timestamptz IS NULL OR recorded_at < $7 OR commission_id > $8::uuid)
                ORDER BY recorded_at DESC, commission_id LIMIT $9
            )
            SELECT m.commission_id, m.conversion_id, c.order_id, m.affiliate_id, m.program_id, m.tier::int4, m.status,
                m.currency, m.amount_minor, m.reversed_minor, m.hold_until, m.recorded_at, m.superseded, m.rule_id,
                m.rule_version, m.payout_id, m.codes
            FROM page m LEFT JOIN conversion c ON c.conversion_id = m.conversion_id
            ORDER BY m.recorded_at DESC, m.commission_id
            """, .timestamp(microsecondsSinceEpoch: from.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: before.microsecondsSinceEpoch), .optionalText(filter.affiliateID),
            .optionalText(filter.programID), .optionalText(filter.status), .optionalText(filter.currency),
            .optionalTimestamp(after?.microsecondsSinceEpoch), .optionalUUID(tie?.value), .int8(Int64(limit))
        ) { row throws(PostgresError) in
            (Timestamp(microsecondsSinceEpoch: try row.timestamp(11)), try commission(row))
        }
    }

    /// All commissions of conversions, those of the referrers and the superseded ones too, in the order in which they
    /// were recorded.
    static func of(
        conversions ids: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [CommissionRow] {
        guard !ids.isEmpty else { return [] }
        return try transaction.query(
            """
            SELECT m.commission_id, m.conversion_id, c.order_id, m.affiliate_id, m.program_id, m.tier::int4, m.status,
                m.currency, m.amount_minor, m.reversed_minor, m.hold_until, m.recorded_at, m.superseded, m.rule_id,
                m.rule_version, m.payout_id, m.codes
            FROM commission m LEFT JOIN conversion c ON c.conversion_id = m.conversion_id
            WHERE m.commission_id = ANY ($1)
                OR m.conversion_id = ANY ($1) AND m.commission_id <> m.conversion_id
            ORDER BY m.recorded_at, m.tier, m.commission_id
            """, .uuids(ids.map(\.value)), decode: commission)
    }

    /// Commissions that a payout pays, the first recorded first.
    static func of(
        payout payoutID: Identifier, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [CommissionRow] {
        try transaction.query(
            """
            WITH page AS MATERIALIZED (
                SELECT * FROM commission WHERE payout_id = $1 ORDER BY recorded_at, commission_id LIMIT $2
            )
            SELECT m.commission_id, m.conversion_id, c.order_id, m.affiliate_id, m.program_id, m.tier::int4, m.status,
                m.currency, m.amount_minor, m.reversed_minor, m.hold_until, m.recorded_at, m.superseded, m.rule_id,
                m.rule_version, m.payout_id, m.codes
            FROM page m LEFT JOIN conversion c ON c.conversion_id = m.conversion_id
            ORDER BY m.recorded_at, m.commission_id
            """, .uuid(payoutID.value), .int8(Int64(limit)), decode: commission)
    }

    private static func commission(_ row: borrowing Row) throws(PostgresError) -> CommissionRow {
        CommissionRow(
            commissionId: try row.identifier(0), conversionId: try row.identifier(1), orderId: try row.textOrNull(2),
            affiliateId: try row.text(3), programId: try row.text(4), tier: try row.int4(5), status: try row.text(6),
            currency: try row.text(7), amountMinor: try row.int8(8), reversedMinor: try row.int8(9),
            payableFrom: try row.moment(10), recordedAt: try row.moment(11), isSuperseded: try row.bool(12),
            ruleId: try row.textOrNull(13), ruleVersion: try row.int4OrNull(14),
            payoutId: try row.uuidOrNull(15).map { Identifier($0).description },
            codes: try row.int4s(16).map(CommissionExplanation.Signal.init))
    }
}

extension Timestamp {
    func adding(microseconds: Int64) -> Timestamp {
        Timestamp(microsecondsSinceEpoch: microsecondsSinceEpoch + microseconds)
    }
}
