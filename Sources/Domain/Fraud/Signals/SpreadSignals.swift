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
                    change: past.n >= 5 && past.variance < 1.5 * own.variance ? 0 : strength, minimum: 5,
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
                var change = strength
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
        .usedClicks, .hostedOrders, .otherCountries, .reorderingDevices, .nearLimitOrders,
    ]

    /// Cumulative sums (CUSUM) over the windows' parts, oldest first: slow growth that no single window shows.
    func addDrift(_ isJudged: [Bool], to findings: inout [[SignalFinding]]) {
        let signals = ShareSignal.ofOrders.filter { ProgramPanel.watched.contains($0.signal) }
        for index in views.indices where isJudged[index] {
            var best: SignalFinding?
            for signal in signals {
                let shares = views[index].windows.map { signal.share($0, edges) }
                let past = signal.share(views[index].pasts[PairView.fitWindow], edges)
                guard let drift = Drift(shares, past: past, usual: signal.usual) else { continue }
                let finding = SignalFinding(
                    signal: .drift, program: program, windowDays: 28, k: drift.now, n: drift.n, baseline: drift.before,
                    past: nil, p: Elementary.exp(-drift.sum), strength: drift.strength, change: drift.strength,
                    minimum: 10, isHigh: true)
                best = finding.stronger(than: best)
            }
            if let best, best.strength > 0 { findings[index].append(best) }
        }
    }
}

/// A share that grows from week to week.
struct Drift {
    /// Nats from which on growth is more than chance, and what each further one adds.
    private static let threshold = 4.0

    let sum: Double
    let before: Double
    let now: Double
    let n: Double

    /// - Parameter shares: of the windows of 1, 3, 7, 14 and 28 days.
    init?(_ shares: [PeerFit.Share], past: PeerFit.Share, usual: PeerFit.Prior) {
        // Days 28 … 15, 14 … 8, 7 … 4, 3 … 2 and the day itself.
        var parts: [PeerFit.Share] = []
        for index in shares.indices.reversed() {
            let inner = index > 0 ? shares[index - 1] : PeerFit.Share(k: 0, n: 0)
            parts.append(PeerFit.Share(k: max(0, shares[index].k - inner.k), n: max(0, shares[index].n - inner.n)))
        }
        let first = PeerFit.Share(k: past.k + parts[0].k, n: past.n + parts[0].n)
        guard first.n >= 10, shares[3].n >= 10 else { return nil }
        before = (first.k + 20 * usual.mean) / (first.n + 20)
        let low = min(0.45, before + 0.02)
        let high = min(0.9, 2 * low)
        var sum = 0.0
        for part in parts.dropFirst() {
            let gain =
                part.k * Elementary.log(high / low) + (part.n - part.k) * Elementary.log((1 - high) / (1 - low))
            sum = max(0, sum + gain)
        }
        self.sum = sum
        now = shares[2].n > 0 ? shares[2].k / shares[2].n : shares[3].k / shares[3].n
        n = shares[2].n > 0 ? shares[2].n : shares[3].n
    }

    var strength: Double { min(6, max(0, (sum - Drift.threshold) / 2.302_585)) }
}
