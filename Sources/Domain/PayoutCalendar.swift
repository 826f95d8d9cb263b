/// When payouts are planned; days, weeks and months are those of UTC.
public enum PayoutCalendar: String, CaseIterable, Sendable {
    /// Only when a person asks.
    case onDemand = "on_demand"
    case daily
    /// From Monday on.
    case weekly
    /// From the first of the month on.
    case monthly

    /// The first day of the period that `moment` lies in; nil when nothing is planned by time.
    ///
    /// Each period has one planning: the first after it began, whenever a planner runs.
    public func periodStart(of moment: Timestamp) -> CivilDate? {
        let day = moment.day
        switch self {
        case .onDemand: return nil
        case .daily: return CivilDate(daysSinceEpoch: day)
        // 1970-01-01 was a Thursday: the Monday before it is day -3.
        case .weekly: return CivilDate(daysSinceEpoch: day - PayoutCalendar.remainder(day + 3, 7))
        case .monthly: return CivilDate(daysSinceEpoch: day - CivilDate(daysSinceEpoch: day).day + 1)
        }
    }

    private static func remainder(_ value: Int32, _ divisor: Int32) -> Int32 {
        let remainder = value % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }
}
