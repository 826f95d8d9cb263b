/// When payouts are planned; days, weeks and months are those of UTC.
public enum PayoutCalendar: String, CaseIterable, Sendable {
    /// Only when a person asks.
    case onDemand = "on_demand"
    case daily
    /// From Monday on.
    case weekly
    /// From the first of the month on.
    case monthly
    /// What was earned in a month, so many days after its end.
    case net15 = "net_15"
    case net30 = "net_30"
    case net60 = "net_60"

    /// The first day of the period that `moment` lies in; nil when nothing is planned by time.
    ///
    /// Each period has one planning: the first after it began, whenever a planner runs.
    public func periodStart(of moment: Timestamp) -> CivilDate? {
        let period: CalendarPeriod
        switch self {
        case .onDemand: return nil
        case .daily: period = .day
        case .weekly: period = .week
        case .monthly, .net15, .net30, .net60: period = .month
        }
        return CivilDate(daysSinceEpoch: period.startDay(of: moment.adding(days: -(netDays ?? 0))))
    }

    /// The days between the end of a month and the payment of what was earned in it; nil: all that is payable is paid.
    public var netDays: Int32? {
        switch self {
        case .onDemand, .daily, .weekly, .monthly: nil
        case .net15: 15
        case .net30: 30
        case .net60: 60
        }
    }

    /// What was earned before this moment is paid in the period that `moment` lies in; nil: all that is payable.
    public func earnedBefore(at moment: Timestamp) -> Timestamp? {
        guard netDays != nil, let start = periodStart(of: moment) else { return nil }
        return Timestamp(secondsSinceEpoch: Int64(start.daysSinceEpoch) * 86_400)
    }
}
