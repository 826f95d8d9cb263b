/// What moves money without a conversion or a payout behind it.
public enum LedgerOccasion: Hashable, Sendable {
    /// Money of the bank account goes to the provider's.
    case topUp
    /// The provider keeps a fee that the company bears.
    case payoutFee
    /// What an affiliate owes is given up.
    case writeOff

    /// The posting of `amountMinor`.
    ///
    /// - Parameter affiliateID: whose debt is written off; empty for the others.
    public func posting(affiliateID: String = "", currency: Currency, amountMinor: Int64) -> Posting {
        let (debit, credit): (LedgerAccount, LedgerAccount) =
            switch self {
            case .topUp: (.stripe, .bank)
            case .payoutFee: (.payoutFeeExpense, .stripe)
            case .writeOff: (.badDebtExpense, .clawback)
            }
        return Posting(
            affiliateID: affiliateID, currency: currency, debit: debit, credit: credit, amountMinor: amountMinor)
    }
}
