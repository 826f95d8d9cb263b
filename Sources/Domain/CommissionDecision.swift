/// What the verdicts mean for a commission that waits.
public enum CommissionDecision: Hashable, Sendable {
    /// It becomes payable.
    case approve
    /// It waits for a person.
    case hold

    /// A suspicious conversion is held, and so is any of an affiliate that is held. An affiliate under review earns on:
    /// a person sees its payouts.
    public init(conversion: FraudVerdict, affiliate: FraudVerdict) {
        self = conversion == .clear && affiliate != .hold ? .approve : .hold
    }

    /// The status that the commission takes.
    public var status: CommissionStatus {
        switch self {
        case .approve: .approved
        case .hold: .held
        }
    }
}

/// What an approval does to an affiliate's accounts.
public enum CommissionApproval {
    /// The postings by which pending money becomes payable; what the affiliate owes is settled from it at once.
    ///
    /// - Parameters:
    ///   - amountMinor: more than 0.
    ///   - owedMinor: what the affiliate owes; read under the balance row's lock.
    public static func postings(
        affiliateID: String, currency: Currency, amountMinor: Int64, owedMinor: Int64
    ) -> [Posting] {
        let approval = Posting(
            affiliateID: affiliateID, currency: currency, debit: .pending, credit: .payable, amountMinor: amountMinor)
        let nettedMinor = min(amountMinor, owedMinor)
        guard nettedMinor > 0 else { return [approval] }
        let netting = Posting(
            affiliateID: affiliateID, currency: currency, debit: .payable, credit: .clawback, amountMinor: nettedMinor)
        return [approval, netting]
    }
}
