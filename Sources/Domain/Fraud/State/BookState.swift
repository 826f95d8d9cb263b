extension MarketBook {
    /// Between days: what is known, and nothing of a day that is not over.
    func write(_ writer: inout StateWriter) {
        writer.list(known.sorted { $0.key < $1.key }) { writer, entry in
            writer.hash(entry.key)
            writer.number(entry.value.orders)
            writer.number(entry.value.amountLog)
            writer.number(entry.value.located)
            writer.list(entry.value.countries.sorted { $0.key < $1.key }) { writer, country in
                writer.count(UInt64(country.key))
                writer.number(country.value)
            }
        }
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        let markets = try reader.list { (reader) throws(UnreadableState) in
            let key = try reader.hash()
            var market = Market()
            market.orders = try reader.number()
            market.amountLog = try reader.number()
            market.located = try reader.number()
            let countries = try reader.list { (reader) throws(UnreadableState) in
                (UInt16(truncatingIfNeeded: try reader.count()), try reader.number())
            }
            market.countries = Dictionary(countries, uniquingKeysWith: +)
            return (key, market)
        }
        known = Dictionary(markets) { first, _ in first }
    }
}

extension FactRates {
    func write(_ writer: inout StateWriter) {
        writer.list(counts.sorted { $0.key < $1.key }) { writer, entry in
            writer.hash(entry.key)
            for count in entry.value { writer.real(count) }
        }
    }

    init(_ reader: inout StateReader) throws(UnreadableState) {
        let programs = try reader.list { (reader) throws(UnreadableState) in
            let key = try reader.hash()
            var values: [Double] = []
            for _ in 0..<DayCell.Slot.end { values.append(try reader.real()) }
            return (key, values)
        }
        counts = Dictionary(programs) { first, _ in first }
    }
}

/// The engine's state at the end of a day, in the parts in which it is stored.
public struct FraudState: Sendable, Hashable {
    /// Of the bytes; newer ones are refused.
    public static let version: Int32 = 2

    /// Of these bytes: the first says nothing of how often coupons were used.
    public var version = FraudState.version

    /// What concerns no single affiliate.
    public var world: [UInt8] = []
    public var pairs: [FraudPair: [UInt8]] = [:]
    public var standings: [UInt64: [UInt8]] = [:]
    /// Where each would stand by the candidate, and which that is.
    public var candidates: [UInt64: [UInt8]] = [:]
    public var candidateVersion: String?

    public init() {}
}

extension FraudBook {
    /// All but the links, which are stored one by one.
    public var state: FraudState {
        var state = FraudState()
        var writer = StateWriter()
        writer.optional(day) { $0.number($1) }
        writer.list(active.sorted()) { $0.hash($1) }
        links.markets.write(&writer)
        rates.write(&writer)
        writer.list(links.names.sorted { $0.key < $1.key }) { writer, name in
            writer.hash(name.key)
            writer.hash(name.value)
        }
        writer.list(links.coupons.sorted { $0.key < $1.key }) { writer, coupon in
            writer.hash(coupon.key)
            writer.hash(coupon.value.owner)
        }
        writer.list(links.rhythm.sorted { $0.key < $1.key }) { writer, last in
            writer.hash(last.key.program)
            writer.hash(last.key.affiliate)
            writer.number(last.value[0])
            writer.number(last.value[1])
        }
        writer.list(links.coupons.sorted { $0.key < $1.key }) { writer, coupon in
            writer.count(UInt64(coupon.value.uses))
            writer.list(coupon.value.others) { $0.hash($1) }
        }
        state.world = writer.bytes
        for (pair, history) in pairs {
            var writer = StateWriter()
            history.write(&writer)
            state.pairs[pair] = writer.bytes
        }
        state.standings = standings.mapValues(\.bytes)
        state.candidates = candidateStandings.mapValues(\.bytes)
        state.candidateVersion = candidateVersion
        return state
    }

    /// Before uses were counted each coupon was its first user's.
    private static func coupons(
        _ owners: [(UInt64, UInt64)], _ reader: inout StateReader, isCounted: Bool
    ) throws(UnreadableState) -> [UInt64: CouponRecord] {
        var records = owners.map { ($0.0, CouponRecord(owner: $0.1, uses: CouponRecord.usesMinimum)) }
        if isCounted {
            let uses = try reader.list { (reader) throws(UnreadableState) in
                let uses = UInt16(truncatingIfNeeded: try reader.count())
                return (
                    uses,
                    try reader.list(maximum: CouponRecord.othersMaximum) { (reader) throws(UnreadableState) in
                        try reader.hash32()
                    }
                )
            }
            guard uses.count == records.count else { throw reader.failure() }
            for (index, use) in uses.enumerated() { (records[index].1.uses, records[index].1.others) = use }
        }
        return Dictionary(records) { first, _ in first }
    }

    /// - Parameter state: as it was stored. The devices of buyers are still to be counted.
    public init(_ state: FraudState) throws(UnreadableState) {
        self.init()
        guard !state.world.isEmpty else { return }
        var reader = StateReader(state.world[...])
        day = try reader.optional { (reader) throws(UnreadableState) in try reader.number32() }
        active = Set(try reader.list { (reader) throws(UnreadableState) in try reader.hash() })
        links.markets = try MarketBook(&reader)
        rates = try FactRates(&reader)
        let names = try reader.list { (reader) throws(UnreadableState) in (try reader.hash32(), try reader.hash()) }
        links.names = Dictionary(names) { first, _ in first }
        let coupons = try reader.list { (reader) throws(UnreadableState) in (try reader.hash(), try reader.hash()) }
        let rhythm = try reader.list { (reader) throws(UnreadableState) in
            let pair = FraudPair(program: try reader.hash(), affiliate: try reader.hash())
            return (pair, SIMD2(try reader.number(), try reader.number()))
        }
        links.rhythm = Dictionary(rhythm) { first, _ in first }
        links.coupons = try FraudBook.coupons(coupons, &reader, isCounted: state.version > 1)
        guard reader.isAtEnd else { throw reader.failure() }
        for (pair, bytes) in state.pairs {
            var reader = StateReader(bytes[...])
            pairs[pair] = try PairHistory(&reader)
        }
        for (affiliate, bytes) in state.standings { standings[affiliate] = try FraudStanding(bytes) }
        for (affiliate, bytes) in state.candidates { candidateStandings[affiliate] = try FraudStanding(bytes) }
        candidateVersion = state.candidateVersion
    }

    /// Counts stored devices on which something was bought, those that are still remembered.
    public mutating func count(buyers: [FraudLink]) throws(UnreadableState) {
        guard let day else { return }
        for link in buyers where link.kind == .device && link.day > day - LinkBook.deviceDays {
            var reader = StateReader(link.bytes[...])
            links.rings.count(try DeviceRecord(&reader).sellers)
        }
    }
}
