/// How far probabilities are those of what then was true.
public struct Reliability: Sendable {
    public static let binCount = 10

    public struct Bin: Sendable {
        public fileprivate(set) var count = 0.0
        fileprivate var probabilities = 0.0
        fileprivate var truths = 0.0

        /// The mean of what was said.
        public var said: Double { count > 0 ? probabilities / count : 0 }
        /// The share that was true.
        public var found: Double { count > 0 ? truths / count : 0 }
    }

    /// Of tenths of the probability.
    public private(set) var bins = [Bin](repeating: Bin(), count: binCount)
    private var squares = 0.0

    public init() {}

    public mutating func add(_ probability: Double, isTrue: Bool) {
        let index = min(max(Int(probability * Double(Reliability.binCount)), 0), Reliability.binCount - 1)
        bins[index].count += 1
        bins[index].probabilities += probability
        bins[index].truths += isTrue ? 1 : 0
        let error = probability - (isTrue ? 1 : 0)
        squares += error * error
    }

    public var count: Double { bins.reduce(0) { $0 + $1.count } }

    /// The expected calibration error: the mean distance of said from found, a bin counting by its size.
    public var error: Double { bins.reduce(0) { $0 + $1.count * abs($1.said - $1.found) } / max(count, 1) }

    /// The mean squared error.
    public var brier: Double { squares / max(count, 1) }
}
