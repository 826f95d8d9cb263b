/// What is known of an affiliate's balance when a payout of it is decided.
public struct PayoutCandidate: Hashable, Sendable {
    public let affiliateID: String
    public let currency: Currency
    /// Minor units that may be paid, after what the affiliate owes was netted.
    public let payableMinor: Int64
    /// The strictest of the programmes that the money comes from, in minor units.
    public let minimumMinor: Int64
    /// The strictest of the programmes that the money comes from, in minor units.
    public let automaticLimitMinor: Int64
    public let affiliateIsActive: Bool
    public let verdict: FraudVerdict
    public let provider: String
    /// The affiliate's account at the provider; nil: none yet.
    public let destination: String?
    /// The code of the failure that made `destination` unusable; nil: usable.
    public let destinationBlock: String?
    /// Payouts of the last 30 days that failed or came back.
    public let recentFailures: Int

    public init(
        affiliateID: String, currency: Currency, payableMinor: Int64, minimumMinor: Int64, automaticLimitMinor: Int64,
        affiliateIsActive: Bool, verdict: FraudVerdict, provider: String, destination: String?,
        destinationBlock: String?, recentFailures: Int
    ) {
        self.affiliateID = affiliateID
        self.currency = currency
        self.payableMinor = payableMinor
        self.minimumMinor = minimumMinor
        self.automaticLimitMinor = automaticLimitMinor
        self.affiliateIsActive = affiliateIsActive
        self.verdict = verdict
        self.provider = provider
        self.destination = destination
        self.destinationBlock = destinationBlock
        self.recentFailures = recentFailures
    }
}

/// One limit of a decision, with the value that was measured against it.
public struct PayoutLimit: Hashable, Sendable {
    public let name: String
    public let threshold: String
    public let value: String
    public let passed: Bool
}

/// Whether a balance is paid, and who must agree first.
public enum PayoutDecision: Hashable, Sendable {
    case automatic([PayoutLimit])
    /// A person approves it, because at least one limit did not pass.
    case manual([PayoutLimit])
    /// No payout is made; the money stays payable.
    case withheld([PayoutLimit])

    /// The limits in the order in which they were checked.
    public var limits: [PayoutLimit] {
        switch self {
        case .automatic(let limits), .manual(let limits), .withheld(let limits): limits
        }
    }

    /// Decides on one balance. Below the minimum or blocked: withheld. Every other limit missed: manual.
    public init(_ candidate: PayoutCandidate) {
        let conditions = [
            PayoutLimit(
                name: "minimum_minor", threshold: String(candidate.minimumMinor),
                value: String(candidate.payableMinor),
                passed: candidate.payableMinor > 0 && candidate.payableMinor >= candidate.minimumMinor),
            PayoutLimit(
                name: "affiliate_active", threshold: "true", value: String(candidate.affiliateIsActive),
                passed: candidate.affiliateIsActive),
        ]
        let limits = [
            PayoutLimit(
                name: "automatic_limit_minor", threshold: String(candidate.automaticLimitMinor),
                value: String(candidate.payableMinor),
                passed: candidate.payableMinor <= candidate.automaticLimitMinor),
            PayoutLimit(
                name: "fraud_verdict", threshold: FraudVerdict.clear.rawValue, value: candidate.verdict.rawValue,
                passed: candidate.verdict == .clear),
            PayoutLimit(
                name: "provider_account", threshold: "present",
                value: candidate.destination == nil ? "absent" : "present", passed: candidate.destination != nil),
            PayoutLimit(
                name: "destination_block", threshold: "none", value: candidate.destinationBlock ?? "none",
                passed: candidate.destinationBlock == nil),
            PayoutLimit(
                name: "recent_failures", threshold: "0", value: String(candidate.recentFailures),
                passed: candidate.recentFailures == 0),
        ]
        if !conditions.allSatisfy(\.passed) {
            self = .withheld(conditions + limits)
        } else if limits.allSatisfy(\.passed) {
            self = .automatic(conditions + limits)
        } else {
            self = .manual(conditions + limits)
        }
    }
}
