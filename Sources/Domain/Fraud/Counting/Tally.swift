/// Counts how often each key came, and how many there were: exactly up to 64 keys, then in buckets by hash and a
/// HyperLogLog.
///
/// What it holds depends on the counted keys alone, not on their order or on how tallies were merged. Space-Saving
/// would name the heaviest key more exactly, but differently for every order of the events.
public struct Tally: Sendable, Hashable, Codable {
    static let exactMaximum = 64
    static let bucketBits = 8
    static let registerBits = 9

    public internal(set) var total: UInt32 = 0
    /// In ascending order, while exact.
    var keys: [UInt32] = []
    /// Of the keys while exact, then of the buckets.
    var counts: [UInt32] = []
    /// Of the HyperLogLog; empty while exact.
    var registers: [UInt8] = []

    public init() {}

    var isExact: Bool { registers.isEmpty }

    public mutating func add(_ key: UInt64, _ count: UInt32 = 1) {
        add(UInt32(truncatingIfNeeded: key ^ key >> 32), count)
    }

    mutating func add(_ key: UInt32, _ count: UInt32) {
        total += count
        guard isExact else { return addToSketch(key, count) }
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        if low < keys.count, keys[low] == key {
            counts[low] += count
        } else {
            keys.insert(key, at: low)
            counts.insert(count, at: low)
            if keys.count > Tally.exactMaximum { becomeSketch() }
        }
    }

    private mutating func becomeSketch() {
        let exact = zip(keys, counts)
        keys = []
        counts = [UInt32](repeating: 0, count: 1 << Tally.bucketBits)
        registers = [UInt8](repeating: 0, count: 1 << Tally.registerBits)
        for (key, count) in exact { addToSketch(key, count) }
    }

    private mutating func addToSketch(_ key: UInt32, _ count: UInt32) {
        let mixed = FraudHash.mixed(UInt64(key))
        counts[Int(mixed >> UInt64(64 - Tally.bucketBits))] += count
        let register = Int(mixed & UInt64(1 << Tally.registerBits - 1))
        let rank = UInt8((mixed >> UInt64(Tally.registerBits) | 1 << 54).trailingZeroBitCount + 1)
        registers[register] = max(registers[register], rank)
    }

    public mutating func merge(_ other: Tally) {
        guard other.total > 0 else { return }
        guard total > 0 else {
            self = other
            return
        }
        if other.isExact {
            for (key, count) in zip(other.keys, other.counts) { add(key, count) }
            return
        }
        if isExact { becomeSketch() }
        total += other.total
        for index in counts.indices { counts[index] += other.counts[index] }
        for index in registers.indices { registers[index] = max(registers[index], other.registers[index]) }
    }

    /// Events of the key that came most often; in buckets less what chance adds to one of them.
    public var top: Double {
        let most = Double(counts.max() ?? 0)
        guard !isExact else { return most }
        let others = (Double(total) - most) / Double(counts.count - 1)
        return max(1, most - others)
    }

    /// How many keys there were.
    public var distinct: Double {
        guard !isExact else { return Double(keys.count) }
        let size = Double(registers.count)
        var sum = 0.0
        var empty = 0
        for register in registers {
            sum += Double(sign: .plus, exponent: -Int(register), significand: 1)
            if register == 0 { empty += 1 }
        }
        let raw = 0.7213 / (1 + 1.079 / size) * size * size / sum
        let estimate = raw <= 2.5 * size && empty > 0 ? size * Elementary.log(size / Double(empty)) : raw
        return min(estimate, Double(total))
    }
}

extension Tally {
    /// What a tally comes to.
    struct Figures: Sendable, Hashable, Codable {
        var total: UInt32 = 0
        var top = 0.0
        var distinct = 0.0

        init() {}

        init(_ tally: Tally) {
            guard tally.total > 0 else { return }
            (total, top, distinct) = (tally.total, tally.top, tally.distinct)
        }
    }
}
