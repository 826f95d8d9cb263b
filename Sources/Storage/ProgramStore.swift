public import Domain
import Events
public import Postgres

/// A programme with its terms: everything that is said about it but its rules.
public struct ProgramTerms: Encodable, Hashable, Sendable {
    public let programId: String
    public var name: String
    /// Fixed with the programme: its rules name amounts of it.
    public let currency: String
    public var paysIn: String
    /// Days between an order and the day on which its commission may be paid.
    public var holdDays: Int32
    public var attributionWindowDays: Int32
    public var couponBeatsClick: Bool
    public var minimumPayoutMinor: Int64
    /// A payout above it waits for a person.
    public var autoApproveLimitMinor: Int64
    /// Above it two people approve a payout.
    public var secondApprovalLimitMinor: Int64
    /// What an affiliate may be paid in 30 days without a person; nil: ten times the automatic limit.
    public var thirtyDayLimitMinor: Int64?
    /// What everybody may be paid in a day without a person; nil: as much as it may be.
    public var dailyLimitMinor: Int64?
    /// Days that an affiliate must have been here to be paid without a person.
    public var affiliateAgeDays: Int32
    /// Countries by their two letters.
    public var mainMarkets: [String]
    public let autoRegistered: Bool
    /// Rises with every change of its rules.
    public let rulesVersion: Int32
    public let registeredAt: String

    /// A programme as it begins, unless its creator says otherwise.
    public init(programID: String, name: String, currency: Currency, at moment: Timestamp) {
        programId = programID
        self.name = name
        self.currency = currency.code
        paysIn = Program.PaysIn.order.rawValue
        holdDays = 0
        attributionWindowDays = 30
        couponBeatsClick = false
        minimumPayoutMinor = 1_000
        autoApproveLimitMinor = 100_000
        secondApprovalLimitMinor = 1_000_000
        affiliateAgeDays = 0
        mainMarkets = []
        autoRegistered = false
        rulesVersion = 1
        registeredAt = moment.rfc3339
    }

    fileprivate init(_ row: borrowing Row) throws(PostgresError) {
        programId = try row.text(0)
        name = try row.text(1)
        currency = try row.text(2)
        paysIn = try row.text(3)
        holdDays = try row.int4(4)
        attributionWindowDays = try row.int4(5)
        couponBeatsClick = try row.bool(6)
        minimumPayoutMinor = try row.int8(7)
        autoApproveLimitMinor = try row.int8(8)
        mainMarkets = try row.texts(9)
        autoRegistered = try row.bool(10)
        rulesVersion = try row.int4(11)
        registeredAt = Timestamp(microsecondsSinceEpoch: try row.timestamp(12)).rfc3339
        secondApprovalLimitMinor = try row.int8(13)
        thirtyDayLimitMinor = try row.int8OrNull(14)
        dailyLimitMinor = try row.int8OrNull(15)
        affiliateAgeDays = try row.int4(16)
    }
}

/// The programmes and their terms.
public enum ProgramStore {
    /// - Parameter after: the id behind which the page begins; nil: the first page.
    /// - Returns: up to `limit` programmes by id.
    public static func list(
        after: String?, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ProgramTerms] {
        try transaction.query(
            """
            SELECT program_id, name, currency, pays_in, hold_days, attribution_window_days, coupon_beats_click,
                minimum_payout_minor, auto_approve_limit_minor, main_markets, auto_registered, rules_version,
                registered_at, second_approval_limit_minor, thirty_day_limit_minor, daily_limit_minor,
                affiliate_age_days
            FROM program WHERE $1::text IS NULL OR program_id > $1 ORDER BY program_id LIMIT $2
            """, .optionalText(after), .int8(Int64(limit))
        ) { row throws(PostgresError) in try ProgramTerms(row) }
    }

    /// Lets changes of a programme follow each other: the next one waits until this transaction ends.
    public static func lock(_ programID: String, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("SELECT FROM program WHERE program_id = $1 FOR NO KEY UPDATE", .text(programID))
    }

    /// - Returns: nil if there is none.
    public static func program(
        _ programID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ProgramTerms? {
        try transaction.query(
            """
            SELECT program_id, name, currency, pays_in, hold_days, attribution_window_days, coupon_beats_click,
                minimum_payout_minor, auto_approve_limit_minor, main_markets, auto_registered, rules_version,
                registered_at, second_approval_limit_minor, thirty_day_limit_minor, daily_limit_minor,
                affiliate_age_days
            FROM program WHERE program_id = $1
            """, .text(programID)
        ) { row throws(PostgresError) in try ProgramTerms(row) }.first
    }

    /// - Returns: false if there is a programme of that id.
    public static func add(
        _ terms: ProgramTerms, at moment: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            INSERT INTO program (program_id, name, currency, pays_in, hold_days, attribution_window_days,
                coupon_beats_click, minimum_payout_minor, auto_approve_limit_minor, main_markets, registered_at,
                second_approval_limit_minor, thirty_day_limit_minor, daily_limit_minor, affiliate_age_days)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            ON CONFLICT (program_id) DO NOTHING
            """, .text(terms.programId), .text(terms.name), .text(terms.currency), .text(terms.paysIn),
            .int4(terms.holdDays), .int4(terms.attributionWindowDays), .bool(terms.couponBeatsClick),
            .int8(terms.minimumPayoutMinor), .int8(terms.autoApproveLimitMinor), .texts(terms.mainMarkets),
            .timestamp(microsecondsSinceEpoch: moment.microsecondsSinceEpoch), .int8(terms.secondApprovalLimitMinor),
            .optionalInt8(terms.thirtyDayLimitMinor), .optionalInt8(terms.dailyLimitMinor),
            .int4(terms.affiliateAgeDays)) == 1
    }

    /// Records changed terms. They count for what is decided from now on: a commission keeps the hold date that it was
    /// given, and a payout its limits.
    public static func save(_ terms: ProgramTerms, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run(
            """
            UPDATE program SET name = $2, pays_in = $3, hold_days = $4, attribution_window_days = $5,
                coupon_beats_click = $6, minimum_payout_minor = $7, auto_approve_limit_minor = $8, main_markets = $9,
                second_approval_limit_minor = $10, thirty_day_limit_minor = $11, daily_limit_minor = $12,
                affiliate_age_days = $13
            WHERE program_id = $1
            """, .text(terms.programId), .text(terms.name), .text(terms.paysIn), .int4(terms.holdDays),
            .int4(terms.attributionWindowDays), .bool(terms.couponBeatsClick), .int8(terms.minimumPayoutMinor),
            .int8(terms.autoApproveLimitMinor), .texts(terms.mainMarkets), .int8(terms.secondApprovalLimitMinor),
            .optionalInt8(terms.thirtyDayLimitMinor), .optionalInt8(terms.dailyLimitMinor),
            .int4(terms.affiliateAgeDays))
    }
}
