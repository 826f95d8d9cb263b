/// Where a payout stands; raw values are those of the column `payout.state`.
public enum PayoutState: String, CaseIterable, Sendable {
    /// Created, its money reserved, waiting for a person.
    case awaitingApproval = "awaiting_approval"
    case rejected
    /// Approved; the payer may send it.
    case reserved
    /// An attempt was committed; its request may be on the wire.
    case submitting
    /// A request was sent and nobody knows what became of it.
    case unknown
    /// Only a person with evidence may move it.
    case manual
    /// The provider proved that the last attempt moved no money.
    case declined
    /// The provider has it under an id.
    case submitted
    /// The provider is asked to take it back, which it does only before the bank has it.
    case canceling
    case inTransit = "in_transit"
    case paid
    /// Paid, and the time for a bank return is over.
    case final
    case failed
    /// Was paid; the bank sent the money back.
    case returned
    case canceled

    /// The states that a payout may enter from this one.
    ///
    /// `unknown → submitting` and `manual → submitting` exist because a payout has two steps: the transfer's outcome
    /// became known and the bank payout is still to be sent. `reserved → manual` is for payouts that no provider sends.
    /// From `canceling` the payout goes on if the provider was too late to stop it. The database holds the same table.
    public var successors: Set<PayoutState> {
        switch self {
        case .awaitingApproval: [.reserved, .rejected, .canceled]
        case .reserved: [.submitting, .manual, .canceled]
        case .submitting: [.submitted, .declined, .unknown]
        case .unknown: [.submitting, .submitted, .declined, .manual]
        case .manual: [.submitting, .submitted, .declined]
        case .declined: [.reserved, .failed]
        case .submitted: [.inTransit, .paid, .failed, .canceled, .canceling]
        case .canceling: [.canceled, .inTransit, .paid, .failed]
        case .inTransit: [.paid, .failed, .canceled]
        case .paid: [.final, .returned]
        case .final: [.returned]
        case .rejected, .failed, .returned, .canceled: []
        }
    }

    /// How far the payout has come; nil where it has ended without, or lost, its money.
    public var rank: Int? {
        switch self {
        case .awaitingApproval: 0
        case .reserved: 1
        case .submitting, .declined: 2
        case .unknown, .manual: 3
        case .submitted, .canceling: 4
        case .inTransit: 5
        case .paid: 6
        case .final: 7
        case .rejected, .failed, .returned, .canceled: nil
        }
    }

    /// Nothing but a late bank return may follow.
    public var isTerminal: Bool { rank == nil || self == .final }

    /// The payout ended, and what it was to pay is payable again: by a new payout, as this one is never opened again.
    public var isPayableAgain: Bool { rank == nil }

    /// The payout's money is in the affiliate's account `reserved`.
    public var holdsReserve: Bool {
        switch self {
        case .awaitingApproval, .reserved, .submitting, .unknown, .manual, .declined, .submitted, .canceling,
            .inTransit:
            true
        case .rejected, .paid, .final, .failed, .returned, .canceled: false
        }
    }

    public static func canMove(from: PayoutState, to: PayoutState) -> Bool {
        from.successors.contains(to)
    }
}

/// What a provider says about a bank payout.
public enum ProviderStatus: String, Sendable {
    case pending
    case inTransit = "in_transit"
    case paid
    case failed
    case canceled
}

/// What an observed provider status means for a payout.
public enum StatusEffect: Hashable, Sendable {
    case move(to: PayoutState)
    /// The payout already stands there.
    case nothing
    /// The provider went backwards: a person must look.
    case regression
    /// It ended another way there than here: money may have moved that is payable again, or have come back.
    case mismatch

    /// - Parameter state: submitted or later; an earlier one is bound to its provider object first.
    public init(observing status: ProviderStatus, in state: PayoutState) {
        let target = StatusEffect.target(of: status, in: state)
        if target == state || (target == .paid && state == .final) || (target == .submitted && state == .canceling) {
            self = .nothing
        } else if PayoutState.canMove(from: state, to: target) {
            self = .move(to: target)
        } else {
            self = state.rank == nil || target.rank == nil ? .mismatch : .regression
        }
    }

    private static func target(of status: ProviderStatus, in state: PayoutState) -> PayoutState {
        switch status {
        case .pending: .submitted
        case .inTransit: .inTransit
        case .paid: .paid
        case .canceled: .canceled
        case .failed:
            switch state {
            case .paid, .final, .returned: .returned
            default: .failed
            }
        }
    }
}
