public import Domain
public import Postgres

/// What the scorer asks the database about conversions that are recorded, before it refunds or corrects them.
public enum RefundLoad {
    /// The conversions with their commissions, which stay locked until the transaction ends.
    ///
    /// The first commission that a conversion ever had stands for all of them and is locked before anything is read:
    /// whoever waited for a correction or a refund sees what it did. A conversion that appears only then is not found;
    /// its commissions were not there to be locked.
    public static func conversions(
        _ ids: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: RecordedConversion] {
        guard !ids.isEmpty else { return [:] }
        let keys = PostgresValue.uuids(ids.map(\.value))
        let locked = try transaction.query(
            "SELECT commission_id FROM commission WHERE commission_id = ANY($1) ORDER BY commission_id FOR UPDATE", keys
        ) { row throws(PostgresError) in try row.identifier(0) }
        let conversions = try transaction.query(
            """
            SELECT c.conversion_id, COALESCE((
                    SELECT k.to_affiliate FROM conversion_correction k WHERE k.conversion_id = c.conversion_id
                    ORDER BY k.sequence DESC LIMIT 1), c.affiliate_id),
                c.program_id, c.amount_minor, c.currency, c.is_test, c.occurred_at, f.minor, f.refunds
            FROM conversion c CROSS JOIN LATERAL (
                SELECT COALESCE(sum(r.amount_minor), 0)::bigint AS minor, count(*) AS refunds FROM refund r
                WHERE r.conversion_id = c.conversion_id
                    AND NOT EXISTS (SELECT FROM refund_reversal v WHERE v.refund_key = r.refund_key)) f
            WHERE c.conversion_id = ANY($1) AND (c.is_test OR c.conversion_id = ANY($2))
            """, keys, .uuids(locked.map(\.value))
        ) { row throws(PostgresError) in try conversion(row) }
        let commissions = try transaction.query(
            """
            SELECT conversion_id, commission_id, affiliate_id, currency, amount_minor, reversed_minor, status
            FROM commission
            WHERE (commission_id = ANY($1) OR conversion_id = ANY($1) AND commission_id <> conversion_id)
                AND NOT superseded
            ORDER BY commission_id FOR UPDATE
            """, .uuids(locked.map(\.value))
        ) { row throws(PostgresError) in (try row.identifier(0), try commission(row)) }
        var found = Dictionary(uniqueKeysWithValues: conversions.map { ($0.conversionID, $0) })
        for (conversionID, commission) in commissions { found[conversionID]?.commissions.append(commission) }
        return found
    }

    private static func conversion(_ row: borrowing Row) throws(PostgresError) -> RecordedConversion {
        RecordedConversion(
            conversionID: try row.identifier(0), affiliateID: try row.text(1), programID: try row.text(2),
            amountMinor: try row.int8(3), currency: try row.currency(4), isTest: try row.bool(5),
            occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(6)), refundedMinor: try row.int8(7),
            refunds: try row.int8(8))
    }

    private static func commission(_ row: borrowing Row) throws(PostgresError) -> RecordedCommission {
        RecordedCommission(
            commissionID: try row.identifier(1), affiliateID: try row.text(2), currency: try row.currency(3),
            amountMinor: try row.int8(4), reversedMinor: try row.int8(5),
            status: CommissionStatus(rawValue: try row.text(6)) ?? .reversed)
    }

    /// The refunds that are recorded under these keys.
    public static func refunds(
        _ keys: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: RecordedRefund] {
        guard !keys.isEmpty else { return [:] }
        let refunds = try transaction.query(
            """
            SELECT r.refund_key, r.conversion_id, r.amount_minor, r.currency, v.refund_key IS NOT NULL
            FROM refund r LEFT JOIN refund_reversal v USING (refund_key) WHERE r.refund_key = ANY($1)
            """, .uuids(keys.map(\.value))
        ) { row throws(PostgresError) in
            RecordedRefund(
                refundKey: try row.identifier(0), conversionID: try row.identifier(1), amountMinor: try row.int8(2),
                currency: try row.currency(3), isReversed: try row.bool(4))
        }
        return Dictionary(uniqueKeysWithValues: refunds.map { ($0.refundKey, $0) })
    }

    /// The payable and owed balances of affiliates, locked until the transaction ends.
    public static func balances(
        _ affiliates: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AccountKey: FreeMoney] {
        guard !affiliates.isEmpty else { return [:] }
        let rows = try transaction.query(
            """
            SELECT affiliate_id, currency, payable, clawback FROM affiliate_balance WHERE affiliate_id = ANY($1)
            ORDER BY affiliate_id, currency FOR UPDATE
            """, .texts(affiliates)
        ) { row throws(PostgresError) in
            (
                AccountKey(affiliateID: try row.text(0), currency: try row.currency(1)),
                FreeMoney(payableMinor: try row.int8(2), owedMinor: try row.int8(3))
            )
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}

/// An affiliate's accounts in one currency.
public struct AccountKey: Hashable, Sendable {
    public let affiliateID: String
    public let currency: Currency

    public init(affiliateID: String, currency: Currency) {
        self.affiliateID = affiliateID
        self.currency = currency
    }
}

/// What an affiliate may be paid and what it owes; minor units.
public struct FreeMoney: Hashable, Sendable {
    public var payableMinor: Int64
    public var owedMinor: Int64

    public init(payableMinor: Int64 = 0, owedMinor: Int64 = 0) {
        self.payableMinor = payableMinor
        self.owedMinor = owedMinor
    }
}
