/// The accounts of the chart; raw values are those of the SQL type `ledger_account`.
public enum LedgerAccount: String, CaseIterable, Sendable {
    case commissionExpense = "exp:commission"
    case payoutFeeExpense = "exp:payout_fee"
    case badDebtExpense = "exp:bad_debt"
    case pending = "liab:affiliate:pending"
    case payable = "liab:affiliate:payable"
    case reserved = "liab:affiliate:reserved"
    case clawback = "asset:affiliate:clawback"
    case bank = "asset:bank:operating"
    case stripe = "asset:provider:stripe"
    case stripeConnected = "asset:provider:stripe:account"
    case stripeInTransit = "asset:in_transit:stripe"
    case circle = "asset:provider:circle"
    case circleInTransit = "asset:in_transit:circle"
}

/// One amount moved from one account to another: its debit equals its credit by type.
public struct Posting: Hashable, Sendable {
    /// The affiliate whose accounts are meant; empty where neither side is an affiliate's.
    public let affiliateID: String
    public let currency: Currency
    public let debit: LedgerAccount
    public let credit: LedgerAccount
    /// Minor units, more than 0.
    public let amountMinor: Int64

    public init(
        affiliateID: String, currency: Currency, debit: LedgerAccount, credit: LedgerAccount, amountMinor: Int64
    ) {
        precondition(amountMinor > 0 && debit != credit, "a posting moves an amount between two accounts")
        self.affiliateID = affiliateID
        self.currency = currency
        self.debit = debit
        self.credit = credit
        self.amountMinor = amountMinor
    }
}
