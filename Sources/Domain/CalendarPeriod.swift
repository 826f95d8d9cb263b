/// A span of the UTC calendar that counts start anew with.
public enum CalendarPeriod: String, CaseIterable, Sendable {
    case day
    /// From Monday on.
    case week
    /// From the first of the month on.
    case month
    /// All time.
    case total

    /// The first day of the period that `moment` lies in, in days since 1970-01-01; 0 for `total`.
    public func startDay(of moment: Timestamp) -> Int32 {
        let day = moment.day
        switch self {
        case .day: return day
        // 1970-01-01 was a Thursday: the Monday before it is day -3.
        case .week:
            let weekday = (day + 3) % 7
            return day - (weekday < 0 ? weekday + 7 : weekday)
        case .month: return day - CivilDate(daysSinceEpoch: day).day + 1
        case .total: return 0
        }
    }
}
