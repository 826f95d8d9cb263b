/// What the fraud engine says about a conversion or an affiliate, from good to bad.
public enum FraudVerdict: String, Sendable, Codable, CaseIterable, Comparable {
    case clear, review, hold

    public static func < (left: FraudVerdict, right: FraudVerdict) -> Bool { left.severity < right.severity }

    private var severity: Int {
        switch self {
        case .clear: 0
        case .review: 1
        case .hold: 2
        }
    }
}

extension FraudVerdict {
    /// Of a conversion, by the probability that it is fraud.
    public init(ofConversion probability: Double) {
        self =
            probability >= FraudStanding.holdFrom ? .hold : probability >= FraudStanding.reviewFrom ? .review : .clear
    }
}
