/// What becomes of payouts to a recipient.
public enum CircleScript: String, Codable, Sendable, CaseIterable {
    /// They reach the chain.
    case complete
    /// They do, and on the way they have a status that nobody documents.
    case undocumented
    /// They are accepted, and the chain does not take them.
    case failed
    /// They are accepted, and then denied by the rules about risk.
    case denied
    /// They are refused: the recipient is held back after it was entered.
    case inactive
    /// They are refused: the address is wrong.
    case invalid
    /// They stay pending until told.
    case stuck
    /// They pay a cent less than was asked for.
    case otherAmount = "other_amount"
    /// They reach the chain, and cost something.
    case fee
}

/// How the fake Circle behaves.
public struct FakeCircleSettings: Sendable {
    /// The company's wallet.
    public var walletID = "1000066041"
    /// Where notifications go; while there is no address they wait.
    public var webhookURL: String?
    /// How long a payout stays pending, and then runs.
    public var settleAfter: Duration = .milliseconds(200)
    /// How long a `slow` reply takes.
    public var slowness: Duration = .seconds(2)
    /// How long a recipient stays pending.
    public var activateAfter: Duration = .milliseconds(50)
    /// By recipient; `*` stands for every other.
    public var scripts: [String: CircleScript] = [:]
    /// Faults by recipient, taken one per request; `*` stands for recipients without faults of their own.
    public var faults: [String: [ProviderFault]] = [:]
    /// Webhook faults by recipient; `*` stands for every other.
    public var webhookFaults: [String: WebhookFault] = [:]
    /// Minor units of the company's balance, by currency; what is not named is without bounds.
    public var balances: [String: Int64] = [:]
    /// How far its calendar is ahead.
    public var aheadSeconds: Int64 = 0
    /// What lies where Amazon's certificates do.
    public var certificate: [UInt8] = []

    public init() {}
}

/// A payout that the fake accepted.
public struct CircleAcceptance: Codable, Hashable, Sendable {
    public let id: String
    /// The key that it is bound to.
    public let key: String
    public let recipientID: String
    public let amountMinor: Int64
    public let currency: String

    private enum CodingKeys: String, CodingKey {
        case id, key, currency
        case recipientID = "recipient_id"
        case amountMinor = "amount_minor"
    }
}

/// Changes of a running fake, as its control endpoint takes them; what is absent stays as it is.
public struct FakeCircleControl: Codable, Sendable {
    public var webhookURL: String?
    public var settleAfterMilliseconds: Int64?
    public var scripts: [String: CircleScript]?
    public var faults: [String: [ProviderFault]]?
    public var webhookFaults: [String: WebhookFault]?
    public var balances: [String: Int64]?
    public var aheadSeconds: Int64?

    public init() {}

    private enum CodingKeys: String, CodingKey {
        case scripts, faults, balances
        case webhookURL = "webhook_url"
        case settleAfterMilliseconds = "settle_after_ms"
        case webhookFaults = "webhooks"
        case aheadSeconds = "ahead_seconds"
    }
}
