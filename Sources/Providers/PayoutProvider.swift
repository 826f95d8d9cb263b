public import Domain
public import Storage

/// A way of paying: what the first step of a payout is.
public protocol PayoutProvider: Sendable {
    /// As in the column `payout.provider`.
    var name: String { get }

    /// Decides the first step of a payout that was never attempted; pure, so that a replay decides the same.
    func firstStep(of requested: RequestedPayout) -> FirstStep
}

/// A provider that is called: how a request to it is made and sent, what its replies prove, and what it can be asked.
public protocol SendingProvider: PayoutProvider {
    var schedule: PayoutSchedule { get }

    /// The request of a step, byte by byte the same for the same arguments.
    func makeAttempt(
        _ payout: PayoutRecord, _ operation: PayoutOperation, _ number: Int32, _ amount: Money
    ) -> NewAttempt

    /// Sends the stored bytes under the stored key.
    ///
    /// - Parameter now: if the key's life is over, nothing is sent: to the provider it would be a new payment.
    func send(_ attempt: ClaimedAttempt, at now: Timestamp) async -> ProviderReply

    /// What a reply proves about an attempt.
    ///
    /// - Parameter isFirstSend: no earlier send of its key can have been executed.
    func outcome(of reply: ProviderReply, isFirstSend: Bool) -> ProviderOutcome

    /// Asks for a payout back, where the provider has a call for that. What became of it is fetched afterwards.
    func cancel(_ payoutID: Identifier, objectID: String, account: String) async

    /// Fetches one object.
    func fetch(
        _ operation: PayoutOperation, objectID: String, account: String, at now: Timestamp
    ) async -> ProviderFinding

    /// Looks for the object of a step whose reply was lost. Finding none proves nothing.
    func search(_ check: DueCheck, at now: Timestamp) async -> ProviderFinding

    /// The step that a kind of webhook is about; nil: no payout depends on it.
    func operation(ofNotice kind: String) -> PayoutOperation?
}

extension ClaimedAttempt {
    /// Why it must not be sent any more; nil: it may.
    ///
    /// - Parameter isLive: of the provider's key.
    func objection(isLive: Bool, at now: Timestamp) -> String? {
        guard now < keyExpiresAt else { return "key expired" }
        guard isWhole else { return "stored bytes differ" }
        return request.isLive == isLive ? nil : "made for another mode"
    }
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
