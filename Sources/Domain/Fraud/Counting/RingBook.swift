/// Over the remembered devices on which something was bought: on how many each affiliate sold, and each two of them.
struct RingBook: Sendable, Codable {
    /// Of devices; of what changed also below 0.
    struct Counts: Sendable, Codable {
        private(set) var devices = 0
        /// By the short hash of the affiliate.
        private(set) var devicesOf: [UInt32: Int32] = [:]
        /// By `edge`.
        private(set) var sharedBy: [UInt64: Int32] = [:]

        /// - Parameter sellers: on a device; none is 0 everywhere.
        fileprivate mutating func add(_ sellers: SIMD8<UInt32>, _ sign: Int32) {
            guard sellers[0] != 0 else { return }
            devices += Int(sign)
            for left in 0..<8 where sellers[left] != 0 {
                Counts.add(sign, to: &devicesOf, sellers[left])
                for right in (left + 1)..<max(left + 1, 8) where sellers[right] != 0 {
                    Counts.add(sign, to: &sharedBy, RingBook.edge(sellers[left], sellers[right]))
                }
            }
        }

        mutating func add(_ other: Counts, _ sign: Int32 = 1) {
            devices += other.devices * Int(sign)
            for (affiliate, count) in other.devicesOf { Counts.add(sign * count, to: &devicesOf, affiliate) }
            for (edge, count) in other.sharedBy { Counts.add(sign * count, to: &sharedBy, edge) }
        }

        private static func add<Key>(_ change: Int32, to counts: inout [Key: Int32], _ key: Key) {
            let count = (counts[key] ?? 0) + change
            counts[key] = count == 0 ? nil : count
        }
    }

    private(set) var counts = Counts()
    /// What of them is of the last day.
    private(set) var today = Counts()

    static func edge(_ left: UInt32, _ right: UInt32) -> UInt64 {
        UInt64(min(left, right)) << 32 | UInt64(max(left, right))
    }

    /// Counts a device of the days before.
    mutating func count(_ sellers: SIMD8<UInt32>) { counts.add(sellers, 1) }

    /// Takes a device's sellers in the place of those it had before; none is 0 everywhere.
    mutating func change(_ before: SIMD8<UInt32>, to sellers: SIMD8<UInt32>) {
        guard before != sellers else { return }
        for (sellers, sign) in [(before, Int32(-1)), (sellers, 1)] {
            counts.add(sellers, sign)
            today.add(sellers, sign)
        }
    }

    /// Begins a day.
    mutating func begin() { today = Counts() }

    /// Goes back to before days that changed what is counted.
    mutating func takeBack(_ changes: Counts) {
        counts.add(changes, -1)
        begin()
    }
}
