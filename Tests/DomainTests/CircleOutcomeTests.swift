import Testing

@testable import Domain

@Suite("What Circle's replies prove") struct CircleOutcomeTests {
    private static func answer(_ status: Int, _ code: String? = nil, objectID: String? = nil) -> ProviderReply {
        .answer(
            ProviderAnswer(
                status: status, objectID: objectID, errorType: code == nil ? nil : ProviderOutcome.circleErrorType,
                errorCode: code))
    }

    /// A reply, what it proves of a first send, and what of a later one.
    static let cases: [(ProviderReply, ProviderOutcome, ProviderOutcome)] = [
        (answer(201, objectID: "x"), .accepted(objectID: "x"), .accepted(objectID: "x")),
        (
            answer(201), .unknown(reason: "a success without an object"),
            .unknown(reason: "a success without an object")
        ),
        (answer(401, "circle_1"), .misconfigured, .misconfigured),
        (answer(403, "circle_3"), .misconfigured, .misconfigured),
        (answer(409, "key_conflict"), .drifted, .drifted),
        (answer(409, "circle_1"), .unknown(reason: "circle_1"), .nothingLearned(reason: "circle_1")),
        (answer(429), .nothingLearned(reason: "status_429"), .nothingLearned(reason: "status_429")),
        (
            answer(400, "insufficient_funds"), .declined(.retryLater, code: "insufficient_funds"),
            .unknown(reason: "insufficient_funds")
        ),
        (
            answer(400, "recipient_inactive"), .declined(.retryLater, code: "recipient_inactive"),
            .unknown(reason: "recipient_inactive")
        ),
        (
            answer(400, "address_invalid"), .declined(.destination, code: "address_invalid"),
            .unknown(reason: "address_invalid")
        ),
        (
            answer(400, "circle_2024"), .declined(.needsPerson, code: "circle_2024"), .unknown(reason: "circle_2024")
        ),
        (
            answer(400), .unknown(reason: "a refusal without an error"),
            .unknown(reason: "a refusal without an error")
        ),
        (answer(500, "circle_-1"), .unknown(reason: "circle_-1"), .unknown(reason: "circle_-1")),
        (.silence(reason: "reset"), .unknown(reason: "reset"), .unknown(reason: "reset")),
        (.notSent(reason: "refused"), .nothingLearned(reason: "refused"), .nothingLearned(reason: "refused")),
    ]

    @Test("A refusal proves something only about a first send", arguments: cases)
    func judged(reply: ProviderReply, first: ProviderOutcome, later: ProviderOutcome) {
        #expect(ProviderOutcome(circle: reply, isFirstSend: true) == first)
        #expect(ProviderOutcome(circle: reply, isFirstSend: false) == later)
    }
}
