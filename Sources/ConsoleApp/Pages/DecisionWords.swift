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

    /// Why a condition that was missed withholds a balance; nil for a limit, which only asks for a person.
    static func withholding(_ limit: DecisionLimitRow, _ currency: String) -> String? {
        let words = DecisionWords(limit, currency)
        return switch limit.name {
        case "minimum_minor": "It is below the smallest payout of \(words.threshold)."
        case "affiliate_active": "The affiliate is blocked."
        case "payout_method": "There is no payout method."
        case "method_cooling": "The method was changed and waits until \(limit.value)."
        case "destination_block": "The account took no money: \(limit.value)."
        case "kyc_status", "tax_status": "\(words.name): \(words.value)."
        case "fraud_hold": "The fraud desk holds it."
        case "freeze": "Payouts are frozen (\(limit.value))."
        default: nil
        }
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

extension WithheldRow {
    /// The conditions that withhold it.
    var causes: [DecisionLimitRow] { missed.filter { DecisionWords.withholding($0, currency) != nil } }

    /// Why it is not paid, in sentences.
    var reasons: String {
        missed.compactMap { DecisionWords.withholding($0, currency) }.joined(separator: " ")
    }
}
