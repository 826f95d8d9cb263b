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
        let day: Int32
        var cell: DayCell
        /// Whether the affiliate was under suspicion: such a day is no measure of what is usual.
        var isSuspect = false
    }

    /// In ascending order.
    var days: [Day] = []
    /// All unsuspected days before.
    var older = DayCell()
    var olderDays: Int32 = 0
    public internal(set) var firstDay: Int32

    init(firstDay: Int32) { self.firstDay = firstDay }

    public mutating func add(_ linked: LinkedEvent) {
        if let last = days.last, last.day == linked.day {
            days[days.count - 1].cell.add(linked)
            return
        }
        let index = days.firstIndex { $0.day >= linked.day } ?? days.count
        if index < days.count, days[index].day == linked.day {
            days[index].cell.add(linked)
        } else {
            var cell = DayCell()
            cell.add(linked)
            days.insert(Day(day: linked.day, cell: cell), at: index)
        }
        firstDay = min(firstDay, linked.day)
    }

    /// An order of another affiliate on a device that had followed this one's link.
    mutating func assist(on day: Int32) {
        if days.last?.day != day { days.append(Day(day: day, cell: DayCell())) }
        days[days.count - 1].cell.addAssist()
    }

    mutating func markSuspect(from first: Int32, through last: Int32) {
        for index in days.indices where days[index].day >= first && days[index].day <= last {
            days[index].isSuspect = true
        }
    }

    /// Lets go of what no window looks at after `day`.
    mutating func age(to day: Int32) {
        while let first = days.first, first.day <= day - PairHistory.daysKept {
            if !first.isSuspect {
                older.mergeCounts(first.cell)
                older.dropTallies()
                olderDays += 1
            }
            days.removeFirst()
        }
        for index in days.indices where days[index].day <= day - PairHistory.tallyDays {
            days[index].cell.dropTallies()
        }
    }

    var lastDay: Int32 { days.last?.day ?? .min }
}
