public import Domain

/// A payout was decided and its money reserved: the payer may send it.
public struct PayoutRequested: FleetMessage {
    public static let topic = TopicName.payoutsRequested

    public let payoutID: Identifier
    public let affiliateID: String
    public let amount: Money
    /// `stripe`, `circle` or `manual`.
    public let provider: String

    public var key: String { affiliateID }

    public init(payoutID: Identifier, affiliateID: String, amount: Money, provider: String) {
        self.payoutID = payoutID
        self.affiliateID = affiliateID
        self.amount = amount
        self.provider = provider
    }

    public func write(to writer: inout JSONWriter) {
        writer.member("payout_id", payoutID.description)
        writer.member("affiliate_id", affiliateID)
        writer.member("amount_minor", amount.minorUnits)
        writer.member("currency", amount.currency.code)
        writer.member("provider", provider)
    }

    public init?(_ data: JSONTree) {
        guard let payoutID = data["payout_id"]?.string.flatMap({ Identifier(text: $0) }),
            let affiliateID = data["affiliate_id"]?.string, let amount = Money(data),
            let provider = data["provider"]?.string
        else { return nil }
        self.init(payoutID: payoutID, affiliateID: affiliateID, amount: amount, provider: provider)
    }
}

/// A payout reached an end as the provider tells it; `returned` may follow `paid`.
public struct PayoutSettled: FleetMessage {
    public static let topic = TopicName.payoutsSettled

    public enum Outcome: String, Sendable, CaseIterable {
        case paid, final, failed, returned
    }

    public let payoutID: Identifier
    public let affiliateID: String
    public let amount: Money
    public let outcome: Outcome
    /// The provider's word for why, nil unless failed or returned.
    public let failureCode: String?

    public var key: String { affiliateID }

    public init(
        payoutID: Identifier, affiliateID: String, amount: Money, outcome: Outcome, failureCode: String?
    ) {
        self.payoutID = payoutID
        self.affiliateID = affiliateID
        self.amount = amount
        self.outcome = outcome
        self.failureCode = failureCode
    }

    public func write(to writer: inout JSONWriter) {
        writer.member("payout_id", payoutID.description)
        writer.member("affiliate_id", affiliateID)
        writer.member("amount_minor", amount.minorUnits)
        writer.member("currency", amount.currency.code)
        writer.member("outcome", outcome.rawValue)
        writer.member("failure_code", failureCode)
    }

    public init?(_ data: JSONTree) {
        guard let payoutID = data["payout_id"]?.string.flatMap({ Identifier(text: $0) }),
            let affiliateID = data["affiliate_id"]?.string, let amount = Money(data),
            let outcome = data["outcome"]?.string.flatMap({ Outcome(rawValue: $0) })
        else { return nil }
        self.init(
            payoutID: payoutID, affiliateID: affiliateID, amount: amount, outcome: outcome,
            failureCode: data["failure_code"]?.string)
    }
}

extension Money {
    /// The members `amount_minor` and `currency` of `data`.
    init?(_ data: JSONTree) {
        guard let minorUnits = data["amount_minor"]?.integer,
            let currency = data["currency"]?.string.flatMap({ Currency(code: $0) })
        else { return nil }
        self.init(minorUnits: minorUnits, currency: currency)
    }
}
