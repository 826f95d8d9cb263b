import Domain
import Events

/// What a notification in Amazon's envelope, which nobody vouches for, may lead to.
enum CircleHint: Hashable, Sendable {
    /// The address that subscribes to what comes after.
    case confirmation(url: String)
    /// A payout that the provider may be asked about.
    case payout(objectID: String)
    /// Nothing that a payout depends on.
    case other

    /// - Returns: nil for what is no message of Circle's.
    init?(_ body: [UInt8]) {
        guard let message = SNSMessage(body), message.isFromCircle else { return nil }
        switch message.type {
        case "SubscriptionConfirmation":
            guard let url = message.subscribeURL else { return nil }
            self = .confirmation(url: url)
        case "Notification":
            guard let tree = JSONTree(Array(message.message.utf8)[...]) else { return nil }
            guard tree["notificationType"]?.string == "payouts",
                let objectID = tree["payout"]?["id"]?.string.flatMap({ Identifier(text: $0) })
            else {
                self = .other
                return
            }
            self = .payout(objectID: objectID.description)
        default: self = .other
        }
    }
}

/// Confirms subscriptions to Circle's notifications. Anybody can ask for that, so how often it is done is bounded.
actor CircleHints {
    private static let confirmationsMaximum = 5
    private static let periodSeconds: Int64 = 60

    private let ask: @Sendable (String) async -> Bool
    private var askedAt: [Timestamp] = []

    init(confirm: @escaping @Sendable (String) async -> Bool) { ask = confirm }

    /// - Returns: false if it shall be tried again.
    func confirm(_ url: String, at now: Timestamp) async -> Bool {
        askedAt.removeAll { now.seconds(since: $0) >= CircleHints.periodSeconds }
        guard askedAt.count < CircleHints.confirmationsMaximum else { return false }
        askedAt.append(now)
        return await ask(url)
    }
}

extension CircleMint {
    /// Asks Amazon to send us what Circle publishes.
    ///
    /// - Parameter url: as a confirmation of Amazon's own names it.
    public func confirmSubscription(_ url: String) async -> Bool {
        guard SNSMessage.isAmazon(url) else { return false }
        return await http.reaches(url)
    }
}
