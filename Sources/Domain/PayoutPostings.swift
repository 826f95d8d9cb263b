/// What a payout is in the ledger: whose money, how much, and over which accounts it travels.
public struct PayoutMoney: Hashable, Sendable {
    public let affiliateID: String
    /// Minor units, more than 0.
    public let amount: Money
    public let rail: PayoutRail

    public init(affiliateID: String, amount: Money, rail: PayoutRail) {
        self.affiliateID = affiliateID
        self.amount = amount
        self.rail = rail
    }

    /// The postings of a new payout: its money leaves `payable` before anybody may send it.
    public func postingsForCreation() -> [Posting] {
        [posting(debit: .payable, credit: .reserved)]
    }

    /// The postings of an accepted transfer to the affiliate's connected account.
    ///
    /// - Parameter amountMinor: may be less than the payout, when money of an earlier one still lies there.
    public func postingsForTransfer(amountMinor: Int64) -> [Posting] {
        [
            Posting(
                affiliateID: affiliateID, currency: amount.currency, debit: .stripeConnected, credit: .stripe,
                amountMinor: amountMinor)
        ]
    }

    /// The postings that belong to one move of the state machine; empty where no money changes its account.
    ///
    /// - Precondition: the move is in the transition table.
    public func postings(from: PayoutState, to: PayoutState) -> [Posting] {
        precondition(PayoutState.canMove(from: from, to: to), "no such move of a payout")
        switch to {
        case .submitted: return sent()
        case .paid: return [posting(debit: .reserved, credit: inTransit)]
        case .returned: return [posting(debit: inTransit, credit: .reserved)] + moneyBack() + [release]
        case .failed, .canceled:
            let wasSent = [.submitted, .canceling, .inTransit].contains(from)
            return (wasSent ? moneyBack() : []) + [release]
        case .rejected: return [release]
        case .awaitingApproval, .reserved, .submitting, .unknown, .manual, .declined, .canceling, .inTransit, .final:
            return []
        }
    }

    private var release: Posting { posting(debit: .reserved, credit: .payable) }

    private var inTransit: LedgerAccount {
        switch rail {
        case .stripe: .stripeInTransit
        case .circle: .circleInTransit
        case .byHand: .bank
        }
    }

    private func sent() -> [Posting] {
        switch rail {
        case .stripe: [posting(debit: .stripeInTransit, credit: .stripeConnected)]
        case .circle: [posting(debit: .circleInTransit, credit: .circle)]
        // The bank account is touched once, when the payment is recorded as made.
        case .byHand: []
        }
    }

    private func moneyBack() -> [Posting] {
        switch rail {
        case .stripe: [posting(debit: .stripeConnected, credit: .stripeInTransit)]
        case .circle: [posting(debit: .circle, credit: .circleInTransit)]
        case .byHand: []
        }
    }

    private func posting(debit: LedgerAccount, credit: LedgerAccount) -> Posting {
        Posting(
            affiliateID: affiliateID, currency: amount.currency, debit: debit, credit: credit,
            amountMinor: amount.minorUnits)
    }
}

/// The accounts over which a payout's money travels.
public enum PayoutRail: String, Sendable {
    case stripe
    /// Straight from the company's balance at the provider; it holds the debt's currency, one USDC for one dollar.
    case circle
    /// Paid outside, recorded here.
    case byHand = "manual"
}
