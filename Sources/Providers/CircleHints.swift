import Domain
import Events

/// What a notification in Amazon's envelope may lead to. It is a hint even when it is genuine: what it says about a
/// payout is asked for over the provider's own interface.
enum CircleHint: Hashable, Sendable {
    /// The address that subscribes to what comes after.
    case confirmation(url: String)
    /// A payout that the provider may be asked about.
    case payout(objectID: String)
    /// Nothing that a payout depends on.
    case other

    /// - Returns: nil for what is no message of Circle's.
    init?(_ message: SNSMessage) {
        guard message.isFromCircle else { return nil }
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

/// Confirms subscriptions to Circle's notifications; how often that is done is bounded.
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

    /// Fetches a certificate from where a notification of Amazon's names it.
    ///
    /// - Returns: nil if it does not answer.
    public func certificate(_ url: String) async -> [UInt8]? {
        guard SNSMessage.isAmazon(url) else { return nil }
        return await http.download(url, bytesMaximum: CircleMint.certificateBytesMaximum)
    }

    private static let certificateBytesMaximum = 64 * 1_024
}
