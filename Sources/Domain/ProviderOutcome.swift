/// What came back from a provider, reduced to what a decision needs.
public enum ProviderReply: Hashable, Sendable {
    /// The request did not leave: nothing can have happened.
    case notSent(reason: String)
    /// It left, and no usable reply came: a timeout, a reset, a body that cannot be read.
    case silence(reason: String)
    case answer(ProviderAnswer)
}

/// A readable reply.
public struct ProviderAnswer: Hashable, Sendable {
    /// The HTTP status.
    public let status: Int
    /// The id of the created object; nil in a reply without one.
    public let objectID: String?
    public let errorType: String?
    public let errorCode: String?
    /// The provider says that this is the stored reply to an earlier send.
    public let isReplayed: Bool
    /// The provider's id of the request, for its support.
    public let requestID: String?

    public init(
        status: Int, objectID: String? = nil, errorType: String? = nil, errorCode: String? = nil,
        isReplayed: Bool = false, requestID: String? = nil
    ) {
        self.status = status
        self.objectID = objectID
        self.errorType = errorType
        self.errorCode = errorCode
        self.isReplayed = isReplayed
        self.requestID = requestID
    }
}

/// What a reply proves about an attempt.
public enum ProviderOutcome: Hashable, Sendable {
    case accepted(objectID: String)
    /// No money moved, and none will under this key.
    case declined(DeclineCause, code: String)
    /// Money may have moved: only the same key and the same bytes may be sent again.
    case unknown(reason: String)
    /// The reply says nothing about any send; what was known before still holds.
    case nothingLearned(reason: String)
    /// The provider holds other parameters under this key: never send it again.
    case drifted
    /// The provider refuses our credentials.
    case misconfigured

    /// Judges a reply.
    ///
    /// - Parameter isFirstSend: no earlier send of this key can have been executed. After an unknown one, a refusal
    ///   counts only if the provider marks it as the stored reply: without the mark it is about now, not about then.
    public init(_ reply: ProviderReply, isFirstSend: Bool) {
        switch reply {
        case .notSent(let reason): self = .nothingLearned(reason: reason)
        case .silence(let reason): self = .unknown(reason: reason)
        case .answer(let answer): self = ProviderOutcome.judge(answer, isFirstSend: isFirstSend)
        }
    }

    /// What was proved, for a person who reads about the attempt.
    public var words: String {
        switch self {
        case .accepted: "accepted"
        case .declined(_, let code): "declined: \(code)"
        case .unknown(let reason): "unknown: \(reason)"
        case .nothingLearned(let reason): "nothing learned: \(reason)"
        case .drifted: "other parameters under this key"
        case .misconfigured: "the API key was refused"
        }
    }

    private static func judge(_ answer: ProviderAnswer, isFirstSend: Bool) -> ProviderOutcome {
        switch answer.status {
        case 200..<300:
            guard let objectID = answer.objectID else { return .unknown(reason: "a success without an object") }
            return .accepted(objectID: objectID)
        case 401: return .misconfigured
        case 429: return .nothingLearned(reason: answer.errorCode ?? "rate_limit")
        case 409:
            let reason = answer.errorCode ?? "conflict"
            return isFirstSend ? .unknown(reason: reason) : .nothingLearned(reason: reason)
        case 400 where answer.errorType == "idempotency_error": return .drifted
        case 400, 402, 403, 404:
            guard answer.errorType != nil else { return .unknown(reason: "a refusal without an error") }
            guard isFirstSend || answer.isReplayed else {
                return .unknown(reason: answer.errorCode ?? "a refusal that is not the stored one")
            }
            let code = answer.errorCode ?? "declined"
            return .declined(DeclineCause(code: code), code: code)
        default: return .unknown(reason: "status \(answer.status)")
        }
    }
}

/// Why a provider declined, by what can be done about it.
public enum DeclineCause: Hashable, Sendable {
    /// The same payout may be tried again later, under a new key.
    case retryLater
    /// The affiliate's account cannot take money until its details change.
    case destination
    /// A person must look before the affiliate is paid again.
    case needsPerson

    public init(code: String) {
        switch code {
        case "balance_insufficient", "insufficient_funds", "recipient_inactive": self = .retryLater
        case "insufficient_capabilities_for_transfer", "transfers_not_allowed", "payouts_not_allowed",
            "account_invalid", "bank_account_unusable", "bank_account_restricted", "no_account",
            "routing_number_invalid", "account_number_invalid", "account_closed", "address_invalid",
            "address_not_verified", "chain_unsupported":
            self = .destination
        default: self = .needsPerson
        }
    }

    /// The cause behind the `failure_code` of a payout that was accepted and failed later.
    public init(failureCode: String) {
        switch failureCode {
        case "could_not_process", "insufficient_funds", "transaction_failed": self = .retryLater
        // The provider's risk rules or a limit, not the account.
        case "transaction_denied", "fiat_account_limit_exceeded", "vendor_inactive": self = .needsPerson
        default: self = .destination
        }
    }
}
