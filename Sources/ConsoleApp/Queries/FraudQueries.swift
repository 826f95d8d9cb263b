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
    /// The programmes of what the case is about.
    fileprivate(set) var programs: [String]
    fileprivate(set) var atRisk: [Risk]
    /// All of it in US cents by the latest rates, to put cases in order; a unit without a rate counts as a dollar.
    let atRiskUsdMinor: Int64
    let firstDay: String?
    let lastDay: String?
    let status: String
    let decidedBy: String?
    let decidedAt: String?
    let reason: String?
    /// Of the affiliate; more than 0 wants an answer.
    let openAppeals: Int64
    let openedAt: String
    let lastSeenAt: String

    var cursor: Cursor { Cursor(String(atRiskUsdMinor), String(fraudFlagId)) }
}

/// Which cases a list shows, and in which order.
struct FraudFilter: Sendable {
    enum Order: String, CaseIterable, Sendable {
        case atRisk = "at_risk"
        case newest
    }

    static let statuses = ["open", "confirmed", "dismissed", "withdrawn"]

    var status: String?
    var kind: String?
    var verdict: String?
    var programID: String?
    var affiliateID: String?
    /// The only one wanted.
    var flagID: Int64?
    var order = Order.atRisk
    var limit = Form.limitDefault
    /// Two fields: money at risk and id.
    var cursor: Cursor?

    init(flagID: Int64) {
        self.flagID = flagID
        limit = 1
    }

    /// - Throws: for a word that is none of the filter's.
    init(_ query: Form, limit: Int, unlessGiven standard: String? = nil) throws(Problem) {
        status = try query.choice("status", of: FraudFilter.statuses + ["all"]) ?? standard
        if status == "all" { status = nil }
        kind = try query.choice("kind", of: FraudSignal.Family.allCases.map(\.rawValue))
        verdict = try query.choice("verdict", of: ["clear", "review", "hold"])
        programID = query["program_id"]
        affiliateID = query["affiliate_id"]
        order = try query.choice("sort", of: Order.allCases.map(\.rawValue)).flatMap(Order.init) ?? .atRisk
        self.limit = limit
        cursor = try query.cursor(count: 2)
        if let cursor, cursor.fields.contains(where: { Int64($0) == nil }) {
            throw .invalid("cursor", "cursor is the next_cursor of the page before.", value: query["cursor"])
        }
    }
}

/// The cases of the fraud desk.
enum FraudQueries {
    /// - Returns: up to one row more than `filter.limit`.
    static func flags(
        _ filter: FraudFilter, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudFlagRow] {
        let values = try RiskRate.load(in: transaction)
        let after = filter.cursor?.fields.map { Int64($0) ?? 0 }
        let rows = try transaction.query(
            """
            WITH wanted AS (
                SELECT * FROM fraud_case c
                WHERE ($1::text IS NULL OR c.status = $1) AND ($2::text IS NULL OR c.kind = $2)
                    AND ($3::text IS NULL OR c.verdict = $3) AND ($4::text IS NULL OR c.affiliate_id = $4)
                    AND ($5::bigint IS NULL OR c.fraud_case_id = $5)
                    AND ($6::text IS NULL OR EXISTS (
                        SELECT FROM fraud_case_conversion f JOIN conversion v USING (conversion_id)
                        WHERE f.fraud_case_id = c.fraud_case_id AND v.program_id = $6))),
            risk AS (
                SELECT f.fraud_case_id,
                    (sum((m.amount_minor - m.reversed_minor)::numeric * COALESCE(r.nanos, 10000000))
                        / 10000000)::int8 AS cents
                FROM wanted JOIN fraud_case_conversion f USING (fraud_case_id)
                JOIN commission m ON m.commission_id = f.conversion_id
                LEFT JOIN unnest($7::text[], $8::int8[]) AS r (currency, nanos) USING (currency)
                WHERE m.status IN ('pending', 'held', 'approved') GROUP BY 1)
            SELECT c.fraud_case_id, c.affiliate_id, COALESCE(a.name, c.affiliate_id), c.code, c.days + c.conversions,
                c.measured, c.status, c.decided_by, c.opened_at, c.last_seen_at, c.kind, c.verdict, c.probability,
                c.first_day, c.last_day, c.reason, COALESCE(r.cents, 0), c.decided_at,
                (SELECT count(*) FROM appeal p WHERE p.affiliate_id = c.affiliate_id AND p.status = 'open')
            FROM wanted c LEFT JOIN affiliate a USING (affiliate_id) LEFT JOIN risk r USING (fraud_case_id)
            WHERE $9::bigint IS NULL OR CASE WHEN $11
                THEN (COALESCE(r.cents, 0), c.fraud_case_id) < ($9, $10::bigint) ELSE c.fraud_case_id < $10 END
            ORDER BY CASE WHEN $11 THEN COALESCE(r.cents, 0) END DESC, c.fraud_case_id DESC LIMIT $12
            """, .optionalText(filter.status), .optionalText(filter.kind), .optionalText(filter.verdict),
            .optionalText(filter.affiliateID), .optionalInt8(filter.flagID), .optionalText(filter.programID),
            .texts(values.map(\.currency)), .int8s(values.map(\.nanos)), .optionalInt8(after?[0]),
            .optionalInt8(after?[1]), .bool(filter.order == .atRisk), .int8(Int64(filter.limit) + 1), decode: flag)
        let risks = try risks(of: rows.map(\.fraudFlagId), in: transaction)
        return rows.map { row in
            var row = row
            row.atRisk = risks[row.fraudFlagId]?.risks ?? []
            row.programs = risks[row.fraudFlagId]?.programs ?? []
            return row
        }
    }

    private static func flag(_ row: borrowing Row) throws(PostgresError) -> FraudFlagRow {
        let code = try row.int4(3)
        return FraudFlagRow(
            fraudFlagId: try row.int8(0), affiliateId: try row.text(1), affiliateName: try row.text(2),
            kind: try row.text(10), code: code,
            sentence: ReasonCode(rawValue: code)?.sentence ?? "Unknown reason code.", verdict: try row.text(11),
            probability: try row.float8OrNull(12), occurrences: try row.int8(4), measured: try row.text(5),
            programs: [], atRisk: [], atRiskUsdMinor: try row.int8(16),
            firstDay: try day(row, 13), lastDay: try day(row, 14), status: try row.text(6),
            decidedBy: try row.textOrNull(7), decidedAt: try row.momentOrNull(17), reason: try row.textOrNull(15),
            openAppeals: try row.int8(18), openedAt: try row.moment(8), lastSeenAt: try row.moment(9))
    }

    private static func day(_ row: borrowing Row, _ column: Int) throws(PostgresError) -> String? {
        try row.isNull(column) ? nil : CivilDate(daysSinceEpoch: try row.date(column)).text
    }

    /// The commission of what cases are about, and the programmes.
    private static func risks(
        of flagIDs: [Int64], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Int64: (risks: [FraudFlagRow.Risk], programs: [String])] {
        guard !flagIDs.isEmpty else { return [:] }
        let sums = try transaction.query(
            """
            SELECT f.fraud_case_id, m.currency,
                (COALESCE(sum(m.amount_minor - m.reversed_minor)
                    FILTER (WHERE m.status IN ('pending', 'held', 'approved')), 0))::int8,
                array_agg(DISTINCT m.program_id)
            FROM fraud_case_conversion f JOIN commission m ON m.commission_id = f.conversion_id
            WHERE f.fraud_case_id = ANY ($1::int8[]) GROUP BY 1, 2 ORDER BY 1, 2
            """, .int8s(flagIDs)
        ) { row throws(PostgresError) in
            (
                id: try row.int8(0), risk: FraudFlagRow.Risk(currency: try row.text(1), amountMinor: try row.int8(2)),
                programs: try row.texts(3)
            )
        }
        return Dictionary(grouping: sums, by: \.id).mapValues { sums in
            (sums.map(\.risk).filter { $0.amountMinor > 0 }, Set(sums.flatMap(\.programs)).sorted())
        }
    }
}

/// What a minor unit of a currency is worth, in billionths of a US dollar: to put money of several currencies in
/// order, never to pay by.
struct RiskRate: Sendable {
    let currency: String
    let nanos: Int64

    static func load(in transaction: borrowing Transaction) throws(PostgresError) -> [RiskRate] {
        try transaction.query(
            """
            SELECT DISTINCT ON (currency) currency, rate FROM (
                SELECT base AS currency, mantissa / 10 ^ scale AS rate, 1 AS place, quoted_at FROM fx_quote
                WHERE quote = 'USD'
                UNION ALL SELECT currency, usd_rate::float8, 2, registered_at FROM program
                WHERE usd_rate ~ '^[0-9]+([.][0-9]+)?$'
            ) AS r ORDER BY currency, place, quoted_at DESC
            """
        ) { row throws(PostgresError) in (code: try row.text(0), dollars: try row.float8(1)) }
        .compactMap { rate in
            guard let currency = Currency(code: rate.code) else { return nil }
            var nanos = rate.dollars * 1e9
            for _ in 0..<currency.exponent { nanos /= 10 }
            return RiskRate(currency: rate.code, nanos: Int64(max(1, min(nanos, 1e15)).rounded()))
        }
    }
}
