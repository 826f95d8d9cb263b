/// What the fraud rules say about a conversion or an affiliate, from good to bad.
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
