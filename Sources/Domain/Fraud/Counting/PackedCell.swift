/// A cell as it is remembered and stored: as bytes, since of its counts few are other than 0.
struct PackedCell: Sendable, Hashable, Codable {
    /// Of a cell of which nothing was counted.
    static let empty = PackedCell(DayCell(), tallies: false)

    /// As `DayCell.write` makes them.
    private(set) var bytes: [UInt8]
    /// Where the tallies begin; at the last byte if there are none.
    private var talliesAt: UInt32

    init(_ cell: DayCell, tallies: Bool = true) {
        var writer = StateWriter()
        cell.writeCounts(&writer)
        talliesAt = UInt32(writer.bytes.count)
        DayCell.write(tallies ? cell.tallies : [], &writer)
        bytes = writer.bytes.fitted
    }

    var hasTallies: Bool { Int(talliesAt) < bytes.count - 1 }

    /// All of it, to be added to.
    var cell: DayCell {
        var cell = DayCell()
        if !hasTallies { cell.dropTallies() }
        add(to: &cell)
        return cell
    }

    /// All of it but its tallies.
    var counted: DayCell {
        var cell = DayCell()
        cell.dropTallies()
        add(to: &cell)
        return cell
    }

    /// Lets go of the tallies, most of a day's memory.
    mutating func dropTallies() {
        guard hasTallies else { return }
        var counts = bytes[..<Int(talliesAt)]
        counts.append(0)
        bytes = counts.fitted
    }

    /// Adds it to a sum of days. A sum without tallies stays without them.
    func add(to cell: inout DayCell) {
        var cursor = Cursor(bytes: bytes)
        for _ in 0..<cursor.count() {
            let slot = Int(cursor.count())
            cell.counts[slot] &+= UInt32(truncatingIfNeeded: cursor.count())
        }
        for index in cell.sums.indices { cell.sums[index] += cursor.number() }
        guard !cell.tallies.isEmpty else { return }
        for index in 0..<Int(cursor.count()) { cursor.addTally(to: &cell.tallies[index]) }
    }

    /// Adds it to a sum of days, with its tallies even if the sum has none yet.
    func addAll(to cell: inout DayCell) {
        if hasTallies, cell.tallies.isEmpty { cell.makeTallies() }
        add(to: &cell)
    }

    /// Reads what a cell wrote in this process, so that nothing of it needs to be checked.
    private struct Cursor {
        let bytes: [UInt8]
        var place = 0

        mutating func byte() -> UInt8 {
            defer { place += 1 }
            return bytes[place]
        }

        mutating func count() -> UInt64 {
            var next = byte()
            var value = UInt64(next & 0x7F)
            var shift: UInt64 = 7
            while next >= 0x80 {
                next = byte()
                value |= UInt64(next & 0x7F) << shift
                shift += 7
            }
            return value
        }

        mutating func number() -> Int64 {
            let value = count()
            return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
        }

        mutating func key() -> UInt32 {
            defer { place += 4 }
            return UInt32(bytes[place]) | UInt32(bytes[place + 1]) << 8 | UInt32(bytes[place + 2]) << 16
                | UInt32(bytes[place + 3]) << 24
        }

        mutating func addTally(to tally: inout Tally) {
            let total = UInt32(truncatingIfNeeded: count())
            guard byte() == 1 else {
                for _ in 0..<count() { tally.add(key(), UInt32(truncatingIfNeeded: count())) }
                return
            }
            var other = Tally()
            other.total = total
            for _ in 0..<(1 << Tally.bucketBits) { other.counts.append(UInt32(truncatingIfNeeded: count())) }
            for _ in 0..<(1 << Tally.registerBits) { other.registers.append(byte()) }
            tally.merge(other)
        }
    }
}

extension Collection {
    /// The elements in no more memory than they need: arrays that grow hold up to twice as many.
    var fitted: [Element] {
        var array: [Element] = []
        array.reserveCapacity(count)
        array.append(contentsOf: self)
        return array
    }
}
