/// Boosted trees of depth 3 in which more of a signal never means less suspicion: gradient boosting on histograms, a
/// split allowed only if its right side is the higher one, bounds handed down from each split to what lies below it.
public struct TreeFit: Sendable {
    public struct Settings: Sendable {
        public var trees = 120
        public var rate = 0.1
        /// λ on a leaf's value.
        public var shrinkage = 10.0
        /// Curvature that a leaf needs at least.
        public var leafMinimum = 4.0
        public var leafLimit = 4.0

        public init() {}
    }

    private static let bins = 16
    public private(set) var trees: [FraudTree] = []
    public private(set) var bias: Double

    private let settings: Settings
    /// Row by row, of each feature that is not 0: which, and its bin.
    private var entries: [[(feature: UInt16, bin: UInt8)]]
    private var logits: [Double]

    private struct Sums {
        var gradient = 0.0
        var curvature = 0.0

        static func + (left: Sums, right: Sums) -> Sums {
            Sums(gradient: left.gradient + right.gradient, curvature: left.curvature + right.curvature)
        }

        static func - (left: Sums, right: Sums) -> Sums {
            Sums(gradient: left.gradient - right.gradient, curvature: left.curvature - right.curvature)
        }
    }

    private struct Bounds {
        var low = -Double.infinity
        var high = Double.infinity
    }

    private struct Split {
        var feature = 0
        var bin = 0
        var gain = 0.0
        var left = Sums()
        var right = Sums()
    }

    /// - Parameter unasked: features about which no question may be asked.
    public init(_ examples: [FraudExample], _ settings: Settings = Settings(), unasked: Set<Int> = []) {
        self.settings = settings
        let fraud = examples.filter(\.isFraud).map(\.weight).reduce(0, +)
        let all = max(1, examples.map(\.weight).reduce(0, +))
        bias = Elementary.logit(min(max(fraud / all, 1e-4), 1 - 1e-4))
        logits = [Double](repeating: bias, count: examples.count)
        entries = examples.map { example in
            example.features.values.enumerated().compactMap { index, value in
                let bin = TreeFit.bin(value)
                return bin == 0 || unasked.contains(index) ? nil : (UInt16(index), bin)
            }
        }
        for _ in 0..<settings.trees { trees.append(grow(examples)) }
    }

    private static func bin(_ value: Float) -> UInt8 {
        value <= 0.2 ? 0 : UInt8(min(Float(bins - 1), 1 + value * 2.5))
    }

    /// The least value of a bin.
    private static func threshold(_ bin: Int) -> Float { bin <= 1 ? 0.200_001 : Float(bin - 1) / 2.5 }

    private mutating func grow(_ examples: [FraudExample]) -> FraudTree {
        let sums = zip(examples, logits).map { example, logit in
            let p = Elementary.logistic(logit)
            return Sums(
                gradient: example.weight * (p - (example.isFraud ? 1 : 0)),
                curvature: example.weight * max(p * (1 - p), 1e-6))
        }
        var nodes = [[Int32]](repeating: [], count: 1)
        nodes[0] = examples.indices.map(Int32.init)
        var bounds = [Bounds()]
        var tree = FraudTree()
        for depth in 0..<FraudTree.depth {
            var nextNodes: [[Int32]] = []
            var nextBounds: [Bounds] = []
            for (place, rows) in nodes.enumerated() {
                let split = best(rows, sums, bounds[place])
                let (left, right) = part(rows, by: split)
                nextNodes += [left, right]
                tree.set(
                    (1 << depth) - 1 + place, feature: split?.feature, threshold: TreeFit.threshold(split?.bin ?? 0))
                let middle = split.map { (value($0.left, bounds[place]) + value($0.right, bounds[place])) / 2 }
                var (low, high) = (bounds[place], bounds[place])
                if let middle { (low.high, high.low) = (middle, middle) }
                nextBounds += [low, high]
            }
            (nodes, bounds) = (nextNodes, nextBounds)
        }
        for (leaf, rows) in nodes.enumerated() {
            let total = rows.reduce(Sums()) { $0 + sums[Int($1)] }
            let value = (settings.rate * value(total, bounds[leaf]) * 1_000).rounded() / 1_000
            tree.set(leaf: leaf, value: Float(value))
            for row in rows { logits[Int(row)] += value }
        }
        return tree
    }

    private func value(_ sums: Sums, _ bounds: Bounds) -> Double {
        let free = -sums.gradient / (sums.curvature + settings.shrinkage)
        return min(max(min(max(free, -settings.leafLimit), settings.leafLimit), bounds.low), bounds.high)
    }

    private func gain(_ sums: Sums, _ bounds: Bounds) -> Double {
        let value = value(sums, bounds)
        return -(2 * sums.gradient * value + (sums.curvature + settings.shrinkage) * value * value)
    }

    private func best(_ rows: [Int32], _ sums: [Sums], _ bounds: Bounds) -> Split? {
        var histogram = [Sums](repeating: Sums(), count: FraudFeatures.count * TreeFit.bins)
        var total = Sums()
        for row in rows {
            total = total + sums[Int(row)]
            for entry in entries[Int(row)] {
                let slot = Int(entry.feature) * TreeFit.bins + Int(entry.bin)
                histogram[slot] = histogram[slot] + sums[Int(row)]
            }
        }
        let before = gain(total, bounds)
        var best: Split?
        for feature in 0..<FraudFeatures.count {
            var right = Sums()
            for bin in (1..<TreeFit.bins).reversed() {
                right = right + histogram[feature * TreeFit.bins + bin]
                let left = total - right
                guard right.curvature >= settings.leafMinimum, left.curvature >= settings.leafMinimum,
                    value(right, bounds) > value(left, bounds)
                else { continue }
                let gain = gain(left, bounds) + gain(right, bounds) - before
                if gain > (best?.gain ?? 1e-6) {
                    best = Split(feature: feature, bin: bin, gain: gain, left: left, right: right)
                }
            }
        }
        return best
    }

    private func part(_ rows: [Int32], by split: Split?) -> ([Int32], [Int32]) {
        guard let split else { return (rows, []) }
        var left: [Int32] = []
        var right: [Int32] = []
        for row in rows {
            let entry = entries[Int(row)].first { Int($0.feature) == split.feature }
            if Int(entry?.bin ?? 0) >= split.bin { right.append(row) } else { left.append(row) }
        }
        return (left, right)
    }
}
