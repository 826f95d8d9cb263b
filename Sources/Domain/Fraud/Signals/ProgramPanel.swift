/// All affiliates of a programme at the end of a day, each held against the others and against its own past.
struct ProgramPanel: Sendable {
    let program: UInt64
    let views: [PairView]
    let edges: TimeEdges
    /// Whom the fits leave out: those under suspicion, while there are others.
    let isPeer: [Bool]

    init(_ program: UInt64, _ views: [PairView]) {
        self.program = program
        self.views = views
        let clean = views.filter { !$0.isSuspect }.count
        isPeer = views.map { !$0.isSuspect || clean < 3 }
        edges = ProgramPanel.edges(views, isPeer)
    }

    /// The soonest bins with at most 3 % of a usual affiliate's orders, the latest with at most 25 %.
    private static func edges(_ views: [PairView], _ isPeer: [Bool]) -> TimeEdges {
        var shares = [Double](repeating: 0, count: DayCell.timeBins)
        var weights = 0.0
        for (view, isPeer) in zip(views, isPeer) where isPeer {
            let counts = view.windows[PairView.fitWindow].histogram(DayCell.times)
            let orders = Double(counts.reduce(0, +))
            guard orders > 0 else { continue }
            let weight = min(orders, 20)
            weights += weight
            for (bin, count) in counts.enumerated() { shares[bin] += weight * Double(count) / orders }
        }
        guard weights >= 30 else { return TimeEdges(fast: 3, slow: 10) }
        var fast = 1
        var below = shares[0]
        while fast < 5, (below + shares[fast]) <= 0.03 * weights {
            below += shares[fast]
            fast += 1
        }
        var slow = DayCell.timeBins - 1
        var above = shares[slow]
        while slow > 6, (above + shares[slow - 1]) <= 0.25 * weights {
            slow -= 1
            above += shares[slow]
        }
        return TimeEdges(fast: fast, slow: slow)
    }

    /// What the signals say of each view, in the order of `views`.
    ///
    /// - Parameter isJudged: whom to judge; all count as peers.
    func findings(_ isJudged: [Bool]) -> [[SignalFinding]] {
        var findings = [[SignalFinding]](repeating: [], count: views.count)
        for signal in ShareSignal.all { add(signal, isJudged, to: &findings) }
        for shape in ShapeSignal.all { add(shape, isJudged, to: &findings) }
        addSpreads(isJudged, to: &findings)
        addDrift(isJudged, to: &findings)
        return findings
    }

    private func add(_ signal: ShareSignal, _ isJudged: [Bool], to findings: inout [[SignalFinding]]) {
        let shares = shares(of: signal)
        guard shares[PairView.fitWindow].contains(where: { $0.n >= signal.minimum }) else { return }
        let none = PeerFit.Share(k: 0, n: 0)
        let fit = PeerFit(
            zip(shares[PairView.fitWindow], isPeer).map { $1 ? $0 : none }, isHigh: signal.isHigh,
            minimum: signal.unit.fitMinimum, cap: signal.unit.peerCap, usual: signal.usual)
        let pools = shares.map { Pool($0, isPeer, cap: signal.unit.peerCap) }
        for index in views.indices where isJudged[index] {
            guard shares[PairView.fitWindow][index].n >= signal.minimum else { continue }
            let prior = fit.prior(without: index)
            var best: SignalFinding?
            for window in PairView.windows.indices where shares[window][index].n >= signal.minimum {
                let share = shares[window][index]
                let mean = pools[window].mean(
                    without: share, isPeer: isPeer[index], near: prior.mean, isHigh: signal.isHigh)
                let usual = PeerFit.Prior(mean: mean, strength: prior.strength)
                let past = signal.share(views[index].pasts[window], edges)
                var finding = signal.finding(share, past: past, usual, window: window, program: program)
                if finding.strength > 0, signal.fades {
                    finding.fade(
                        Recency.kept(window: window, usual: mean, isHigh: signal.isHigh) { shares[$0][index] })
                }
                best = finding.stronger(than: best)
            }
            if let best, best.strength > 0 { findings[index].append(best) }
        }
    }

    /// Of all views in each window.
    private func shares(of signal: ShareSignal) -> [[PeerFit.Share]] {
        let none = PeerFit.Share(k: 0, n: 0)
        var shares = PairView.windows.map { _ in [PeerFit.Share](repeating: none, count: views.count) }
        for index in views.indices {
            var share = none
            for window in PairView.windows.indices {
                if views[index].isLonger[window], views[index].windows[window].has(signal.unit) {
                    share = signal.share(views[index].windows[window], edges)
                }
                shares[window][index] = share
            }
        }
        return shares
    }

    /// The events of a window over all peers, so that a day which moves everybody accuses nobody.
    private struct Pool {
        var k = 0.0
        var n = 0.0
        let cap: Double

        init(_ shares: [PeerFit.Share], _ isPeer: [Bool], cap: Double) {
            self.cap = cap
            for (share, isPeer) in zip(shares, isPeer) where isPeer && share.n > 0 { add(share, 1) }
        }

        private mutating func add(_ share: PeerFit.Share, _ sign: Double) {
            guard share.n > 0 else { return }
            let weight = min(share.n, cap) * sign
            k += weight * share.k / share.n
            n += weight
        }

        /// The usual mean, or that of the window if it excuses more.
        func mean(without share: PeerFit.Share, isPeer: Bool, near usual: Double, isHigh: Bool) -> Double {
            var others = self
            if isPeer { others.add(share, -1) }
            let mean = (max(others.k, 0) + 50 * usual) / (max(others.n, 0) + 50)
            return isHigh ? max(usual, mean) : min(usual, mean)
        }
    }
}

extension PairView {
    /// Events that the peers count at most beside the own past: however alike they are, who was always odd may be.
    static let peersBesidePast = 8.0
}

extension ShareSignal {
    func finding(
        _ share: PeerFit.Share, past: PeerFit.Share, _ usual: PeerFit.Prior, window: Int, program: UInt64
    ) -> SignalFinding {
        let a = usual.mean * usual.strength
        let b = (1 - usual.mean) * usual.strength
        let p = tail(share, a, b)
        let strength = max(0, CountTails.strength(p) - PairView.windowPenalty)
        var change: Double?
        if past.n >= minimum {
            let weight = min(1, unit.pastCap / past.n)
            let alike = min(1, PairView.peersBesidePast / usual.strength)
            let own = tail(share, a * alike + past.k * weight, b * alike + (past.n - past.k) * weight)
            change = min(strength, max(0, CountTails.strength(own) - PairView.windowPenalty))
        }
        return SignalFinding(
            signal: signal, program: program, windowDays: PairView.windows[window], k: share.k, n: share.n,
            baseline: usual.mean, past: past.n >= minimum ? past.k / past.n : nil, p: p, strength: strength,
            change: change, minimum: minimum, isHigh: isHigh)
    }

    private func tail(_ share: PeerFit.Share, _ a: Double, _ b: Double) -> Double {
        let expected = share.n * a / (a + b)
        if isHigh {
            return share.k <= expected ? 1 : CountTails.betaBinomialUpper(share.k, of: share.n, a: a, b: b)
        }
        return share.k >= expected ? 1 : CountTails.betaBinomialLower(share.k, of: share.n, a: a, b: b)
    }
}

extension SignalFinding {
    /// - Parameter kept: what is left of the evidence, 0 … 1.
    mutating func fade(_ kept: Double) {
        strength *= kept
        change = change.map { $0 * kept }
    }

    /// The finding with the greater strength, with the greater change of those that have a past.
    func stronger(than other: SignalFinding?) -> SignalFinding {
        guard let other else { return self }
        var best = strength > other.strength ? self : other
        if let change, let rival = other.change {
            best.change = max(change, rival)
        } else {
            best.change = change ?? other.change
        }
        return best
    }
}
