/// Over the remembered devices on which something was bought: on how many each affiliate sold, and each two of them.
struct RingBook: Sendable, Codable {
    private(set) var devices = 0
    /// By the short hash of the affiliate.
    private(set) var devicesOf: [UInt32: Int] = [:]
    /// By `edge`.
    private(set) var sharedBy: [UInt64: Int] = [:]

    static func edge(_ left: UInt32, _ right: UInt32) -> UInt64 {
        UInt64(min(left, right)) << 32 | UInt64(max(left, right))
    }

    /// Takes a device's sellers in the place of those it had before; none is 0 everywhere.
    mutating func change(_ before: SIMD8<UInt32>, to sellers: SIMD8<UInt32>) {
        guard before != sellers else { return }
        add(before, -1)
        add(sellers, 1)
    }

    private mutating func add(_ sellers: SIMD8<UInt32>, _ sign: Int) {
        guard sellers[0] != 0 else { return }
        devices += sign
        for left in 0..<8 where sellers[left] != 0 {
            RingBook.add(sign, to: &devicesOf, sellers[left])
            for right in (left + 1)..<max(left + 1, 8) where sellers[right] != 0 {
                RingBook.add(sign, to: &sharedBy, RingBook.edge(sellers[left], sellers[right]))
            }
        }
    }

    private static func add<Key>(_ sign: Int, to counts: inout [Key: Int], _ key: Key) {
        let count = (counts[key] ?? 0) + sign
        counts[key] = count == 0 ? nil : count
    }
}
