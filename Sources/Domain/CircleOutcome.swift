extension ProviderOutcome {
    /// The error type of Circle's answers: its bodies have a number and no type.
    public static let circleErrorType = "circle_error"
    /// Circle's number for a key that is bound to another request.
    public static let circleKeyConflict = "key_conflict"

    /// Judges a reply of Circle, which does not mark a stored reply as one.
    ///
    /// A success under a key that was sent before is that key's record, however often it is asked for. A refusal is
    /// about now, so it proves something only about a first send.
    public init(circle reply: ProviderReply, isFirstSend: Bool) {
        switch reply {
        case .notSent(let reason): self = .nothingLearned(reason: reason)
        case .silence(let reason): self = .unknown(reason: reason)
        case .answer(let answer): self = ProviderOutcome.judge(circle: answer, isFirstSend: isFirstSend)
        }
    }

    private static func judge(circle answer: ProviderAnswer, isFirstSend: Bool) -> ProviderOutcome {
        let code = answer.errorCode ?? "status_\(answer.status)"
        switch answer.status {
        case 200..<300:
            guard let objectID = answer.objectID else { return .unknown(reason: "a success without an object") }
            return .accepted(objectID: objectID)
        case 401, 403: return .misconfigured
        case 429: return .nothingLearned(reason: code)
        case 409 where answer.errorCode == circleKeyConflict: return .drifted
        case 409: return isFirstSend ? .unknown(reason: code) : .nothingLearned(reason: code)
        case 400, 402, 404, 422:
            guard answer.errorType != nil else { return .unknown(reason: "a refusal without an error") }
            guard isFirstSend else { return .unknown(reason: code) }
            return .declined(DeclineCause(code: code), code: code)
        default: return .unknown(reason: code)
        }
    }
}
