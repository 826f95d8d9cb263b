import Domain
import Postgres
import Storage

/// What an affiliate said, and what it was answered.
struct AppealRow: Encodable, Sendable {
    let appealId: Int64
    let affiliateId: String
    let affiliateName: String
    let commissionId: String?
    let eventId: String?
    let orderId: String?
    let text: String
    let status: String
    let answer: String?
    /// Not told to the affiliate.
    let answeredBy: String?
    let answeredAt: String?
    let createdAt: String
    let dueAt: String
    let isLate: Bool
    /// The open and confirmed cases against the affiliate; not told to it.
    let fraudFlagIds: [Int64]?

    var cursor: Cursor { Cursor(String(appealId)) }
}

/// Money of an affiliate's that waits, or was taken back, in words that tell nothing of how that is found.
struct HeldCommission: Sendable {
    let commissionID: String
    let orderID: String?
    let programID: String
    let amountMinor: Int64
    let currency: String
    let status: String
    let at: String
}

/// A reported conversion of an affiliate's that was not taken in.
struct RejectedConversion: Sendable {
    let eventID: String
    let orderID: String?
    let programID: String?
    let sentence: String
    let at: String
}

enum AppealQueries {
    static let statuses = ["open", "accepted", "rejected"]

    /// - Parameter own: the affiliate that reads; nil for the desk.
    /// - Returns: up to one row more than `limit`, newest first.
    static func list(
        own: String?, affiliateID: String? = nil, status: String? = nil, appealID: Int64? = nil, limit: Int,
        cursor: Cursor? = nil, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AppealRow] {
        try transaction.query(
            """
            SELECT p.appeal_id, p.affiliate_id, a.name, p.commission_id::text, p.event_id, v.order_id, p.text, p.status,
                p.answer, p.answered_by, p.answered_at, p.created_at, p.due_at, p.status = 'open' AND p.due_at < $6,
                ARRAY(SELECT fraud_case_id FROM fraud_case c
                    WHERE c.affiliate_id = p.affiliate_id AND c.status IN ('open', 'confirmed') ORDER BY 1 LIMIT 20)
            FROM appeal p JOIN affiliate a USING (affiliate_id) LEFT JOIN commission m USING (commission_id)
            LEFT JOIN conversion v ON v.conversion_id = m.conversion_id
            WHERE ($1::text IS NULL OR p.affiliate_id = $1) AND ($2::text IS NULL OR p.status = $2)
                AND ($3::bigint IS NULL OR p.appeal_id = $3) AND ($4::bigint IS NULL OR p.appeal_id < $4)
            ORDER BY p.appeal_id DESC LIMIT $5
            """, .optionalText(own ?? affiliateID), .optionalText(status), .optionalInt8(appealID),
            .optionalInt8(cursor.flatMap { Int64($0.fields[0]) }), .int8(Int64(limit) + 1),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in
            AppealRow(
                appealId: try row.int8(0), affiliateId: try row.text(1), affiliateName: try row.text(2),
                commissionId: try row.textOrNull(3), eventId: try row.textOrNull(4), orderId: try row.textOrNull(5),
                text: try row.text(6), status: try row.text(7), answer: try row.textOrNull(8),
                answeredBy: own == nil ? try row.textOrNull(9) : nil, answeredAt: try row.momentOrNull(10),
                createdAt: try row.moment(11), dueAt: try row.moment(12), isLate: try row.bool(13),
                fraudFlagIds: own == nil ? try row.int8s(14) : nil)
        }
    }

    static func held(
        by affiliateID: String, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [HeldCommission] {
        try transaction.query(
            """
            SELECT m.commission_id::text, v.order_id, m.program_id, m.amount_minor, m.currency, m.status, m.recorded_at
            FROM commission m JOIN conversion v USING (conversion_id)
            WHERE m.affiliate_id = $1 AND m.status = 'held' ORDER BY m.recorded_at DESC, 1 LIMIT $2
            """, .text(affiliateID), .int8(Int64(limit))
        ) { row throws(PostgresError) in
            HeldCommission(
                commissionID: try row.text(0), orderID: try row.textOrNull(1), programID: try row.text(2),
                amountMinor: try row.int8(3), currency: try row.text(4), status: try row.text(5),
                at: try row.moment(6))
        }
    }

    /// - Returns: the newest that may be appealed; one that waits for an answer is listed with the appeals.
    static func rejected(
        of affiliateID: String, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [RejectedConversion] {
        try transaction.query(
            """
            SELECT x.event_id, x.order_id, x.program_id, x.code, COALESCE(x.occurred_at, x.recorded_at)
            FROM intake_exception x
            WHERE x.affiliate_id = $1 AND x.outcome = 'rejected' AND x.event_id IS NOT NULL AND x.kind = 2
                AND NOT EXISTS (SELECT FROM appeal p
                    WHERE p.affiliate_id = $1 AND p.event_id = x.event_id AND p.status = 'open')
            ORDER BY x.recorded_at DESC, x.record_offset DESC LIMIT $2
            """, .text(affiliateID), .int8(Int64(limit))
        ) { row throws(PostgresError) in
            RejectedConversion(
                eventID: try row.text(0), orderID: try row.textOrNull(1), programID: try row.textOrNull(2),
                sentence: ReasonCode(rawValue: try row.int4(3))?.sentence ?? "Unknown reason code.",
                at: try row.moment(4))
        }
    }

    static func isHeld(_ affiliateID: String, in transaction: borrowing Transaction) throws(PostgresError) -> Bool {
        try transaction.query(
            "SELECT fraud_verdict <> 'clear' FROM affiliate WHERE affiliate_id = $1", .text(affiliateID)
        ) { row throws(PostgresError) in try row.bool(0) }.first ?? false
    }
}
