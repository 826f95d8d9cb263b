public import Storage

/// A way of paying: what the first step of a payout is.
public protocol PayoutProvider: Sendable {
    /// As in the column `payout.provider`.
    var name: String { get }

    /// Decides the first step of a payout that was never attempted; pure, so that a replay decides the same.
    func firstStep(of requested: RequestedPayout) -> FirstStep
}

/// The first step of a payout.
public enum FirstStep: Sendable {
    /// A request to send, with its exact bytes.
    case send(NewAttempt)
    /// A person pays it outside and records the proof.
    case byHand
}

/// Payouts that no provider sends: they wait as `manual` for a person's batch.
public struct ManualProvider: PayoutProvider {
    public let name = "manual"

    public init() {}

    public func firstStep(of requested: RequestedPayout) -> FirstStep { .byHand }
}

/// What became of a question to a provider.
public enum ProviderFinding: Hashable, Sendable {
    /// The objects that answer it; none is an answer too, though no proof of absence.
    case found([ProviderObservation])
    /// No answer; ask again later.
    case unavailable(reason: String)
}
