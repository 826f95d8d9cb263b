/// What an affiliate's events in one programme on one day add up to. Adding is all that ever happens to it, so cells
/// merge in any order to the same bits: sums of logarithms are kept in thousandths, as integers.
public struct DayCell: Sendable, Hashable, Codable {
    /// Upper ends of the bins of the time from click to order, in seconds; the last bin has none.
    public static let timeEdges: [Int64] = [2, 5, 15, 60, 300, 900, 3_600, 10_800, 43_200, 86_400, 259_200, 864_000]
    static let timeBins = 13
    static let amountBins = 24
    /// Thousandths of a logarithm that a bin of amounts spans.
    static let amountBinWidth: Int64 = 250

    /// Where each histogram begins in `counts`.
    enum Slot {
        static let facts = 0
        static let times = 64
        static let clickHours = times + timeBins
        static let orderHours = clickHours + 24
        static let amounts = orderHours + 24
        static let end = amounts + amountBins
    }

    public enum Sum: Int, CaseIterable, Sendable {
        case timeLog, timeLogSquare, amountLog, amountLogSquare, revenueMinor, refundedMinor
    }

    public enum Key: Int, CaseIterable, Sendable {
        case orderAddress, orderSubnet, orderDevice, orderCustomer, orderAgent, orderAmount, orderSubID
        case clickAddress, clickSubnet, clickDevice, clickAgent, clickReferrer, clickSubID
    }

    var counts = [UInt32](repeating: 0, count: Slot.end)
    var sums = [Int64](repeating: 0, count: Sum.allCases.count)
    /// In the order of `Key`; empty once the day is too old for them.
    var tallies = [Tally](repeating: Tally(), count: Key.allCases.count)
    /// What the tallies say, in their place, of a sum that is complete.
    private var figures: [Tally.Figures] = []

    public init() {}

    public subscript(fact: FraudFact) -> Double { Double(counts[Slot.facts + fact.rawValue]) }
    public subscript(sum: Sum) -> Int64 { sums[sum.rawValue] }

    /// What the events' keys come to.
    func tally(_ key: Key) -> Tally.Figures {
        if !figures.isEmpty { return figures[key.rawValue] }
        return tallies.isEmpty ? Tally.Figures() : Tally.Figures(tallies[key.rawValue])
    }

    /// The same, to which nothing can be added any more, without the tallies, which take the most memory.
    var complete: DayCell {
        var cell = self
        cell.figures = tallies.map { Tally.Figures($0) }
        cell.tallies = []
        return cell
    }

    func histogram(_ range: Range<Int>) -> ArraySlice<UInt32> { counts[range] }

    static let times = Slot.times..<Slot.clickHours
    static let clickHours = Slot.clickHours..<Slot.orderHours
    static let orderHours = Slot.orderHours..<Slot.amounts
    static let amounts = Slot.amounts..<Slot.end

    public mutating func add(_ linked: LinkedEvent) {
        var facts = linked.facts.rawValue
        while facts != 0 {
            counts[Slot.facts + facts.trailingZeroBitCount] += 1
            facts &= facts - 1
        }
        let event = linked.event
        switch event.kind {
        case .click:
            counts[Slot.clickHours + linked.hour] += 1
            add(
                (.clickAddress, event.address), (.clickSubnet, event.subnet), (.clickDevice, event.device),
                (.clickAgent, event.agent), (.clickReferrer, event.referrer), (.clickSubID, event.subID))
        case .conversion: if linked.facts.contains(.order) { addOrder(linked) }
        case .refund, .chargeback: sums[Sum.refundedMinor.rawValue] += event.amountMinor
        }
    }

    mutating func addAssist() { counts[Slot.facts + FraudFact.assist.rawValue] += 1 }

    private mutating func addOrder(_ linked: LinkedEvent) {
        let event = linked.event
        counts[Slot.orderHours + linked.hour] += 1
        let bin =
            (linked.relativeAmount + Int64(DayCell.amountBins / 2) * DayCell.amountBinWidth) / DayCell.amountBinWidth
        counts[Slot.amounts + Int(min(max(bin, 0), Int64(DayCell.amountBins - 1)))] += 1
        sums[Sum.amountLog.rawValue] += linked.relativeAmount
        sums[Sum.amountLogSquare.rawValue] += linked.relativeAmount * linked.relativeAmount
        sums[Sum.revenueMinor.rawValue] += event.amountMinor
        if let seconds = linked.secondsFromClick {
            let bin = DayCell.timeEdges.firstIndex { seconds < $0 } ?? DayCell.timeBins - 1
            counts[Slot.times + bin] += 1
            let log = Int64((Elementary.log(Double(max(seconds, 0)) + 1) * 1_000).rounded())
            sums[Sum.timeLog.rawValue] += log
            sums[Sum.timeLogSquare.rawValue] += log * log
        }
        add(
            (.orderAddress, event.address), (.orderSubnet, event.subnet), (.orderDevice, event.device),
            (.orderCustomer, event.customer), (.orderAgent, event.agent), (.orderSubID, event.subID),
            (.orderAmount, FraudHash.of(amount: event.amountMinor)))
    }

    private mutating func add(_ keys: (Key, UInt64)...) {
        // A day that is too old for tallies still counts what comes late.
        guard !tallies.isEmpty else { return }
        for (key, hash) in keys where hash != 0 { tallies[key.rawValue].add(hash) }
    }

    /// Adds another day, or another part of this one.
    public mutating func merge(_ other: DayCell) {
        mergeCounts(other)
        guard !other.tallies.isEmpty else { return }
        if tallies.isEmpty {
            tallies = other.tallies
        } else {
            for index in tallies.indices { tallies[index].merge(other.tallies[index]) }
        }
    }

    /// Adds all of another day but its tallies.
    mutating func mergeCounts(_ other: DayCell) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
        for index in sums.indices { sums[index] += other.sums[index] }
    }

    /// Whether anything came of which the unit's signals take a share.
    func has(_ unit: ShareSignal.Unit) -> Bool {
        switch unit {
        case .orders: self[.order] + self[.orderRepeated] > 0
        case .clicks: self[.click] + self[.assist] + self[.order] > 0
        }
    }

    mutating func makeTallies() { tallies = [Tally](repeating: Tally(), count: Key.allCases.count) }

    /// Lets go of the tallies.
    mutating func dropTallies() { tallies = [] }

    /// Halves all counts, so that what is long past weighs less.
    mutating func halve() {
        for index in counts.indices { counts[index] /= 2 }
        for index in sums.indices { sums[index] /= 2 }
    }
}
