/// What went out before, and how much may without a person.
public struct PayoutExposure: Hashable, Sendable {
    /// Minor units that the affiliate was paid within 30 days, or is about to be.
    public var recentMinor: Int64 = 0
    /// nil: ten times what may be paid at once.
    public var recentLimitMinor: Int64?
    /// Days since the affiliate joined.
    public var ageDays: Int64 = 0
    public var ageDaysMinimum: Int64 = 0
    /// Minor units of everybody's payouts of this day (UTC) that no person was asked about.
    public var todayMinor: Int64 = 0
    /// nil: as much as it may be.
    public var todayLimitMinor: Int64?

    public init() {}
}

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
    /// Above it, two people approve; the strictest of those programmes.
    public let secondApprovalLimitMinor: Int64
    public let affiliateIsActive: Bool
    public let kycStatus: String
    public let taxStatus: String
    /// What is frozen: `all`, `provider` or `affiliate`; nil: nothing.
    public let freeze: String?
    public let verdict: FraudVerdict
    public let provider: String
    /// The affiliate's account at the provider; nil: none yet.
    public let destination: String?
    /// The code of the failure that made `destination` unusable; nil: usable.
    public let destinationBlock: String?
    /// Until when the method waits because it was changed; nil: it does not.
    public let coolingUntil: Timestamp?
    /// Payouts of the last 30 days that failed or came back.
    public let recentFailures: Int
    public var exposure: PayoutExposure

    public init(
        affiliateID: String, currency: Currency, payableMinor: Int64, minimumMinor: Int64, automaticLimitMinor: Int64,
        secondApprovalLimitMinor: Int64, affiliateIsActive: Bool, kycStatus: String, taxStatus: String,
        freeze: String?, verdict: FraudVerdict, provider: String, destination: String?, destinationBlock: String?,
        coolingUntil: Timestamp?, recentFailures: Int, exposure: PayoutExposure = PayoutExposure()
    ) {
        self.affiliateID = affiliateID
        self.currency = currency
        self.payableMinor = payableMinor
        self.minimumMinor = minimumMinor
        self.automaticLimitMinor = automaticLimitMinor
        self.secondApprovalLimitMinor = secondApprovalLimitMinor
        self.affiliateIsActive = affiliateIsActive
        self.kycStatus = kycStatus
        self.taxStatus = taxStatus
        self.freeze = freeze
        self.verdict = verdict
        self.provider = provider
        self.destination = destination
        self.destinationBlock = destinationBlock
        self.coolingUntil = coolingUntil
        self.recentFailures = recentFailures
        self.exposure = exposure
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

    /// More than one person approves it.
    public var needsSecondApproval: Bool {
        limits.contains { $0.name == PayoutLimit.secondApproval && !$0.passed }
    }

    /// Decides on one balance. A condition missed: withheld, and its name says why. A limit missed: manual.
    public init(_ candidate: PayoutCandidate) {
        let conditions = PayoutDecision.conditions(of: candidate)
        let limits =
            [
                PayoutLimit(
                    name: "automatic_limit_minor", threshold: String(candidate.automaticLimitMinor),
                    value: String(candidate.payableMinor),
                    passed: candidate.payableMinor <= candidate.automaticLimitMinor),
                PayoutLimit(
                    name: PayoutLimit.secondApproval, threshold: String(candidate.secondApprovalLimitMinor),
                    value: String(candidate.payableMinor),
                    passed: candidate.payableMinor <= candidate.secondApprovalLimitMinor),
                PayoutLimit(
                    name: "fraud_verdict", threshold: FraudVerdict.clear.rawValue, value: candidate.verdict.rawValue,
                    passed: candidate.verdict == .clear),
                PayoutLimit(
                    name: "recent_failures", threshold: "0", value: String(candidate.recentFailures),
                    passed: candidate.recentFailures == 0),
            ] + PayoutDecision.exposureLimits(of: candidate)
        if !conditions.allSatisfy(\.passed) {
            self = .withheld(conditions + limits)
        } else if limits.allSatisfy(\.passed) {
            self = .automatic(conditions + limits)
        } else {
            self = .manual(conditions + limits)
        }
    }

    /// What would be too much with what went out before, or too early.
    private static func exposureLimits(of candidate: PayoutCandidate) -> [PayoutLimit] {
        let exposure = candidate.exposure
        let recent = PayoutDecision.sum(exposure.recentMinor, candidate.payableMinor)
        let recentLimit =
            exposure.recentLimitMinor
            ?? (candidate.automaticLimitMinor <= Int64.max / 10
                ? candidate.automaticLimitMinor * 10 : Int64.max)
        let today = PayoutDecision.sum(exposure.todayMinor, candidate.payableMinor)
        return [
            PayoutLimit(
                name: "thirty_day_limit_minor", threshold: String(recentLimit), value: String(recent),
                passed: recent <= recentLimit),
            PayoutLimit(
                name: "affiliate_age_days", threshold: String(exposure.ageDaysMinimum),
                value: String(exposure.ageDays), passed: exposure.ageDays >= exposure.ageDaysMinimum),
            PayoutLimit(
                name: "daily_limit_minor", threshold: exposure.todayLimitMinor.map(String.init) ?? "none",
                value: String(today), passed: exposure.todayLimitMinor.map { today <= $0 } ?? true),
        ]
    }

    /// Above what fits, the greatest that does: it passes no limit that means anything.
    private static func sum(_ one: Int64, _ other: Int64) -> Int64 {
        let (sum, overflows) = one.addingReportingOverflow(other)
        return overflows ? .max : sum
    }

    private static func conditions(of candidate: PayoutCandidate) -> [PayoutLimit] {
        // What people pay by hand needs no account at a provider.
        let hasMethod = candidate.destination != nil || candidate.provider == "manual"
        return [
            PayoutLimit(
                name: "minimum_minor", threshold: String(candidate.minimumMinor),
                value: String(candidate.payableMinor),
                passed: candidate.payableMinor > 0 && candidate.payableMinor >= candidate.minimumMinor),
            PayoutLimit(
                name: "affiliate_active", threshold: "true", value: String(candidate.affiliateIsActive),
                passed: candidate.affiliateIsActive),
            PayoutLimit(
                name: "payout_method", threshold: "present", value: hasMethod ? "present" : "absent",
                passed: hasMethod),
            PayoutLimit(
                name: "method_cooling", threshold: "none",
                value: candidate.coolingUntil.map { CivilDate(daysSinceEpoch: $0.day).text } ?? "none",
                passed: candidate.coolingUntil == nil),
            PayoutLimit(
                name: "destination_block", threshold: "none", value: candidate.destinationBlock ?? "none",
                passed: candidate.destinationBlock == nil),
            PayoutLimit(
                name: "kyc_status", threshold: "verified", value: candidate.kycStatus,
                passed: ["verified", "not_required"].contains(candidate.kycStatus)),
            PayoutLimit(
                name: "tax_status", threshold: "valid", value: candidate.taxStatus,
                passed: ["valid", "not_required"].contains(candidate.taxStatus)),
            PayoutLimit(
                name: "fraud_hold", threshold: "none", value: candidate.verdict == .hold ? "hold" : "none",
                passed: candidate.verdict != .hold),
            PayoutLimit(
                name: "freeze", threshold: "none", value: candidate.freeze ?? "none", passed: candidate.freeze == nil),
        ]
    }
}

extension PayoutLimit {
    static let secondApproval = "second_approval_limit_minor"
}
