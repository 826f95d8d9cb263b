/// What people set while the fleet runs; raw values are those of the column `setting.name`.
public enum FleetSetting: String, CaseIterable, Sendable {
    /// Days after which a payout that was paid by hand is final.
    case manualFinalDays = "manual_final_days"
    /// Records that a worker may be behind in a topic before admins hear of it; a topic may have a number of its own.
    case lagRecords = "lag_notice_records"
    /// Seconds for which it may be further behind.
    case lagSeconds = "lag_notice_seconds"

    /// What holds until somebody sets it.
    public var standard: Int64 {
        switch self {
        // As long as a bank may take at a provider.
        case .manualFinalDays: 14
        case .lagRecords: 10_000
        case .lagSeconds: 600
        }
    }

    public var range: ClosedRange<Int64> {
        switch self {
        case .manualFinalDays: 1...365
        case .lagRecords: 1...1_000_000_000
        case .lagSeconds: 1...86_400
        }
    }

    /// Whether a topic may have a value of its own.
    public var isPerTopic: Bool { self == .lagRecords }

    /// What a person reads who sets it, with its unit.
    public var label: String {
        switch self {
        case .manualFinalDays: "Days after which a payout that was paid by hand is final"
        case .lagRecords: "Records that a topic's worker may be behind"
        case .lagSeconds: "Seconds for which it may be further behind before admins hear of it"
        }
    }
}
