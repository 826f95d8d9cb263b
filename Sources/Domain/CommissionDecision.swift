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
