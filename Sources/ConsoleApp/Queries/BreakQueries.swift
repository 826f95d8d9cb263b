import Domain
import Events
import Postgres
import Storage

/// A break between books and provider.
struct BreakRow: Encodable, Sendable {
    let breakId: Int64
    let kind: String
    let severity: String
    let payoutId: String?
    let affiliateId: String
    let objectId: String
    let detail: String
    let amountMinor: Int64?
    let currency: String?
    let advice: String
    let firstSeen: String
    let lastSeen: String
    let resolution: String?
    let proposedBy: String?
    let resolver: String?
    let resolvedAt: String?

    var cursor: Cursor { Cursor(String(breakId)) }
}

/// The breaks that a list shows; nil is no limit.
struct BreakFilter: Sendable {
    var payoutID: Identifier?
    var isOpen: Bool?
    var kind: String?
    var limit = Form.limitDefault
    var cursor: Cursor?
}

/// Breaks, newest first.
enum BreakQueries {
    /// - Returns: up to one row more than `filter.limit`.
    static func list(_ filter: BreakFilter, in transaction: borrowing Transaction) throws(PostgresError) -> [BreakRow] {
        try transaction.query(
            """
            SELECT break_id, kind, severity, payout_id, affiliate_id, object_id, detail, amount_minor, currency,
                first_seen, last_seen, resolution, proposed_by, resolver, resolved_at
            FROM reconciliation_break
            WHERE ($1::uuid IS NULL OR payout_id = $1) AND ($2::text IS NULL OR kind = $2)
                AND ($3::boolean IS NULL OR (resolved_at IS NULL) = $3) AND ($4::int8 IS NULL OR break_id < $4)
            ORDER BY break_id DESC LIMIT $5
            """, .optionalUUID(filter.payoutID?.value), .optionalText(filter.kind),
            filter.isOpen.map { .bool($0) } ?? .null, .optionalInt8(filter.cursor.flatMap { Int64($0.fields[0]) }),
            .int8(Int64(filter.limit) + 1)
        ) { row in
            let kind = try row.text(1)
            return BreakRow(
                breakId: try row.int8(0), kind: kind, severity: try row.text(2),
                payoutId: try row.uuidOrNull(3).map { Identifier($0).description }, affiliateId: try row.text(4),
                objectId: try row.text(5), detail: try row.text(6), amountMinor: try row.int8OrNull(7),
                currency: try row.textOrNull(8),
                advice: ReconciliationBreak.Kind(rawValue: kind)?.advice ?? "Look at it.",
                firstSeen: try row.moment(9), lastSeen: try row.moment(10), resolution: try row.textOrNull(11),
                proposedBy: try row.textOrNull(12), resolver: try row.textOrNull(13),
                resolvedAt: try row.momentOrNull(14))
        }
    }
}

/// A freeze of payouts.
struct FreezeRow: Encodable, Sendable {
    let freezeId: Int64
    let scope: String
    let subject: String
    let reason: String
    let frozenBy: String
    let frozenAt: String

    func holds(_ payout: PayoutRow) -> Bool {
        switch scope {
        case "all": true
        case "provider": subject == payout.provider
        default: subject == payout.affiliateId
        }
    }
}

/// Freezes that are in force, oldest first.
enum FreezeQueries {
    static let rowsMaximum: Int64 = 200

    static func inForce(in transaction: borrowing Transaction) throws(PostgresError) -> [FreezeRow] {
        try transaction.query(
            """
            SELECT payout_freeze_id, scope, subject, reason, frozen_by, frozen_at FROM payout_freeze
            WHERE lifted_at IS NULL ORDER BY payout_freeze_id LIMIT $1
            """, .int8(rowsMaximum)
        ) { row in
            FreezeRow(
                freezeId: try row.int8(0), scope: try row.text(1), subject: try row.text(2), reason: try row.text(3),
                frozenBy: try row.text(4), frozenAt: try row.moment(5))
        }
    }
}

/// A balance that reaches its minimum and is not paid, with the conditions and limits that it misses.
struct WithheldRow: Encodable, Sendable {
    let affiliateId: String
    let currency: String
    let payableMinor: Int64
    let missed: [DecisionLimitRow]
    let at: String

    var cursor: Cursor { Cursor(affiliateId, currency) }

    /// - Returns: up to one row more than `limit`.
    static func list(
        affiliateID: String?, currency: String? = nil, limit: Int, cursor: Cursor? = nil,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [WithheldRow] {
        try transaction.query(
            """
            SELECT w.affiliate_id, w.currency, b.payable, w.decision::text, w.at
            FROM payout_withheld w JOIN affiliate_balance b USING (affiliate_id, currency)
            WHERE b.payable > 0 AND ($1::text IS NULL OR w.affiliate_id = $1)
                AND ($2::text IS NULL OR (w.affiliate_id, w.currency) > ($2, $3::text))
                AND ($5::text IS NULL OR w.currency = $5)
            ORDER BY w.affiliate_id, w.currency LIMIT $4
            """, .optionalText(affiliateID), .optionalText(cursor?.fields[0]), .optionalText(cursor?.fields[1]),
            .int8(Int64(limit) + 1), .optionalText(currency)
        ) { row in
            WithheldRow(
                affiliateId: try row.text(0), currency: try row.text(1), payableMinor: try row.int8(2),
                missed: DecisionLimitRow.all(in: try row.text(3)).filter { !$0.passed }, at: try row.moment(4))
        }
    }
}
