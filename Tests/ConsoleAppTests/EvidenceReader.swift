import Events

@testable import Domain

/// Reads the sentences of a case as a distrustful person does: counts what they state again, from the raw events.
struct EvidenceReader {
    let world: NaiveWorld
    let affiliate: String
    /// The day that was judged.
    let day: Int32
    /// Days that are no measure of what is usual, by affiliate.
    let suspectDays: [String: Set<Int32>]

    /// - Returns: what is wrong with a sentence; nil if it is true.
    func objection(to text: String, of signal: FraudSignal, in program: String) -> String? {
        let words = text.dropLast()
        if signal == .drift { return growth(String(words), in: program) }
        if signal == .deviceRing { return ring(String(words)) }
        return signal.isShare ? share(text, of: signal, in: program) : measure(String(words), of: signal, in: program)
    }

    private func signals(_ program: String, _ isWanted: @escaping (NaiveWorld.Event) -> Bool) -> NaiveSignals {
        NaiveSignals(world, program: program, through: day, of: isWanted)
    }

    private func own(_ days: Int32, _ program: String) -> NaiveSignals {
        let window = (day - days + 1)...day
        return signals(program) { $0.affiliate == affiliate && window.contains($0.day) }
    }

    private func others(_ program: String) -> NaiveSignals {
        signals(program) { $0.affiliate != affiliate && $0.day <= day }
    }

    /// Percentages between which what is usual lies: of all others together, each counted by itself, and of those that
    /// were never suspected, as the engine takes who was not suspected then.
    ///
    /// - Returns: nil of few events.
    private func usual(_ signal: FraudSignal, _ line: Int, in program: String) -> ClosedRange<Double>? {
        var all = NaiveSignals.Share(0, 0)
        var honest = all
        for name in Set(world.clicks.map(\.affiliate)).subtracting([affiliate]) {
            let counted = signals(program) { $0.affiliate == name && $0.day <= day }.counts(signal)
            guard let share = EvidenceReader.pick(line, of: counted) else { return nil }
            all = (all.k + share.k, all.n + share.n)
            if suspectDays[name] == nil { honest = (honest.k + share.k, honest.n + share.n) }
        }
        guard honest.n > 100 else { return nil }
        let percentages = [all, honest].map { 100 * Double($0.k) / Double($0.n) }
        return min(percentages[0], percentages[1])...max(percentages[0], percentages[1])
    }

    /// Suspected days, once there were seven that count.
    private func leftOut(of program: String) -> Set<Int32> {
        let events = world.clicks + world.orders.map(\.event)
        let days = Set(events.filter { $0.affiliate == affiliate && $0.program == program }.map(\.day))
        var counted = 0
        return days.filter { $0 <= day }.sorted().reduce(into: Set()) { left, day in
            if counted >= 7, suspectDays[affiliate]?.contains(day) == true { left.insert(day) } else { counted += 1 }
        }
    }

    /// "7 of 12 (58 %) … in 7 days; this affiliate's past 3 %, programme 1 %."
    private func share(_ text: String, of signal: FraudSignal, in program: String) -> String? {
        let form = #/(\d+) of (\d+) \(([\d.]+) %\) (.+) in (\d+) days?; (.*)programme ([\d.]+) %\./#
        guard let said = text.wholeMatch(of: form), let k = Int(said.1), let n = Int(said.2),
            let percent = Double(said.3),
            let days = Int32(said.5), let programme = Double(said.7)
        else { return "no sentence of a share: \(text)" }
        guard let counted = own(days, program).counts(signal) else { return "nobody can count \(signal)" }
        let first = ShareSignal.named[signal]?.isHeap == true ? 1 : 0
        let sloppy = isSketched(signal, n) ? max(1, k / 20) : 0
        guard let line = counted.firstIndex(where: { abs($0.k - k + first) <= sloppy && $0.n == n - first })
        else { return "\(signal): \(text) but \(counted)" }
        guard abs(percent - 100 * Double(k) / Double(n)) <= 0.5 else { return "\(signal): no percentage: \(text)" }
        let leftOut = leftOut(of: program)
        // Which keys came how often is remembered for two weeks.
        let since = first > 0 ? day - PairHistory.tallyDays : .min
        let past = signals(program) {
            $0.affiliate == affiliate && $0.day > since && $0.day <= day - days && !leftOut.contains($0.day)
        }.counts(signal)
        let before = EvidenceReader.pick(line, of: past)
        if let stated = said.6.firstMatch(of: #/past ([\d.]+) %/#).flatMap({ Double($0.1) }), let before,
            abs(stated - 100 * Double(before.k) / Double(before.n)) > (isSketched(signal, before.n) ? 5 : 0.5)
        {
            return "\(signal): \(text) but before \(before)"
        }
        // The programme's share is fitted: outliers count less, few events are drawn towards what is usual anywhere.
        if let usual = usual(signal, line, in: program),
            !(usual.lowerBound - 10...usual.upperBound + 10).contains(programme)
        {
            return "\(signal): \(text) but others \(usual)"
        }
        return nil
    }

    /// The same reading of the sentence; of amounts below a limit, whose readings depend on the days, the last.
    private static func pick(_ line: Int, of shares: [NaiveSignals.Share]?) -> NaiveSignals.Share? {
        shares.flatMap { $0.indices.contains(line) ? $0[line] : $0.last }
    }

    /// Of more than 64 keys the engine keeps a sketch.
    private func isSketched(_ signal: FraudSignal, _ n: Int) -> Bool {
        let isOfKeys =
            ShareSignal.named[signal]?.isHeap == true
            || [
                .nearLimitOrders, .reorderingDevices, .reorderingAddresses, .returningClickDevices,
                .returningClickAddresses,
            ].contains(signal)
        return isOfKeys && n > Tally.exactMaximum
    }

    private func growth(_ words: String, in program: String) -> String? {
        let form = #/(\d+) of (\d+) \(([\d.]+) %\) (.+) in 7 days, growing for (\d+) days?; before ([\d.]+) %/#
        guard let said = words.wholeMatch(of: form), let k = Int(said.1), let n = Int(said.2),
            let percent = Double(said.3),
            let before = Double(said.6), let signal = ShareSignal.all.first(where: { $0.phrase == said.4 })?.signal
        else { return "no sentence of growth: \(words)" }
        guard let counted = own(7, program).counts(signal), counted.contains(where: { $0 == (k, n) })
        else { return "\(words) but \(own(7, program).counts(signal) ?? [])" }
        return percent > before ? nil : "no growth: \(words)"
    }

    private func ring(_ words: String) -> String? {
        let form = #/(\d+) of (\d+) buying devices also buy through one other affiliate; chance would be ([\d.]+)/#
        guard let said = words.wholeMatch(of: form), let shared = Int(said.1), let all = Int(said.2),
            let chance = Double(said.3)
        else { return "no sentence of a ring: \(words)" }
        let orders = world.orders.filter { !$0.isRepeated && $0.event.device != nil && $0.event.day <= day }
        let buyers = Dictionary(grouping: orders, by: \.event.device).mapValues { Set($0.map(\.event.affiliate)) }
        let devices = buyers.values.filter { $0.contains(affiliate) }
        let most = Set(devices.joined()).subtracting([affiliate]).map { other in devices.count { $0.contains(other) } }
        guard all == devices.count, most.contains(shared), Double(shared) > chance
        else { return "\(words) but \(devices.count), \(most)" }
        return nil
    }

    /// What is no share: its events are counted, and that it deviates, and how, is seen.
    private func measure(_ words: String, of signal: FraudSignal, in program: String) -> String? {
        guard let said = words.firstMatch(of: #/of (\d+) (orders|clicks) in (\d+) days? (.+)/#), let n = Int(said.1),
            let days = Int32(said.3)
        else { return "no sentence of a measure: \(words)" }
        let numbers = said.4.matches(of: #/\d+\.\d/#).compactMap { Double($0.0) }
        guard numbers.count == 2 else { return "not two numbers: \(words)" }
        let (mine, theirs) = (values(signal, own(days, program)), values(signal, others(program)))
        guard mine.count == n else { return "\(words) but \(mine.count)" }
        switch signal {
        case .narrowTimes, .narrowAmounts:
            let spread = spread(of: mine)
            // Amounts are measured against what is usual on their day, which moves a little.
            let isNear = abs(spread - numbers[0]) <= (signal == .narrowTimes ? 0.06 : 0.2)
            return isNear && numbers[0] < numbers[1] ? nil : "\(words) but \(spread)"
        case .largeOrders: return mean(mine) > mean(theirs) ? nil : "\(words) but \(mean(mine)), \(mean(theirs))"
        case .smallOrders: return mean(mine) < mean(theirs) ? nil : "\(words) but \(mean(mine)), \(mean(theirs))"
        default: return numbers[0] > numbers[1] ? nil : "no deviation: \(words)"
        }
    }

    /// Logarithms of what a signal measures of each event.
    private func values(_ signal: FraudSignal, _ signals: NaiveSignals) -> [Double] {
        switch signal {
        case .narrowTimes, .timeShape: signals.clicked.map { Elementary.log(Double($0.secondsFromClick) + 1) }
        case .clickHours: NaiveClicks(signals).clicks.map { _ in 0 }
        default: signals.real.map { Elementary.log(Double(max($0.event.amount, 1))) }
        }
    }

    private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }

    /// The factor that is one standard deviation.
    private func spread(of logarithms: [Double]) -> Double {
        let middle = mean(logarithms)
        let squares = logarithms.reduce(0) { $0 + ($1 - middle) * ($1 - middle) }
        return Elementary.exp((squares / Double(logarithms.count - 1)).squareRoot())
    }
}
