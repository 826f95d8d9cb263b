/// Where a commission stands in its life.
public enum CommissionStatus: String, Sendable, CaseIterable {
    /// Recorded, not judged or its hold not over.
    case pending
    /// Flagged: waits for a person.
    case held
    /// Payable.
    case approved
    /// In a payout that is under way.
    case locked
    case paid
    /// Refunded in full before it was paid.
    case reversed
}

/// What refunds take back from a commission, and what their reversal gives back.
public enum CommissionReversal {
    /// How much of a commission is to be taken back in all, so that what is left is the commission's share of what the
    /// customer keeps: partial refunds that add up to the order take it back to the last minor unit.
    ///
    /// - Parameters:
    ///   - commissionMinor: as it was recorded.
    ///   - orderMinor: what the order amounted to.
    ///   - refundedMinor: all refunds of the order that stand; at most `orderMinor`.
    public static func targetMinor(commissionMinor: Int64, orderMinor: Int64, refundedMinor: Int64) -> Int64 {
        precondition(refundedMinor <= orderMinor, "refunds exceed their order")
        // An order without an amount is refunded by any refund.
        guard refundedMinor < orderMinor else { return commissionMinor }
        let left = ExactAmount(minorUnits: commissionMinor).part(orderMinor - refundedMinor, of: orderMinor).rounded
        return commissionMinor - min(left ?? commissionMinor, commissionMinor)
    }

    /// The postings that take `amountMinor` back: from where the commission's money is, and what is not free there
    /// becomes the affiliate's debt. Money reserved for a payout is never touched.
    ///
    /// - Parameter payableMinor: the affiliate's payable balance; read under the balance row's lock.
    public static func postings(
        affiliateID: String, currency: Currency, status: CommissionStatus, amountMinor: Int64, payableMinor: Int64
    ) -> [Posting] {
        let free = min(amountMinor, payableMinor)
        let sources: [(LedgerAccount, Int64)] =
            switch status {
            case .pending, .held: [(.pending, amountMinor)]
            case .approved: [(.payable, free), (.clawback, amountMinor - free)]
            case .locked, .paid, .reversed: [(.clawback, amountMinor)]
            }
        return sources.filter { $0.1 > 0 }.map { account, amountMinor in
            Posting(
                affiliateID: affiliateID, currency: currency, debit: account, credit: .commissionExpense,
                amountMinor: amountMinor)
        }
    }

    /// The postings that give `amountMinor` back: to where the commission's money is; of what is payable, the
    /// affiliate's debt is settled first.
    ///
    /// - Parameters:
    ///   - status: the commission's; one that was reversed starts over as pending.
    ///   - owedMinor: what the affiliate owes; read under the balance row's lock.
    public static func restoration(
        affiliateID: String, currency: Currency, status: CommissionStatus, amountMinor: Int64, owedMinor: Int64
    ) -> [Posting] {
        let settled = min(amountMinor, owedMinor)
        let targets: [(LedgerAccount, Int64)] =
            switch status {
            case .pending, .held, .reversed: [(.pending, amountMinor)]
            case .approved, .locked, .paid: [(.clawback, settled), (.payable, amountMinor - settled)]
            }
        return targets.filter { $0.1 > 0 }.map { account, amountMinor in
            Posting(
                affiliateID: affiliateID, currency: currency, debit: .commissionExpense, credit: account,
                amountMinor: amountMinor)
        }
    }
}
