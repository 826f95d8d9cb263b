public import Domain
public import Postgres

/// A row of `payout`, as a worker reads it before it decides.
public struct PayoutRecord: Hashable, Sendable {
    public let payoutID: Identifier
    public let affiliateID: String
    public let amount: Money
    /// `stripe`, `circle` or `manual`.
    public let provider: String
    /// The affiliate's account at the provider; empty until one is known.
    public let destination: String
    public internal(set) var state: PayoutState
    public let submittedBy: String
    public let failureCode: String?
    public let arrivalAt: Timestamp?
    public let updatedAt: Timestamp
    /// Two people approve it.
    public let needsSecond: Bool
    /// Who approved it first.
    public let approvedBy: String?

    public var money: PayoutMoney {
        PayoutMoney(affiliateID: affiliateID, amount: amount, rail: PayoutRail(rawValue: provider) ?? .byHand)
    }
}

extension PayoutStore {
    /// Locks payouts in the order of their ids and reads them; those that do not exist are missing in the answer.
    public static func lock(
        _ payoutIDs: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PayoutRecord] {
        guard !payoutIDs.isEmpty else { return [] }
        return try transaction.query(
            """
            SELECT payout_id, affiliate_id, currency, amount_minor, provider, destination, state, submitted_by,
                failure_code, arrival_at, updated_at, needs_second, approved_by
            FROM payout WHERE payout_id = ANY ($1::uuid[]) ORDER BY payout_id FOR UPDATE
            """, .uuids(payoutIDs.map(\.value))
        ) { row in
            PayoutRecord(
                payoutID: Identifier(try row.uuid(0)), affiliateID: try row.text(1),
                amount: Money(minorUnits: try row.int8(3), currency: try row.currency(2)), provider: try row.text(4),
                destination: try row.text(5), state: try row.payoutState(6), submittedBy: try row.text(7),
                failureCode: try row.textOrNull(8),
                arrivalAt: try row.timestampOrNull(9).map { Timestamp(microsecondsSinceEpoch: $0) },
                updatedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(10)), needsSecond: try row.bool(11),
                approvedBy: try row.textOrNull(12))
        }
    }
}

extension Row {
    func currency(_ column: Int) throws(PostgresError) -> Currency {
        guard let currency = Currency(code: try text(column)) else {
            throw PostgresError(code: .decoding, message: "a stored currency is unknown")
        }
        return currency
    }

    func payoutState(_ column: Int) throws(PostgresError) -> PayoutState {
        guard let state = PayoutState(rawValue: try text(column)) else {
            throw PostgresError(code: .decoding, message: "a stored payout state is unknown")
        }
        return state
    }

    func identifier(_ column: Int) throws(PostgresError) -> Identifier { Identifier(try uuid(column)) }
}
