extension ProgramPanel {
    /// Mean and variance of a logarithm over some events.
    private struct Moments {
        let n: Double
        let mean: Double
        let variance: Double

        init(_ n: Double, _ sum: Int64, _ squares: Int64) {
            self.n = n
            mean = n > 0 ? Double(sum) / 1_000 / n : 0
            variance = n > 1 ? max(0, (Double(squares) / 1_000_000 - n * mean * mean) / (n - 1)) : 0
        }

        static func times(_ cell: DayCell) -> Moments {
            Moments(cell[.orderOfClick], cell[.timeLog], cell[.timeLogSquare])
        }

        static func amounts(_ cell: DayCell) -> Moments {
            Moments(cell[.order], cell[.amountLog], cell[.amountLogSquare])
        }
    }

    /// How narrow times and amounts are, and how large amounts are.
    func addSpreads(_ isJudged: [Bool], to findings: inout [[SignalFinding]]) {
        addNarrow(.narrowTimes, Moments.times, isJudged, to: &findings)
        addNarrow(.narrowAmounts, Moments.amounts, isJudged, to: &findings)
        addSize(isJudged, to: &findings)
    }

    private func median(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.sorted()[values.count / 2]
    }

    private func addNarrow(
        _ signal: FraudSignal, _ moments: (DayCell) -> Moments, _ isJudged: [Bool], to findings: inout [[SignalFinding]]
    ) {
        let long = views.map { moments($0.windows[PairView.fitWindow]) }
        let peers = zip(long, isPeer).filter { $1 && $0.n >= 5 }.map(\.0.variance)
        guard peers.count >= 3, let usual = median(peers), usual > 0 else { return }
        for index in views.indices where isJudged[index] {
            var best: SignalFinding?
            for window in PairView.windows.indices {
                let own = moments(views[index].windows[window])
                guard own.n >= 5 else { continue }
                // Honest affiliates differ too: one with a variance of six tenths of the usual is still usual.
                let p =
                    1
                    - SpecialFunctions.chiSquareTail(
                        (own.n - 1) * own.variance / (0.6 * usual), degrees: own.n - 1)
                let past = moments(views[index].pasts[window])
                let strength = max(0, CountTails.strength(p) - PairView.windowPenalty)
                let finding = SignalFinding(
                    signal: signal, program: program, windowDays: PairView.windows[window],
                    k: Elementary.exp(own.variance.squareRoot()), n: own.n,
                    baseline: Elementary.exp(usual.squareRoot()), past: nil, p: p, strength: strength,
                    change: past.n < 5 ? nil : past.variance < 1.5 * own.variance ? 0 : strength, minimum: 5,
                    isHigh: false)
                best = finding.stronger(than: best)
            }
            if let best, best.strength > 0 { findings[index].append(best) }
        }
    }

    private func addSize(_ isJudged: [Bool], to findings: inout [[SignalFinding]]) {
        let long = views.map { Moments.amounts($0.windows[PairView.fitWindow]) }
        let peers = zip(long, isPeer).filter { $1 && $0.n >= 5 }.map(\.0)
        guard peers.count >= 3, let middle = median(peers.map(\.mean)), let inner = median(peers.map(\.variance))
        else { return }
        let deviations = peers.map { abs($0.mean - middle) }
        let between = max(0.15, 1.48 * (median(deviations) ?? 0))
        for index in views.indices where isJudged[index] {
            var best: [FraudSignal: SignalFinding] = [:]
            for window in PairView.windows.indices {
                let own = Moments.amounts(views[index].windows[window])
                guard own.n >= 4 else { continue }
                let scale = (inner / own.n + between * between).squareRoot()
                let past = Moments.amounts(views[index].pasts[window])
                let (signal, sign): (FraudSignal, Double) =
                    own.mean >= middle ? (.largeOrders, 1) : (.smallOrders, -1)
                let p = SpecialFunctions.normalTail(sign * (own.mean - middle) / scale)
                let strength = max(0, CountTails.strength(p) - PairView.windowPenalty)
                var change: Double?
                if past.n >= 4 {
                    let own = sign * (own.mean - past.mean) / (inner / own.n + inner / past.n + 0.01).squareRoot()
                    change = min(strength, CountTails.strength(SpecialFunctions.normalTail(own)))
                }
                let finding = SignalFinding(
                    signal: signal, program: program, windowDays: PairView.windows[window],
                    k: Elementary.exp(own.mean), n: own.n, baseline: Elementary.exp(middle),
                    past: past.n >= 4 ? Elementary.exp(past.mean) : nil, p: p, strength: strength, change: change,
                    minimum: 4, isHigh: sign > 0)
                best[signal] = finding.stronger(than: best[signal])
            }
            findings[index] += best.values.filter { $0.strength > 0 }.sorted { $0.signal.index < $1.signal.index }
        }
    }

    /// Shares of orders whose slow growth is watched.
    private static let watched: Set<FraudSignal> = [
        .fastOrders, .slowOrders, .sharedDevices, .repeatCustomers, .twinOrders, .nightOrders, .ordersAfterRival,
        .usedClicks, .hostedOrders, .otherCountries, .newOnUsedDevices, .nearLimitOrders,
    ]

    /// Cumulative sums (CUSUM) over the days: slow growth that no single window shows.
    func addDrift(_ isJudged: [Bool], to findings: inout [[SignalFinding]]) {
        let signals = ShareSignal.ofOrders.filter { ProgramPanel.watched.contains($0.signal) }
        for index in views.indices where isJudged[index] {
            let view = views[index]
            // Of fewer none is watched.
            guard view.windows[Drift.recentWindow][.order] >= Drift.recentMinimum else { continue }
            let (older, days) = (view.older.cell, view.days.map { ($0.day, $0.isSuspect, $0.cell.counted) })
            var best: SignalFinding?
            for signal in signals {
                guard
                    let drift = Drift(view, older, days, usual: signal.usual, share: { signal.share($0, edges) })
                else {
                    continue
                }
                let finding = SignalFinding(
                    signal: .drift, program: program, windowDays: drift.days, k: drift.now, n: drift.n,
                    baseline: drift.before, past: nil, p: Elementary.exp(-drift.sum), strength: drift.strength,
                    change: drift.strength, minimum: Drift.pastMinimum, isHigh: true, drifting: signal.signal)
                best = finding.stronger(than: best)
            }
            if let best, best.strength > 0 { findings[index].append(best) }
        }
    }
}

/// A share that grows from day to day, against the own past up to a week before.
struct Drift {
    /// Nats from which on growth is more than chance.
    private static let threshold = 5.0
    /// Days that are too near to be a day's past: slow growth would become its own measure.
    private static let lagDays: Int32 = 7
    /// The window of seven days, and events of the kind that it must have.
    static let recentWindow = 2
    static let recentMinimum = 2.0
    /// Events that the past must have.
    static let pastMinimum = 10.0
    /// Events of the own past that count at most, and those of what is usual beside them.
    private static let pastMaximum = 200.0
    private static let usualWeight = 20.0

    private(set) var sum = 0.0
    private(set) var before = 0.0
    /// Since when the sum has grown.
    private(set) var days: Int32 = 1
    /// The share of the last seven days.
    let now: Double
    let n: Double

    /// - Parameters:
    ///   - older: all before `days`.
    ///   - days: one by one, in ascending order.
    /// - Returns: nil if nothing grew.
    init?(
        _ view: PairView, _ older: DayCell, _ days: [(day: Int32, isSuspect: Bool, cell: DayCell)],
        usual: PeerFit.Prior, share: (DayCell) -> PeerFit.Share
    ) {
        let recent = share(view.windows[Drift.recentWindow])
        guard recent.k >= Drift.recentMinimum else { return nil }
        now = recent.k / recent.n
        n = recent.n
        var past = share(older)
        var next = 0
        var since: Int32?
        for day in days {
            while days[next].day < day.day - Drift.lagDays {
                if !days[next].isSuspect {
                    let old = share(days[next].cell)
                    past = PeerFit.Share(k: past.k + old.k, n: past.n + old.n)
                }
                next += 1
            }
            guard past.n >= Drift.pastMinimum else { continue }
            let today = share(day.cell)
            guard today.n > 0 else { continue }
            let weight = min(1, Drift.pastMaximum / past.n)
            before =
                (past.k * weight + Drift.usualWeight * usual.mean) / (past.n * weight + Drift.usualWeight)
            sum = max(0, sum + Drift.gain(today, from: before))
            if sum == 0 { since = nil } else if since == nil { since = day.day }
        }
        guard let since, let last = days.last?.day, sum > Drift.threshold else { return nil }
        self.days = last - since + 1
    }

    /// What a day says for twice the share, in nats.
    private static func gain(_ share: PeerFit.Share, from before: Double) -> Double {
        let low = min(0.45, before + 0.02)
        let high = min(0.9, 2 * low)
        return share.k * Elementary.log(high / low) + (share.n - share.k) * Elementary.log((1 - high) / (1 - low))
    }

    var strength: Double { min(6, (sum - Drift.threshold) / 2.302_585) }
}
