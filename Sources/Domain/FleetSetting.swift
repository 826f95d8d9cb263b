/// What people set while the fleet runs; raw values are those of the column `setting.name`.
public enum FleetSetting: String, CaseIterable, Sendable {
    /// Days after which a payout that was paid by hand is final.
    case manualFinalDays = "manual_final_days"

    /// What holds until somebody sets it.
    public var standard: Int64 {
        switch self {
        // As long as a bank may take at a provider.
        case .manualFinalDays: 14
        }
    }

    public var range: ClosedRange<Int64> {
        switch self {
        case .manualFinalDays: 1...365
        }
    }

    /// What a person reads who sets it, with its unit.
    public var label: String {
        switch self {
        case .manualFinalDays: "Days after which a payout that was paid by hand is final"
        }
    }
}
