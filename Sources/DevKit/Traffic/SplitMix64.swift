/// Steele, Lea and Flood's SplitMix64: the same seed makes the same traffic on every machine and Swift version.
public struct SplitMix64: Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`, by the high half of the product: no division, a bias below 2⁻³².
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0 && bound <= Int(UInt32.max), "a bound is a positive 32-bit number")
        return Int(((next() >> 32) &* UInt64(bound)) >> 32)
    }

    /// True in `parts` of `whole` cases.
    public mutating func happens(_ parts: Int, in whole: Int) -> Bool { below(whole) < parts }

    /// One of `elements`, which are not empty.
    public mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }
}
