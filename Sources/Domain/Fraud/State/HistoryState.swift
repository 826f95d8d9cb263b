extension Tally {
    func write(_ writer: inout StateWriter) {
        writer.count(UInt64(total))
        writer.byte(isExact ? 0 : 1)
        if isExact {
            writer.list(Array(zip(keys, counts))) { writer, pair in
                writer.hash(pair.0)
                writer.count(UInt64(pair.1))
            }
        } else {
            for count in counts { writer.count(UInt64(count)) }
            for register in registers { writer.byte(register) }
        }
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        total = try reader.count32()
        guard try reader.flag() else {
            let pairs = try reader.list(maximum: Tally.exactMaximum) { (reader) throws(UnreadableState) in
                (try reader.hash32(), try reader.count32())
            }
            keys = pairs.map(\.0)
            counts = pairs.map(\.1)
            return
        }
        for _ in 0..<(1 << Tally.bucketBits) { counts.append(try reader.count32()) }
        for _ in 0..<(1 << Tally.registerBits) { registers.append(try reader.byte()) }
    }
}

extension DayCell {
    /// Most counts of a day are 0; only the others are written.
    func writeCounts(_ writer: inout StateWriter) {
        writer.list(counts.indices.filter { counts[$0] != 0 }) { writer, index in
            writer.count(index)
            writer.count(UInt64(counts[index]))
        }
        for sum in sums { writer.number(sum) }
    }

    static func write(_ tallies: [Tally], _ writer: inout StateWriter) { writer.list(tallies) { $1.write(&$0) } }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        let filled = try reader.list(maximum: Slot.end) { (reader) throws(UnreadableState) in
            (try reader.count(), try reader.count32())
        }
        for (index, count) in filled {
            guard index < UInt64(Slot.end) else { throw reader.failure() }
            counts[Int(index)] = count
        }
        for index in sums.indices { sums[index] = try reader.number() }
        tallies = try reader.list(maximum: Key.allCases.count) { (reader) throws(UnreadableState) in
            try Tally(&reader)
        }
        guard tallies.isEmpty || tallies.count == Key.allCases.count else { throw reader.failure() }
    }
}

extension PairHistory {
    func write(_ writer: inout StateWriter) {
        writer.number(firstDay)
        writer.number(olderDays)
        writer.bytes(older.bytes)
        writer.list(days) { writer, day in
            writer.number(day.day)
            writer.byte(day.isSuspect ? 1 : 0)
            writer.bytes(day.cell.bytes)
        }
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        firstDay = try reader.number32()
        olderDays = try reader.number32()
        older = PackedCell(try DayCell(&reader), tallies: false)
        days = try reader.list { (reader) throws(UnreadableState) in
            let day = try reader.number32()
            let isSuspect = try reader.flag()
            return Day(cell: PackedCell(try DayCell(&reader)), day: day, isSuspect: isSuspect)
        }
    }
}

extension FraudFeatures {
    /// Most features are 0; only the others are written.
    func write(_ writer: inout StateWriter) {
        writer.list(values.indices.filter { values[$0] != 0 }) { writer, index in
            writer.count(index)
            writer.hash(values[index].bitPattern)
        }
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        self.init([])
        let filled = try reader.list(maximum: FraudFeatures.count) { (reader) throws(UnreadableState) in
            (try reader.count(), Float(bitPattern: try reader.hash32()))
        }
        for (index, value) in filled {
            guard index < UInt64(FraudFeatures.count), value.isFinite else { throw reader.failure() }
            values[Int(index)] = value
        }
    }

    /// As they are stored with a judgement or a decision.
    public var bytes: [UInt8] {
        var writer = StateWriter()
        write(&writer)
        return writer.bytes
    }

    public init(bytes: [UInt8]) throws(UnreadableState) {
        var reader = StateReader(bytes[...])
        try self.init(&reader)
    }
}

extension FraudStanding {
    var bytes: [UInt8] {
        var writer = StateWriter()
        write(&writer)
        return writer.bytes
    }

    init(_ bytes: [UInt8]) throws(UnreadableState) {
        var reader = StateReader(bytes[...])
        try self.init(&reader)
    }

    func write(_ writer: inout StateWriter) {
        writer.count(FraudVerdict.allCases.firstIndex(of: verdict) ?? 0)
        writer.real(probability)
        writer.real(carried)
        writer.number(day)
        writer.optional(calmSince) { $0.number($1) }
        writer.optional(features) { $1.write(&$0) }
        writer.optional(allowance) { $1.write(&$0) }
        writer.number(allowedUntil)
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        let place = try reader.count()
        guard place < UInt64(FraudVerdict.allCases.count) else { throw reader.failure() }
        verdict = FraudVerdict.allCases[Int(place)]
        probability = try reader.real()
        carried = try reader.real()
        day = try reader.number32()
        calmSince = try reader.optional { (reader) throws(UnreadableState) in try reader.number32() }
        features = try reader.optional { (reader) throws(UnreadableState) in try FraudFeatures(&reader) }
        allowance = try reader.optional { (reader) throws(UnreadableState) in try FraudFeatures(&reader) }
        allowedUntil = try reader.number32()
    }
}
