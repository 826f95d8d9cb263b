/// A signal that is a histogram held against the other affiliates' as a whole.
struct ShapeSignal: Sendable {
    let signal: FraudSignal
    let bins: Range<Int>
    /// Neighbouring bins that are counted as one.
    let width: Int
    let minimum: Double

    static let all = [
        ShapeSignal(signal: .timeShape, bins: DayCell.times, width: 1, minimum: 8),
        ShapeSignal(signal: .orderHours, bins: DayCell.orderHours, width: 4, minimum: 10),
        ShapeSignal(signal: .clickHours, bins: DayCell.clickHours, width: 4, minimum: 60),
        ShapeSignal(signal: .amountShape, bins: DayCell.amounts, width: 1, minimum: 8),
    ]

    func counts(_ cell: DayCell) -> [Double] {
        let slots = cell.histogram(bins)
        return stride(from: slots.startIndex, to: slots.endIndex, by: width).map { start in
            Double(slots[start..<min(start + width, slots.endIndex)].reduce(0, +))
        }
    }

    /// 2 Σ o ln(o ÷ e), and the degrees of freedom: of bins where anything was or is expected.
    static func deviation(_ observed: [Double], _ expected: [Double]) -> (g: Double, degrees: Double) {
        let n = observed.reduce(0, +)
        var g = 0.0
        var degrees = -1.0
        for (count, share) in zip(observed, expected) {
            if count > 0 { g += 2 * count * Elementary.log(count / (n * share)) }
            if n * share >= 0.5 || count > 0 { degrees += 1 }
        }
        return (max(g, 0), max(degrees, 1))
    }
}

extension ProgramPanel {
    /// What a usual affiliate's histogram looks like: every peer counts up to 30 events, bins a little smoothed.
    private struct Profile {
        private static let cap = 30.0
        private static let smoothing = 6.0
        private var sums: [Double]
        private var weight = 0.0
        private let parts: [[Double]]

        init(_ histograms: [[Double]], _ isPeer: [Bool]) {
            sums = [Double](repeating: 0, count: histograms.first?.count ?? 0)
            parts = zip(histograms, isPeer).map { histogram, isPeer in
                let n = histogram.reduce(0, +)
                guard isPeer, n > 0 else { return [] }
                return histogram.map { $0 / n * min(n, Profile.cap) }
            }
            for part in parts {
                for (bin, share) in part.enumerated() { sums[bin] += share }
                weight += part.reduce(0, +)
            }
        }

        func weight(without index: Int) -> Double { weight - parts[index].reduce(0, +) }

        func shares(without index: Int) -> [Double] {
            var own = parts[index]
            if own.isEmpty { own = [Double](repeating: 0, count: sums.count) }
            let rest = weight(without: index)
            let even = Profile.smoothing / Double(sums.count)
            return zip(sums, own).map { (max($0 - $1, 0) + even) / (max(rest, 0) + Profile.smoothing) }
        }
    }

    func add(_ shape: ShapeSignal, _ isJudged: [Bool], to findings: inout [[SignalFinding]]) {
        let long = views.map { shape.counts($0.windows[PairView.fitWindow]) }
        guard long.contains(where: { $0.reduce(0, +) >= shape.minimum }) else { return }
        let profile = Profile(long, isPeer)
        // How unlike honest affiliates are among themselves, beyond chance: the median excess per event.
        var excesses: [Double] = []
        for index in views.indices where isPeer[index] {
            let n = long[index].reduce(0, +)
            guard n >= shape.minimum else { continue }
            let (g, degrees) = ShapeSignal.deviation(long[index], profile.shares(without: index))
            excesses.append((g / degrees - 1) / max(n - 1, 1))
        }
        let usual = [0.02, 0.02, 0.02]
        let sorted = (excesses + usual).sorted()
        let alike = min(max(sorted[sorted.count * 6 / 10], 0.004), 0.5)
        for index in views.indices where isJudged[index] && profile.weight(without: index) >= 30 {
            let expected = profile.shares(without: index)
            var best: SignalFinding?
            for window in PairView.windows.indices {
                let counts = shape.counts(views[index].windows[window])
                guard counts.reduce(0, +) >= shape.minimum else { continue }
                let finding = finding(shape, counts, expected, alike, window, views[index].pasts[window])
                best = finding.stronger(than: best)
            }
            if let best, best.strength > 0 { findings[index].append(best) }
        }
    }

    private func finding(
        _ shape: ShapeSignal, _ counts: [Double], _ expected: [Double], _ alike: Double, _ window: Int, _ past: DayCell
    ) -> SignalFinding {
        func tail(_ expected: [Double]) -> (g: Double, degrees: Double, p: Double) {
            let n = counts.reduce(0, +)
            let (g, degrees) = ShapeSignal.deviation(counts, expected)
            let scaled = g / (1 + (n - 1) * alike)
            return (scaled, degrees, SpecialFunctions.chiSquareTail(scaled, degrees: degrees))
        }
        let peers = tail(expected)
        let strength = max(0, CountTails.strength(peers.p) - PairView.windowPenalty)
        var change: Double?
        let before = shape.counts(past)
        let n = before.reduce(0, +)
        if n >= shape.minimum {
            let beside = PairView.peersBesidePast
            let own = zip(before, expected).map { ($0 + beside * $1) / (n + beside) }
            change = min(strength, max(0, CountTails.strength(tail(own).p) - PairView.windowPenalty))
        }
        return SignalFinding(
            signal: shape.signal, program: program, windowDays: PairView.windows[window], k: peers.g,
            n: counts.reduce(0, +), baseline: peers.degrees, past: nil, p: peers.p, strength: strength,
            change: change, minimum: shape.minimum, isHigh: true)
    }
}
