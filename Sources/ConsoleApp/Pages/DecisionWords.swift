import Domain

/// A limit of a decision about a payout, as people read it.
struct DecisionWords: Sendable {
    let name: String
    let threshold: String
    let value: String

    init(_ limit: DecisionLimitRow, _ currency: String) {
        let isAmount = limit.name.hasSuffix("_minor")
        func words(_ raw: String) -> String {
            isAmount
                ? Int64(raw).map { "\(Figures.amount($0, currency)) \(currency)" } ?? raw
                : raw.replacing("_", with: " ")
        }
        name = DecisionWords.names[limit.name] ?? StateLabel.words(limit.name)
        threshold = words(limit.threshold)
        value = words(limit.value)
    }

    private static let names = [
        "minimum_minor": "Smallest payout", "automatic_limit_minor": "One payout without a person, up to",
        "second_approval_limit_minor": "With one person, up to",
        "thirty_day_limit_minor": "In 30 days without a person, up to",
        "daily_limit_minor": "Everybody in a day without a person, up to", "affiliate_active": "Affiliate is active",
        "method_cooling": "Method changed lately", "destination_block": "Account that took no money",
        "kyc_status": "Identity check", "tax_status": "Tax form", "fraud_hold": "Held by the fraud desk",
        "freeze": "Frozen", "affiliate_age_days": "Days that the affiliate is here, at least",
    ]
}
