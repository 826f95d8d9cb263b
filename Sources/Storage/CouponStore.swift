public import Domain
public import Postgres

/// A coupon of a programme: whose it is, and when.
public struct CouponTerms: Hashable, Sendable {
    public let programID: String
    public let code: String
    public let affiliateID: String
    /// nil: always.
    public var validFrom: Timestamp?
    /// Exclusive; nil: for ever.
    public var validUntil: Timestamp?

    public init(programID: String, code: String, affiliateID: String, validFrom: Timestamp?, validUntil: Timestamp?) {
        self.programID = programID
        self.code = code
        self.affiliateID = affiliateID
        self.validFrom = validFrom
        self.validUntil = validUntil
    }
}

/// The coupons of programmes. A code belongs to one affiliate for ever: orders were given to that one by it.
public enum CouponStore {
    /// What became of a coupon that was to be recorded.
    public enum Outcome: Hashable, Sendable {
        case added
        /// It was the affiliate's already; its time is another now.
        case changed(from: CouponTerms)
        case unchanged
        case belongsTo(affiliateID: String)
    }

    /// - Parameters:
    ///   - after: the code behind which the page begins; nil: the first page.
    ///   - affiliateID: nil for the coupons of all.
    /// - Returns: up to `limit` coupons by code.
    public static func list(
        _ programID: String, affiliateID: String?, after: String?, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [CouponTerms] {
        try transaction.query(
            """
            SELECT program_id, code, affiliate_id, valid_from, valid_until FROM coupon
            WHERE program_id = $1 AND ($2::text IS NULL OR affiliate_id = $2) AND ($3::text IS NULL OR code > $3)
            ORDER BY code LIMIT $4
            """, .text(programID), .optionalText(affiliateID), .optionalText(after), .int8(Int64(limit)),
            decode: coupon)
    }

    /// Records a coupon of an affiliate that exists and a programme that is locked: two of one code follow each other.
    public static func put(
        _ coupon: CouponTerms, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Outcome {
        let known = try transaction.query(
            """
            SELECT program_id, code, affiliate_id, valid_from, valid_until FROM coupon
            WHERE program_id = $1 AND code = $2 FOR UPDATE
            """, .text(coupon.programID), .text(coupon.code), decode: self.coupon
        ).first
        if let known, known.affiliateID != coupon.affiliateID { return .belongsTo(affiliateID: known.affiliateID) }
        if known == coupon { return .unchanged }
        try transaction.run(
            """
            INSERT INTO coupon (program_id, code, affiliate_id, valid_from, valid_until) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (program_id, code) DO UPDATE SET valid_from = excluded.valid_from,
                valid_until = excluded.valid_until
            """, .text(coupon.programID), .text(coupon.code), .text(coupon.affiliateID),
            .optionalTimestamp(coupon.validFrom?.microsecondsSinceEpoch),
            .optionalTimestamp(coupon.validUntil?.microsecondsSinceEpoch))
        return known.map { .changed(from: $0) } ?? .added
    }

    private static func coupon(_ row: borrowing Row) throws(PostgresError) -> CouponTerms {
        CouponTerms(
            programID: try row.text(0), code: try row.text(1), affiliateID: try row.text(2),
            validFrom: try row.timestampOrNull(3).map(Timestamp.init(microsecondsSinceEpoch:)),
            validUntil: try row.timestampOrNull(4).map(Timestamp.init(microsecondsSinceEpoch:)))
    }
}
