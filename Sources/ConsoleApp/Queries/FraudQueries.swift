import Domain
import Events
import Postgres

/// A case against an affiliate.
struct FraudFlagRow: Encodable, Sendable {
    /// Commission that is neither paid nor taken back.
    struct Risk: Encodable, Sendable {
        let currency: String
        let amountMinor: Int64
    }

    let fraudFlagId: Int64
    let affiliateId: String
    let affiliateName: String
    let kind: String
    let code: Int32
    let sentence: String
    /// Against the affiliate as a whole; `clear` where only conversions are suspected.
    let verdict: String
    let probability: Double?
    /// Days on which the affiliate was suspected, and conversions that are.
    let occurrences: Int64
    let measured: String
    fileprivate(set) var atRisk: [Risk]
    let firstDay: String?
    let lastDay: String?
    let status: String
    let decidedBy: String?
    let reason: String?
    let openedAt: String
    let lastSeenAt: String

    var cursor: Cursor { Cursor(String(fraudFlagId)) }
}

/// The cases of the fraud desk.
enum FraudQueries {
    /// - Parameters:
    ///   - status: nil for all.
    ///   - flagID: the only one wanted.
    /// - Returns: up to one row more than `limit`, newest first.
    static func flags(
        status: String?, flagID: Int64? = nil, limit: Int, cursor: Cursor?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudFlagRow] {
        let rows = try transaction.query(
            """
            SELECT f.fraud_case_id, f.affiliate_id, COALESCE(a.name, f.affiliate_id), f.code, f.days + f.conversions,
                f.measured, f.status, f.decided_by, f.opened_at, f.last_seen_at, f.kind, f.verdict, f.probability,
                f.first_day, f.last_day, f.reason
            FROM fraud_case f LEFT JOIN affiliate a USING (affiliate_id)
            WHERE ($1::text IS NULL OR f.status = $1) AND ($2::bigint IS NULL OR f.fraud_case_id < $2)
                AND ($4::bigint IS NULL OR f.fraud_case_id = $4)
            ORDER BY f.fraud_case_id DESC LIMIT $3
            """, .optionalText(status), .optionalInt8(cursor.flatMap { Int64($0.fields[0]) }),
            .int8(Int64(limit) + 1), .optionalInt8(flagID), decode: flag)
        let risks = try risks(of: rows.map(\.fraudFlagId), in: transaction)
        return rows.map { row in
            var row = row
            row.atRisk = risks[row.fraudFlagId] ?? []
            return row
        }
    }

    private static func flag(_ row: borrowing Row) throws(PostgresError) -> FraudFlagRow {
        let code = try row.int4(3)
        return FraudFlagRow(
            fraudFlagId: try row.int8(0), affiliateId: try row.text(1), affiliateName: try row.text(2),
            kind: try row.text(10), code: code,
            sentence: ReasonCode(rawValue: code)?.sentence ?? "Unknown reason code.", verdict: try row.text(11),
            probability: try row.float8OrNull(12), occurrences: try row.int8(4), measured: try row.text(5), atRisk: [],
            firstDay: try day(row, 13), lastDay: try day(row, 14), status: try row.text(6),
            decidedBy: try row.textOrNull(7), reason: try row.textOrNull(15), openedAt: try row.moment(8),
            lastSeenAt: try row.moment(9))
    }

    private static func day(_ row: borrowing Row, _ column: Int) throws(PostgresError) -> String? {
        try row.isNull(column) ? nil : CivilDate(daysSinceEpoch: try row.date(column)).text
    }

    /// The commission of what a case is about: of conversions suspected of its kind, and of all on the days on which
    /// the affiliate was.
    private static func risks(
        of flagIDs: [Int64], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Int64: [FraudFlagRow.Risk]] {
        guard !flagIDs.isEmpty else { return [:] }
        let risks = try transaction.query(
            """
            SELECT c.fraud_case_id, m.currency, sum(m.amount_minor - m.reversed_minor)::int8
            FROM fraud_case c JOIN fraud_conversion f USING (affiliate_id)
            JOIN commission m ON m.commission_id = f.conversion_id
            WHERE c.fraud_case_id = ANY ($1::int8[]) AND m.status IN ('pending', 'held', 'approved')
                AND (f.verdict <> 'clear' AND f.kind = c.kind
                    OR c.verdict <> 'clear' AND f.day BETWEEN c.first_day AND c.last_day)
            GROUP BY 1, 2 ORDER BY 1, 2
            """, .int8s(flagIDs)
        ) { row throws(PostgresError) in
            (id: try row.int8(0), risk: FraudFlagRow.Risk(currency: try row.text(1), amountMinor: try row.int8(2)))
        }
        return Dictionary(grouping: risks, by: \.id).mapValues { $0.map(\.risk) }
    }
}
