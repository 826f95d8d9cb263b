/// All that the engine knows at the end of a day: the same for the same events, however they came in.
///
/// Bounded: 45 days of counts and 14 of tallies for each affiliate and programme, links for as long as they may matter.
public struct FraudBook: Sendable, Codable {
    /// Affiliates in programmes, at most; the one idle longest goes first.
    static let pairsMaximum = 500_000

    var links = LinkBook()
    var rates = FactRates()
    public internal(set) var pairs: [FraudPair: PairHistory] = [:]
    /// Where each affiliate stands, by its verdicts so far.
    public internal(set) var standings: [UInt64: FraudStanding] = [:]
    /// Where each would stand by a candidate's verdicts.
    var candidateStandings: [UInt64: FraudStanding] = [:]
    var candidateVersion: String?
    /// Who had an event on the last closed day.
    public internal(set) var active: Set<UInt64> = []
    /// The last day that was closed; nil before the first.
    public internal(set) var day: Int32?

    public init() {}

    /// Devices that are remembered, for whoever watches memory.
    public var deviceCount: Int { links.deviceCount }

    /// Takes in the events of one day, and with that ends it. Days come in ascending order.
    ///
    /// - Parameter events: as `FraudDays.close` gives them.
    /// - Returns: what the past of each conversion says about it, in the order of the events.
    public mutating func close(
        _ day: Int32, _ events: [FraudEvent], _ context: FraudContext, _ model: FraudModel
    ) -> [ConversionScore] {
        precondition(self.day.map { $0 < day } ?? true, "a day is closed once, after those before it")
        self.day = day
        links.rings.begin()
        var linked: [LinkedEvent] = []
        linked.reserveCapacity(events.count)
        var assists: [FraudPair] = []
        for event in events {
            guard let link = links.link(event, context, assists: &assists) else { continue }
            linked.append(link)
        }
        active = Set(linked.map(\.affiliate))
        count(linked, assists, on: day)
        let scores = linked.filter { $0.event.kind == .conversion }.map { link in
            model.score(link, evidence: standings[link.affiliate]?.carried ?? 0, rates)
        }
        rates.close(linked)
        links.age(to: day, windowDays: context.clickDays)
        age(to: day)
        return scores
    }

    /// A cell of a pair's history while it is added to.
    private struct OpenCell: Hashable {
        let pair: FraudPair
        let day: Int32
    }

    /// - Parameter assists: orders of others on devices that had followed a pair's link.
    private mutating func count(_ linked: [LinkedEvent], _ assists: [FraudPair], on day: Int32) {
        var cells: [OpenCell: DayCell] = [:]
        for link in linked where link.day > day - PairHistory.daysKept {
            let pair = FraudPair(program: link.event.program, affiliate: link.affiliate)
            let open = OpenCell(pair: pair, day: link.day)
            cells[open, default: pairs[pair]?.cell(on: link.day) ?? DayCell()].add(link)
        }
        let counted = Set(cells.keys.map(\.pair))
        for pair in assists where counted.contains(pair) || pairs[pair] != nil {
            let open = OpenCell(pair: pair, day: day)
            cells[open, default: pairs[pair]?.cell(on: day) ?? DayCell()].addAssist()
        }
        for (open, cell) in cells {
            pairs[open.pair, default: PairHistory(firstDay: open.day)].count(cell, on: open.day)
        }
    }

    private mutating func age(to day: Int32) {
        for pair in pairs.compactMap({ $0.value.ages(to: day) ? $0.key : nil }) { pairs[pair]?.age(to: day) }
        for pair in pairs.compactMap({ $0.value.days.isEmpty ? $0.key : nil }) { pairs[pair] = nil }
        guard pairs.count > FraudBook.pairsMaximum else { return }
        let idle = pairs.sorted { ($0.value.lastDay, $0.key) < ($1.value.lastDay, $1.key) }
        for (pair, _) in idle.prefix(pairs.count - FraudBook.pairsMaximum) { pairs[pair] = nil }
    }

    /// Takes the rings out, which are too large to be copied: what days changed of them is known instead.
    mutating func takeRings() -> RingBook {
        defer { links.rings = RingBook() }
        return links.rings
    }

    mutating func markSuspect(_ affiliate: UInt64, programs: [UInt64], from first: Int32, through last: Int32) {
        for program in programs {
            pairs[FraudPair(program: program, affiliate: affiliate)]?.markSuspect(from: first, through: last)
        }
    }
}
