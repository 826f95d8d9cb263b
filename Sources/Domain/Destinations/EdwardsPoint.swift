/// Whether 32 bytes are a point of the curve edwards25519, by the decompression of RFC 8032 (5.1.3).
///
/// A wallet's address is such a point, for it is a public key; the address of a program or of a token account is chosen
/// not to be one. Small-order points count as points: a deny-list refuses those that matter.
enum EdwardsPoint {
    /// - Parameter bytes: little-endian y, with the sign of x in the highest bit.
    static func isOnCurve(_ bytes: [UInt8]) -> Bool {
        guard bytes.count == 32 else { return false }
        let isNegative = bytes[31] & 0x80 != 0
        var clean = bytes
        clean[31] &= 0x7F
        guard let y = FieldElement(littleEndian: clean) else { return false }
        // x² = (y² − 1) / (d·y² + 1) with d = −121665 / 121666; both sides times 121666.
        let ySquared = y * y
        let numerator = (ySquared - .one) * FieldElement(121_666)
        let denominator = FieldElement(121_666) - FieldElement(121_665) * ySquared
        // x = 0 has no negative.
        guard numerator != .zero else { return !isNegative }
        // A quotient is a square exactly if the product is; the denominator is never 0, as d is no square.
        return (numerator * denominator).isSquare
    }
}

/// A number modulo 2²⁵⁵ − 19, always reduced.
private struct FieldElement: Equatable {
    private static let modulus: [UInt64] = [
        0xFFFF_FFFF_FFFF_FFED, .max, .max, 0x7FFF_FFFF_FFFF_FFFF,
    ]
    static let zero = FieldElement(0)
    static let one = FieldElement(1)

    /// Four, the least significant first.
    private let limbs: [UInt64]

    init(_ small: UInt64) { limbs = [small, 0, 0, 0] }

    /// - Returns: nil for a number that is not reduced.
    init?(littleEndian bytes: [UInt8]) {
        let limbs = (0..<4).map { limb in
            bytes[(limb * 8)..<(limb * 8 + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        guard FieldElement.isLess(limbs, FieldElement.modulus) else { return nil }
        self.limbs = limbs
    }

    /// - Parameter wide: four limbs, below twice the modulus and a little more.
    private init(reducing wide: [UInt64]) {
        var limbs = wide
        while !FieldElement.isLess(limbs, FieldElement.modulus) {
            limbs = FieldElement.subtract(limbs, FieldElement.modulus)
        }
        self.limbs = limbs
    }

    static func - (left: FieldElement, right: FieldElement) -> FieldElement {
        // Below 2²⁵⁶, for both are below 2²⁵⁵.
        FieldElement(reducing: subtract(add(left.limbs, modulus), right.limbs))
    }

    static func * (left: FieldElement, right: FieldElement) -> FieldElement {
        var product = [UInt64](repeating: 0, count: 8)
        for i in 0..<4 {
            var carry: UInt128 = 0
            for j in 0..<4 {
                let sum = UInt128(left.limbs[i]) * UInt128(right.limbs[j]) + UInt128(product[i + j]) + carry
                product[i + j] = UInt64(truncatingIfNeeded: sum)
                carry = sum >> 64
            }
            product[i + 4] = UInt64(truncatingIfNeeded: carry)
        }
        // 2²⁵⁶ is 38 modulo 2²⁵⁵ − 19.
        var (limbs, carry) = fold(Array(product[0..<4]), Array(product[4..<8]))
        while carry > 0 { (limbs, carry) = fold(limbs, [carry, 0, 0, 0]) }
        return FieldElement(reducing: limbs)
    }

    /// By Euler's criterion: raised to (p − 1) / 2 = 2²⁵⁴ − 10 it is 1, or 0 for 0.
    var isSquare: Bool {
        var power = FieldElement.one
        for bit in (0..<254).reversed() {
            power = power * power
            if bit >= 4 || bit == 2 || bit == 1 { power = power * self }
        }
        return power == .one || power == .zero
    }

    private static func fold(_ low: [UInt64], _ high: [UInt64]) -> ([UInt64], carry: UInt64) {
        var limbs = low
        var carry: UInt128 = 0
        for i in 0..<4 {
            let sum = UInt128(low[i]) + UInt128(high[i]) * 38 + carry
            limbs[i] = UInt64(truncatingIfNeeded: sum)
            carry = sum >> 64
        }
        return (limbs, UInt64(truncatingIfNeeded: carry))
    }

    private static func add(_ left: [UInt64], _ right: [UInt64]) -> [UInt64] {
        var carry: UInt128 = 0
        return zip(left, right).map { a, b in
            let sum = UInt128(a) + UInt128(b) + carry
            carry = sum >> 64
            return UInt64(truncatingIfNeeded: sum)
        }
    }

    /// - Precondition: `left` is no less than `right`.
    private static func subtract(_ left: [UInt64], _ right: [UInt64]) -> [UInt64] {
        var borrow: UInt64 = 0
        return zip(left, right).map { a, b in
            let (first, isUnder) = a.subtractingReportingOverflow(b)
            let (second, isUnderAgain) = first.subtractingReportingOverflow(borrow)
            borrow = isUnder || isUnderAgain ? 1 : 0
            return second
        }
    }

    private static func isLess(_ left: [UInt64], _ right: [UInt64]) -> Bool {
        left.reversed().lexicographicallyPrecedes(right.reversed())
    }
}
