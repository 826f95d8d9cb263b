public import Domain
import Events
public import Postgres

/// An affiliate as admins know it.
public struct AffiliateRecord: Encodable, Hashable, Sendable {
    public let affiliateId: String
    public var name: String
    public let email: String?
    public let country: String?
    /// active or blocked.
    public var status: String
    public let fraudVerdict: String
    /// What rules for groups look at.
    public var groupId: String?
    /// The affiliate who gets the second tier of this one's commissions.
    public var referredBy: String?
    public let payoutProvider: String
    /// Whether the provider knows an account of the affiliate's.
    public let hasPayoutAccount: Bool
    /// Why that account took no money the last time.
    public let payoutBlock: String?
    /// not_required, pending, verified or failed.
    public let kycStatus: String
    /// not_required, missing, valid or expired.
    public let taxStatus: String
    public let autoRegistered: Bool
    public let joinedAt: String

    /// An affiliate as it begins.
    public init(
        affiliateID: String, name: String, email: String?, country: String?, groupID: String?, referredBy: String?,
        at moment: Timestamp
    ) {
        affiliateId = affiliateID
        self.name = name
        self.email = email
        self.country = country
        status = "active"
        fraudVerdict = FraudVerdict.clear.rawValue
        groupId = groupID
        self.referredBy = referredBy
        payoutProvider = "stripe"
        hasPayoutAccount = false
        payoutBlock = nil
        kycStatus = "not_required"
        taxStatus = "not_required"
        autoRegistered = false
        joinedAt = moment.rfc3339
    }

    fileprivate init(_ row: borrowing Row) throws(PostgresError) {
        affiliateId = try row.text(0)
        name = try row.text(1)
        email = try row.textOrNull(2)
        country = try row.textOrNull(3)
        status = try row.text(4)
        fraudVerdict = try row.text(5)
        groupId = try row.textOrNull(6)
        referredBy = try row.textOrNull(7)
        payoutProvider = try row.text(8)
        hasPayoutAccount = try row.bool(9)
        payoutBlock = try row.textOrNull(10)
        autoRegistered = try row.bool(11)
        joinedAt = Timestamp(microsecondsSinceEpoch: try row.timestamp(12)).rfc3339
        kycStatus = try row.text(13)
        taxStatus = try row.text(14)
    }
}

/// The affiliates, their groups and who referred whom.
public enum AffiliateStore {
    /// The affiliates that a list shows; nil is no limit.
    public struct Filter: Sendable {
        public var status: String?
        public var groupID: String?
        public var referredBy: String?

        public init(status: String? = nil, groupID: String? = nil, referredBy: String? = nil) {
            self.status = status
            self.groupID = groupID
            self.referredBy = referredBy
        }
    }

    /// Affiliates in a row of referrals: more would be no programme but a chain letter.
    public static let referralsMaximum: Int32 = 100

    /// - Parameter after: the id behind which the page begins; nil: the first page.
    /// - Returns: up to `limit` affiliates by id.
    public static func list(
        _ filter: Filter, after: String?, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AffiliateRecord] {
        try transaction.query(
            """
            SELECT affiliate_id, name, email, country, status, fraud_verdict, group_id, referred_by, payout_provider,
                COALESCE(provider_account, '') <> '', payout_block, auto_registered, joined_at, kyc_status,
                tax_status
            FROM affiliate
            WHERE ($1::text IS NULL OR affiliate_id > $1) AND ($2::text IS NULL OR status = $2)
                AND ($3::text IS NULL OR group_id = $3) AND ($4::text IS NULL OR referred_by = $4)
            ORDER BY affiliate_id LIMIT $5
            """, .optionalText(after), .optionalText(filter.status), .optionalText(filter.groupID),
            .optionalText(filter.referredBy), .int8(Int64(limit))
        ) { row throws(PostgresError) in try AffiliateRecord(row) }
    }

    /// Lets changes of an affiliate follow each other: the next one waits until this transaction ends.
    public static func lock(_ affiliateID: String, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("SELECT FROM affiliate WHERE affiliate_id = $1 FOR NO KEY UPDATE", .text(affiliateID))
    }

    /// - Returns: nil if there is none.
    public static func affiliate(
        _ affiliateID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> AffiliateRecord? {
        try transaction.query(
            """
            SELECT affiliate_id, name, email, country, status, fraud_verdict, group_id, referred_by, payout_provider,
                COALESCE(provider_account, '') <> '', payout_block, auto_registered, joined_at, kyc_status,
                tax_status
            FROM affiliate WHERE affiliate_id = $1
            """, .text(affiliateID)
        ) { row throws(PostgresError) in try AffiliateRecord(row) }.first
    }

    /// - Returns: false if there is an affiliate of that id.
    public static func add(
        _ record: AffiliateRecord, at moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            INSERT INTO affiliate (affiliate_id, name, email, country, group_id, referred_by, joined_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (affiliate_id) DO NOTHING
            """, .text(record.affiliateId), .text(record.name), .optionalText(record.email),
            .optionalText(record.country), .optionalText(record.groupId), .optionalText(record.referredBy),
            .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch)) == 1
    }

    public static func save(_ record: AffiliateRecord, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run(
            "UPDATE affiliate SET name = $2, status = $3, group_id = $4, referred_by = $5 WHERE affiliate_id = $1",
            .text(record.affiliateId), .text(record.name), .text(record.status), .optionalText(record.groupId),
            .optionalText(record.referredBy))
    }

    /// Records how the checks of an affiliate stand; its payouts are withheld until both are passed or not needed.
    ///
    /// - Parameters:
    ///   - kyc: of the identity; nil leaves it.
    ///   - tax: of the tax form; nil leaves it.
    public static func setChecks(
        of affiliateID: String, kyc: String?, tax: String?, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE affiliate SET kyc_status = COALESCE($2, kyc_status), tax_status = COALESCE($3, tax_status)
            WHERE affiliate_id = $1
            """, .text(affiliateID), .optionalText(kyc), .optionalText(tax))
    }

    /// Those who referred an affiliate, the nearest first, the affiliate itself before them; empty if it is unknown.
    ///
    /// Changes of referrals wait for each other until the transaction ends: two of them could close a circle that
    /// neither sees.
    public static func referralChain(
        from affiliateID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String] {
        try transaction.run("SELECT pg_advisory_xact_lock(hashtextextended('referrals', 0))")
        return try transaction.query(
            """
            WITH RECURSIVE chain AS (
                SELECT affiliate_id, referred_by, 0 AS step FROM affiliate WHERE affiliate_id = $1
                UNION ALL
                SELECT a.affiliate_id, a.referred_by, c.step + 1
                FROM chain c JOIN affiliate a ON a.affiliate_id = c.referred_by WHERE c.step < $2
            )
            SELECT affiliate_id FROM chain ORDER BY step
            """, .text(affiliateID), .int4(referralsMaximum)
        ) { row throws(PostgresError) in try row.text(0) }
    }
}
