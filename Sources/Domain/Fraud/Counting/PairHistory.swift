/// An affiliate in a programme.
public struct FraudPair: Hashable, Sendable, Codable, Comparable {
    public let program: UInt64
    public let affiliate: UInt64

    public init(program: UInt64, affiliate: UInt64) {
        self.program = program
        self.affiliate = affiliate
    }

    public static func < (left: FraudPair, right: FraudPair) -> Bool {
        (left.program, left.affiliate) < (right.program, right.affiliate)
    }
}

/// The last days of an affiliate in a programme.
public struct PairHistory: Sendable, Codable {
    /// Days that are kept one by one; refunds of older orders are no longer attributed.
    public static let daysKept: Int32 = 45
    /// Days that keep their tallies.
    static let tallyDays: Int32 = 14

    struct Day: Sendable, Codable {
        var cell: PackedCell
        let day: Int32
        /// Whether the affiliate was under suspicion: such a day is no measure of what is usual.
        var isSuspect = false
    }

    /// In ascending order.
    var days: [Day] = []
    /// All unsuspected days before.
    var older = PackedCell.empty
    var olderDays: Int32 = 0
    public internal(set) var firstDay: Int32

    init(firstDay: Int32) { self.firstDay = firstDay }

    /// What was counted on a day; nil if nothing was.
    func cell(on day: Int32) -> DayCell? {
        let index = place(of: day)
        return index < days.count && days[index].day == day ? days[index].cell.cell : nil
    }

    /// Puts what was counted on a day in the place of what was there before.
    mutating func count(_ cell: DayCell, on day: Int32) {
        let index = place(of: day)
        if index < days.count, days[index].day == day {
            days[index].cell = PackedCell(cell)
        } else {
            // There is a copy of the history for each state that is kept.
            var grown: [Day] = []
            grown.reserveCapacity(days.count + 1)
            grown += days[..<index]
            grown.append(Day(cell: PackedCell(cell), day: day))
            grown += days[index...]
            days = grown
        }
        firstDay = min(firstDay, day)
    }

    /// Of the first day that is no earlier; from the end, where it is nearly always.
    private func place(of day: Int32) -> Int {
        var index = days.count
        while index > 0, days[index - 1].day >= day { index -= 1 }
        return index
    }

    /// Unsuspected days that make a past. Whoever was odd before there were as many has no better past, and is held
    /// against the one there is: else the first suspicion would confirm itself for ever.
    static let pastDays = 7

    mutating func markSuspect(from first: Int32, through last: Int32) {
        let before = days.count { $0.day < first && !$0.isSuspect }
        guard Int(olderDays) + before >= PairHistory.pastDays else { return }
        for index in days.indices where days[index].day >= first && days[index].day <= last {
            days[index].isSuspect = true
        }
    }

    /// Lets go of what no window looks at after `day`.
    mutating func age(to day: Int32) {
        while let first = days.first, first.day <= day - PairHistory.daysKept {
            if !first.isSuspect {
                var sum = older.cell
                first.cell.add(to: &sum)
                older = PackedCell(sum)
                olderDays += 1
            }
            days.removeFirst()
        }
        for index in days.indices where days[index].day <= day - PairHistory.tallyDays && days[index].cell.hasTallies {
            days[index].cell.dropTallies()
        }
    }

    /// Whether `age(to:)` would change anything, since whom nothing happens to keeps what the days before have too.
    func ages(to day: Int32) -> Bool {
        guard let first = days.first else { return false }
        if first.day <= day - PairHistory.daysKept { return true }
        return days.contains { $0.day <= day - PairHistory.tallyDays && $0.cell.hasTallies }
    }

    var lastDay: Int32 { days.last?.day ?? .min }
}
