/// How the fake provider behaves.
///
/// The end of an account's id is its script: `_no_account` fails at the bank, `_returned` is paid and comes back,
/// `_not_allowed` is declined at once, `_other_amount` and `_other_currency` become other bank payouts than were asked
/// for, `_fee` costs the platform something, and `_live` is told to be of the live mode.
public struct FakeStripeSettings: Sendable {
    /// The secrets of its two webhook endpoints.
    public var platformSecret = "whsec_fake_platform"
    public var connectSecret = "whsec_fake_connect"
    /// Where events go; while there is no address they wait.
    public var platformURL: String?
    public var connectURL: String?
    /// How long a payout stays pending, and then in transit.
    public var settleAfter: Duration = .milliseconds(200)
    /// How long a `slow` reply takes.
    public var slowness: Duration = .seconds(2)
    /// Faults by account, taken one per request; `*` stands for accounts without faults of their own.
    public var faults: [String: [ProviderFault]] = [:]
    /// Webhook faults by account; `*` stands for every other.
    public var webhookFaults: [String: WebhookFault] = [:]
    /// Minor units that the platform may transfer; nil: as much as it likes.
    public var platformBalance: Int64?
    /// How far its calendar is ahead; keys are forgotten by it.
    public var aheadSeconds: Int64 = 0

    public init() {}
}

/// A movement of money that the fake executed.
public struct StripeAcceptance: Codable, Hashable, Sendable {
    public let id: String
    /// `transfer` or `payout`.
    public let object: String
    public let account: String
    public let amount: Int64
    public let currency: String
    /// From the metadata; empty if the request had none.
    public let payoutID: String
    public let attempt: String

    private enum CodingKeys: String, CodingKey {
        case id, object, account, amount, currency, attempt
        case payoutID = "payout_id"
    }
}

/// Changes of a running fake, as its control endpoint takes them; what is absent stays as it is.
public struct FakeStripeControl: Codable, Sendable {
    public var platformURL: String?
    public var connectURL: String?
    public var settleAfterMilliseconds: Int64?
    public var faults: [String: [ProviderFault]]?
    public var webhookFaults: [String: WebhookFault]?
    public var platformBalance: Int64?
    public var aheadSeconds: Int64?

    public init() {}

    private enum CodingKeys: String, CodingKey {
        case faults
        case platformURL = "platform_webhook_url"
        case connectURL = "connect_webhook_url"
        case settleAfterMilliseconds = "settle_after_ms"
        case webhookFaults = "webhooks"
        case platformBalance = "platform_balance"
        case aheadSeconds = "ahead_seconds"
    }
}
