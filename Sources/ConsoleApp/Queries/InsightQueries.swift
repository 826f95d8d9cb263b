import Domain
import Postgres

/// A sentence about a ranking, with its names, and where its figures are.
struct InsightLine: Encodable, Sendable {
    let kind: String
    let programId: String
    let currency: String
    let asOf: String
    let affiliateId: String?
    let subId: String?
    let text: String
    /// Whether other words than ours say it; the numbers are ours.
    let isRewritten: Bool
    /// The page that shows the figures.
    let evidence: String
}

enum InsightQueries {
    /// The newest insights, the weightiest of each programme first.
    static func newest(
        programID: String?, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [InsightLine] {
        try transaction.query(
            """
            SELECT i.kind, i.program_id, i.currency, i.day::text, i.affiliate_id, i.channel,
                COALESCE(a.name, i.affiliate_id), i.sentence, i.rewritten
            FROM (SELECT *, row_number() OVER (PARTITION BY program_id, currency ORDER BY weight_minor DESC) AS place
                FROM insight WHERE day = (SELECT max(day) FROM insight) AND ($1::text IS NULL OR program_id = $1)) i
                LEFT JOIN affiliate a USING (affiliate_id)
            ORDER BY i.place, i.program_id, i.currency LIMIT $2
            """, .optionalText(programID), .int8(Int64(limit)), decode: decode)
    }

    private static func decode(_ row: borrowing Row) throws(PostgresError) -> InsightLine {
        let (kind, program) = (try row.text(0), try row.text(1))
        let (affiliate, channel) = (try row.text(4), try row.text(5))
        let (sentence, rewritten) = (try row.text(7), try row.textOrNull(8))
        let name = try row.text(6)
        let about: KeyValuePairs = ["affiliate_id": affiliate.isEmpty ? nil : affiliate, "program_id": program]
        let showsOrders = kind == Insight.Kind.loss.rawValue || kind == Insight.Kind.channel.rawValue
        return InsightLine(
            kind: kind, programId: program, currency: try row.text(2), asOf: try row.text(3),
            affiliateId: affiliate.isEmpty ? nil : affiliate, subId: channel.isEmpty ? nil : channel,
            text: Insight.text(rewritten ?? sentence, affiliate: name, channel: channel),
            isRewritten: rewritten != nil,
            evidence: showsOrders
                ? "/console/conversions" + PercentEncoding.query(about)
                : "/console/affiliates" + PercentEncoding.query(["program_id": program]))
    }
}
