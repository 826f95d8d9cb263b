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
        let period: CalendarPeriod
        switch self {
        case .onDemand: return nil
        case .daily: period = .day
        case .weekly: period = .week
        case .monthly: period = .month
        }
        return CivilDate(daysSinceEpoch: period.startDay(of: moment))
    }
}
