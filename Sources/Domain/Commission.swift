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

/// What a refund takes back from a commission.
public enum CommissionReversal {
    /// The part of the commission that a further refund takes back, so that what is left is the share of what the
    /// customer keeps: partial refunds that add up to the order take back the commission to the last minor unit.
    ///
    /// - Parameters:
    ///   - commissionMinor: as it was recorded.
    ///   - reversedMinor: what earlier refunds took back.
    ///   - refundedMinor: refunds of the order with this one; at most `baseMinor`.
    public static func amountMinor(
        commissionMinor: Int64, reversedMinor: Int64, rate: BasisPoints, baseMinor: Int64, refundedMinor: Int64
    ) -> Int64 {
        precondition(refundedMinor <= baseMinor, "refunds exceed their order")
        let left = min(commissionMinor, rate.share(of: baseMinor - refundedMinor))
        return max(0, commissionMinor - left - reversedMinor)
    }

    /// The postings that take `amountMinor` back: from where the commission's money is, and what is not free there
    /// becomes the affiliate's debt. Money reserved for a payout is never touched.
    ///
    /// - Parameter payableMinor: the affiliate's payable balance; read under the balance row's lock.
    public static func postings(
        affiliateID: String, currency: Currency, status: CommissionStatus, amountMinor: Int64, payableMinor: Int64
    ) -> [Posting] {
        let sources: [(LedgerAccount, Int64)] =
            switch status {
            case .pending, .held: [(.pending, amountMinor)]
            case .approved:
                [(.payable, min(amountMinor, payableMinor)), (.clawback, amountMinor - min(amountMinor, payableMinor))]
            case .locked, .paid, .reversed: [(.clawback, amountMinor)]
            }
        return sources.filter { $0.1 > 0 }.map { account, amountMinor in
            Posting(
                affiliateID: affiliateID, currency: currency, debit: account, credit: .commissionExpense,
                amountMinor: amountMinor)
        }
    }
}
