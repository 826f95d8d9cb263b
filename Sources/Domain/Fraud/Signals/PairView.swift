/// An affiliate in a programme as the end of a day sees it: the last 1, 3, 7, 14 and 28 days, and what was before each.
struct PairView: Sendable {
    static let windows: [Int32] = [1, 3, 7, 14, 28]
    /// The window on which peers are fitted.
    static let fitWindow = 4
    /// What choosing the strongest of the windows costs, in −log₁₀ p.
    static let windowPenalty = 0.3

    let pair: FraudPair
    /// Whether it was under suspicion on the day before.
    let isSuspect: Bool
    let windows: [DayCell]
    /// Whether a window has days that the one before it has not.
    let isLonger: [Bool]
    /// Unsuspected days before each window; of those who are judged alone.
    let pasts: [DayCell]
    /// One by one, in ascending order, and all before.
    let days: [PairHistory.Day]
    let older: PackedCell

    init(_ pair: FraudPair, _ history: PairHistory, day: Int32, isSuspect: Bool, isJudged: Bool = true) {
        self.pair = pair
        self.isSuspect = isSuspect
        days = history.days
        older = history.older
        var cell = DayCell()
        var windows: [DayCell] = []
        var isLonger: [Bool] = []
        var index = history.days.count - 1
        for length in PairView.windows {
            let before = index
            while index >= 0, history.days[index].day > day - length {
                history.days[index].cell.add(to: &cell)
                index -= 1
            }
            isLonger.append(index < before)
            windows.append(index < before ? cell.complete : windows.last ?? cell.complete)
        }
        self.windows = windows
        self.isLonger = isLonger
        guard isJudged else {
            pasts = []
            return
        }
        var past = history.older.cell
        var pasts = [DayCell](repeating: past.complete, count: PairView.windows.count)
        index = 0
        for window in PairView.windows.indices.reversed() {
            let before = index
            while index < history.days.count, history.days[index].day <= day - PairView.windows[window] {
                if !history.days[index].isSuspect { history.days[index].cell.addAll(to: &past) }
                index += 1
            }
            let longer = window + 1
            pasts[window] = index == before && longer < pasts.count ? pasts[longer] : past.complete
        }
        self.pasts = pasts
    }
}
