import Foundation

/// Draws of the distributions that a world is made of.
struct Dice {
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func unit() -> Double { Double(random.next() >> 11) * 0x1.0p-53 }
    mutating func happens(_ probability: Double) -> Bool { unit() < probability }
    mutating func below(_ bound: Int) -> Int { random.below(max(1, bound)) }
    mutating func pick<Element>(_ elements: [Element]) -> Element { random.pick(elements) }
    mutating func within(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * unit()
    }
    mutating func whole(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    /// Even in the logarithm.
    mutating func scale(_ range: ClosedRange<Double>) -> Double {
        exp(within(log(range.lowerBound)...log(range.upperBound)))
    }

    mutating func normal() -> Double {
        (-2 * log(max(unit(), 1e-300))).squareRoot() * cos(2 * .pi * unit())
    }

    mutating func logNormal(median: Double, sigma: Double) -> Double { median * exp(sigma * normal()) }
    mutating func exponential(mean: Double) -> Double { -mean * log(max(unit(), 1e-300)) }

    mutating func poisson(_ mean: Double) -> Int {
        guard mean < 60 else { return max(0, Int((mean + mean.squareRoot() * normal()).rounded())) }
        let limit = exp(-mean)
        var product = unit()
        var count = 0
        while product > limit {
            product *= unit()
            count += 1
        }
        return count
    }

    /// An index, in proportion to the weights.
    mutating func index(_ weights: [Double]) -> Int {
        var rest = unit() * weights.reduce(0, +)
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0 { return index }
        }
        return weights.count - 1
    }

    /// Hexadecimal digits, as of an id.
    mutating func word(_ digits: Int) -> String {
        let text = String(random.next(), radix: 16)
        return String((String(repeating: "0", count: 16) + text).suffix(digits))
    }
}
