public import Domain
import Events
import NIOCore

/// An address as Circle's address book has it.
public struct CircleRecipient: Hashable, Sendable {
    public enum Standing: String, Sendable {
        case pending
        /// It may be paid.
        case active
        /// Held back for a day after it was entered.
        case inactive
        case denied
    }

    /// What a payout names as its destination.
    public let id: String
    public let standing: Standing
}

/// What became of a request about the address book.
public enum RecipientFinding: Hashable, Sendable {
    case found(CircleRecipient)
    /// Circle does not take the address.
    case refused(code: String)
    /// No answer; ask again later.
    case unavailable(reason: String)
}

extension CircleMint {
    private static let recipientsPath = "/v1/addressBook/recipients"

    /// Enters an address. The key follows from the address, so entering it again finds the first entry.
    public func enter(_ address: USDCAddress) async -> RecipientFinding {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member(
                "idempotencyKey", CircleMint.key("recipient:\(address.chain.rawValue):\(address.text)").description)
            writer.member("chain", address.chain.rawValue)
            writer.member("address", address.text)
        }
        var request = makeRequest(.POST, CircleMint.recipientsPath)
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: writer.bytes))
        let reply = await http.send(request) { status, headers, body in
            CircleObjects.answer(status: status, body: body, requestID: headers.first(name: "X-Request-Id"))
        }
        switch ProviderOutcome(circle: reply, isFirstSend: true) {
        case .accepted(let id): return .found(CircleRecipient(id: id, standing: .pending))
        case .declined(_, let code): return .refused(code: code)
        // Somebody else entered it, under another key.
        case .unknown(reason: "address_registered"): return .refused(code: "address_registered")
        case .unknown(let reason), .nothingLearned(let reason): return .unavailable(reason: reason)
        case .drifted: return .refused(code: ProviderOutcome.circleKeyConflict)
        case .misconfigured: return .unavailable(reason: "credentials refused")
        }
    }

    /// Asks how an entry stands by now.
    public func recipient(_ id: String) async -> RecipientFinding {
        guard let known = Identifier(text: id) else { return .refused(code: "recipient_unknown") }
        switch await http.ask(makeRequest(.GET, "\(CircleMint.recipientsPath)/\(known)")) {
        case .success(let tree):
            // Another word is none on which money is sent.
            let standing = tree["data"]?["status"]?.string.flatMap { CircleRecipient.Standing(rawValue: $0) }
            return .found(CircleRecipient(id: id, standing: standing ?? .pending))
        case .failure(let failure):
            return failure.status == 404
                ? .refused(code: "recipient_unknown") : .unavailable(reason: failure.reason)
        }
    }
}
