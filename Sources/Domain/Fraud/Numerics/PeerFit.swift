/// What is usual among affiliates for the share k ÷ n of one signal, so robust that a large fraudster does not become
/// the standard, and always without the one who is judged.
struct PeerFit: Sendable {
    /// k of n events of one affiliate.
    struct Share: Sendable {
        var k: Double
        var n: Double
    }

    /// A rate and how alike affiliates are in it, as pseudo-events of a beta distribution.
    struct Prior: Sendable {
        var mean: Double
        var strength: Double
    }

    /// How alike affiliates are taken to be before there are enough to see it, and what for that counts.
    private static let spreadWeight = 6.0
    private static let meanWeight = 10.0
    private static let outerShare = 0.15

    private let shares: [Share]
    private let isHigh: Bool
    private let minimum: Double
    private let cap: Double
    private let usual: Prior
    private var limit = 0.0
    private var weights = 0.0
    private var rates = 0.0
    private var squares = 0.0
    private var count = 0.0

    /// - Parameters:
    ///   - isHigh: whether high shares are the suspicious ones: the outer ones on that side are drawn in.
    ///   - minimum: events from which on an affiliate is taken into account.
    ///   - cap: events that an affiliate counts at most.
    ///   - usual: what holds without peers.
    init(_ shares: [Share], isHigh: Bool, minimum: Double, cap: Double, usual: Prior) {
        self.shares = shares
        self.isHigh = isHigh
        self.minimum = minimum
        self.cap = cap
        self.usual = usual
        let sorted = shares.filter { $0.n >= minimum }.map { $0.k / $0.n }.sorted()
        if !sorted.isEmpty {
            let outer = Int((Double(sorted.count) * PeerFit.outerShare).rounded(.up))
            let index = isHigh ? max(0, sorted.count - 1 - outer) : min(sorted.count - 1, outer)
            limit = sorted[index]
        }
        for share in shares where share.n >= minimum { add(share, sign: 1) }
    }

    private mutating func add(_ share: Share, sign: Double) {
        let weight = min(share.n, cap) * sign
        let rate = isHigh ? min(share.k / share.n, limit) : max(share.k / share.n, limit)
        weights += weight
        rates += weight * rate
        squares += weight * rate * rate
        count += sign
    }

    /// The mean over all affiliates.
    var mean: Double {
        (rates + PeerFit.meanWeight * usual.mean) / (weights + PeerFit.meanWeight)
    }

    /// What is usual among the others.
    func prior(without index: Int?) -> Prior {
        var fit = self
        if let index, shares[index].n >= minimum { fit.add(shares[index], sign: -1) }
        return fit.prior
    }

    private var prior: Prior {
        let mean = min(max(self.mean, 1e-5), 1 - 1e-5)
        let noise = mean * (1 - mean)
        var spread = 1 / (usual.strength + 1)
        if count > 1.5, weights > count {
            let variance = max(0, squares / weights - (rates / weights) * (rates / weights))
            let seen = (variance - noise * count / weights) / (1 - count / weights)
            // Drawing the outer ones in took some of the variance away.
            let ratio = min(max(1.4 * seen / noise, 1.0 / 2_000), 1.0 / 3)
            spread = (count * ratio + PeerFit.spreadWeight * spread) / (count + PeerFit.spreadWeight)
        }
        return Prior(mean: mean, strength: 1 / spread - 1)
    }
}
