public import Domain

/// An event as the scorer passes it on to the fraud engine: hashes in place of texts, but for the IP address, which the
/// detector holds against the prefixes that it knows.
public struct FraudObservation: Sendable, Hashable {
    /// Of the layout below. Observations of another are not read.
    static let version: UInt8 = 1

    public var event: FraudEvent
    /// Of an address that could be read; the event's hashes of it are made from it again.
    public var address: IPAddress?
    /// Of an order that was recorded; nil for one that was refused as a repetition.
    public var conversionID: Identifier?

    public init(_ event: FraudEvent, address: IPAddress? = nil, conversionID: Identifier? = nil) {
        self.event = event
        self.address = address
        self.conversionID = conversionID
    }

    // MARK: Bytes

    /// Room for most observations.
    private static let usualBytes = 120

    /// Hashes of the event that are often 0, in the order in which they are written.
    private static let hashes: [WritableKeyPath<FraudEvent, UInt64> & Sendable] = [
        \.affiliate, \.click, \.order, \.customer, \.device, \.agent, \.subID, \.referrer, \.coupon, \.currency,
    ]
    private static let rawAddress: UInt16 = 1 << 10
    private static let version4: UInt16 = 1 << 11
    private static let addressHash: UInt16 = 1 << 12
    private static let hasConversion: UInt16 = 1 << 13

    /// All of a message: first the version, then one behind the other.
    public static func bytes(_ observations: [FraudObservation]) -> [UInt8] {
        guard !observations.isEmpty else { return [] }
        var bytes = [version]
        bytes.reserveCapacity(observations.count * FraudObservation.usualBytes)
        for observation in observations { observation.append(to: &bytes) }
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        var present: UInt16 = 0
        forEachHash { index, hash in if hash != 0 { present |= 1 << index } }
        if let address {
            present |= FraudObservation.rawAddress | (address.isVersion4 ? FraudObservation.version4 : 0)
        } else if event.address != 0 {
            present |= FraudObservation.addressHash
        }
        if conversionID != nil { present |= FraudObservation.hasConversion }
        bytes.append(event.kind.rawValue)
        FraudObservation.append(UInt64(present), 2, to: &bytes)
        FraudObservation.append(UInt64(event.marks.rawValue), 2, to: &bytes)
        FraudObservation.append(UInt64(event.country), 2, to: &bytes)
        FraudObservation.append(event.key, 8, to: &bytes)
        FraudObservation.append(event.program, 8, to: &bytes)
        FraudObservation.append(UInt64(bitPattern: event.at.microsecondsSinceEpoch), 8, to: &bytes)
        if event.kind != .click { FraudObservation.append(UInt64(bitPattern: event.amountMinor), 8, to: &bytes) }
        forEachHash { _, hash in if hash != 0 { FraudObservation.append(hash, 8, to: &bytes) } }
        if let address {
            FraudObservation.append(
                UInt64(truncatingIfNeeded: address.value), address.isVersion4 ? 4 : 8, to: &bytes)
            if !address.isVersion4 {
                FraudObservation.append(UInt64(truncatingIfNeeded: address.value >> 64), 8, to: &bytes)
            }
        } else if event.address != 0 {
            FraudObservation.append(event.address, 8, to: &bytes)
        }
        if let conversionID {
            FraudObservation.append(UInt64(truncatingIfNeeded: conversionID.value), 8, to: &bytes)
            FraudObservation.append(UInt64(truncatingIfNeeded: conversionID.value >> 64), 8, to: &bytes)
        }
    }

    /// In the order of `hashes`, without the cost of a key path.
    private func forEachHash(_ body: (UInt16, UInt64) -> Void) {
        body(0, event.affiliate)
        body(1, event.click)
        body(2, event.order)
        body(3, event.customer)
        body(4, event.device)
        body(5, event.agent)
        body(6, event.subID)
        body(7, event.referrer)
        body(8, event.coupon)
        body(9, event.currency)
    }

    /// - Parameter count: of the value's low bytes, the lowest first.
    private static func append(_ value: UInt64, _ count: Int, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0.prefix(count)) }
    }

    /// - Returns: nil unless `bytes` are what `bytes` makes.
    public static func read(_ bytes: [UInt8]) -> [FraudObservation]? {
        guard let first = bytes.first else { return [] }
        guard first == version else { return nil }
        var cursor = Cursor(bytes: bytes, place: 1)
        var observations: [FraudObservation] = []
        while cursor.place < bytes.count {
            guard let observation = cursor.next() else { return nil }
            observations.append(observation)
        }
        return observations
    }

    private struct Cursor {
        let bytes: [UInt8]
        var place: Int

        mutating func take(_ count: Int) -> UInt64? {
            guard bytes.count - place >= count else { return nil }
            var value: UInt64 = 0
            for index in 0..<count { value |= UInt64(bytes[place + index]) << UInt64(8 * index) }
            place += count
            return value
        }

        mutating func next() -> FraudObservation? {
            guard let kind = take(1).flatMap({ FraudEvent.Kind(rawValue: UInt8($0)) }), let present = take(2),
                let marks = take(2), let country = take(2), let key = take(8), let program = take(8), let at = take(8)
            else { return nil }
            var event = FraudEvent(
                kind: kind, key: key, at: Timestamp(microsecondsSinceEpoch: Int64(bitPattern: at)), affiliate: 0,
                program: program)
            event.marks = FraudEvent.Marks(rawValue: UInt16(marks))
            event.country = UInt16(country)
            if kind != .click {
                guard let amount = take(8) else { return nil }
                event.amountMinor = Int64(bitPattern: amount)
            }
            for (index, path) in hashes.enumerated() where present >> UInt64(index) & 1 == 1 {
                guard let hash = take(8) else { return nil }
                event[keyPath: path] = hash
            }
            var observation = FraudObservation(event)
            guard readAddress(present, into: &observation) else { return nil }
            guard present & UInt64(hasConversion) != 0 else { return observation }
            guard let low = take(8), let high = take(8) else { return nil }
            observation.conversionID = Identifier(UInt128(high) << 64 | UInt128(low))
            return observation
        }

        private mutating func readAddress(_ present: UInt64, into observation: inout FraudObservation) -> Bool {
            if present & UInt64(rawAddress) != 0 {
                let isVersion4 = present & UInt64(version4) != 0
                guard let low = take(isVersion4 ? 4 : 8), let high = isVersion4 ? 0xFFFF : take(8) else { return false }
                let value = isVersion4 ? UInt128(high) << 32 | UInt128(low) : UInt128(high) << 64 | UInt128(low)
                let address = IPAddress(value: value)
                observation.address = address
                observation.event.address = address.addressHash
                observation.event.subnet = address.subnetHash
            } else if present & UInt64(addressHash) != 0 {
                guard let hash = take(8) else { return false }
                observation.event.address = hash
            }
            return true
        }
    }
}
