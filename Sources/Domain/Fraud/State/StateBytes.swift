/// Writes the engine's state as bytes: the same state always makes the same, which a comparison relies on.
struct StateWriter {
    private(set) var bytes: [UInt8] = []

    mutating func byte(_ value: UInt8) { bytes.append(value) }

    /// What was written before, as it is.
    mutating func bytes(_ written: [UInt8]) { bytes += written }

    /// Small numbers take one byte, the largest ten.
    mutating func count(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func count(_ value: Int) { count(UInt64(value)) }

    /// Of either sign; those near 0 take one byte.
    mutating func number(_ value: Int64) { count(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    mutating func number(_ value: Int32) { number(Int64(value)) }

    mutating func hash(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func hash(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    mutating func real(_ value: Double) { hash(value.bitPattern) }

    mutating func list<Element>(_ elements: some Collection<Element>, _ write: (inout StateWriter, Element) -> Void) {
        count(elements.count)
        for element in elements { write(&self, element) }
    }

    mutating func optional<Value>(_ value: Value?, _ write: (inout StateWriter, Value) -> Void) {
        byte(value == nil ? 0 : 1)
        if let value { write(&self, value) }
    }
}

/// Why stored bytes are not a state of the engine's.
public struct UnreadableState: Error, Hashable {
    /// Where in the bytes.
    public let offset: Int
}

/// Reads what `StateWriter` wrote, and trusts none of it.
struct StateReader {
    private let bytes: ArraySlice<UInt8>
    private var place: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    var isAtEnd: Bool { place == bytes.endIndex }
    private var rest: Int { bytes.endIndex - place }

    func failure() -> UnreadableState { UnreadableState(offset: place - bytes.startIndex) }

    mutating func byte() throws(UnreadableState) -> UInt8 {
        guard place < bytes.endIndex else { throw failure() }
        defer { place += 1 }
        return bytes[place]
    }

    mutating func count() throws(UnreadableState) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            let next = try byte()
            value |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return value }
        }
        throw failure()
    }

    mutating func number() throws(UnreadableState) -> Int64 {
        let value = try count()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func number32() throws(UnreadableState) -> Int32 {
        guard let value = Int32(exactly: try number()) else { throw failure() }
        return value
    }

    mutating func count32() throws(UnreadableState) -> UInt32 {
        guard let value = UInt32(exactly: try count()) else { throw failure() }
        return value
    }

    mutating func hash() throws(UnreadableState) -> UInt64 {
        guard rest >= 8 else { throw failure() }
        var value: UInt64 = 0
        for index in 0..<8 { value |= UInt64(bytes[place + index]) << UInt64(8 * index) }
        place += 8
        return value
    }

    mutating func hash32() throws(UnreadableState) -> UInt32 {
        guard rest >= 4 else { throw failure() }
        var value: UInt32 = 0
        for index in 0..<4 { value |= UInt32(bytes[place + index]) << UInt32(8 * index) }
        place += 4
        return value
    }

    mutating func real() throws(UnreadableState) -> Double { Double(bitPattern: try hash()) }

    mutating func flag() throws(UnreadableState) -> Bool {
        let value = try byte()
        guard value <= 1 else { throw failure() }
        return value == 1
    }

    /// - Parameter maximum: more are no state; each element takes a byte at least, so a list never outgrows its bytes.
    mutating func list<Element>(
        maximum: Int = .max, _ read: (inout StateReader) throws(UnreadableState) -> Element
    ) throws(UnreadableState) -> [Element] {
        let count = try count()
        guard count <= UInt64(rest), count <= UInt64(maximum) else { throw failure() }
        var elements: [Element] = []
        elements.reserveCapacity(Int(count))
        for _ in 0..<count { elements.append(try read(&self)) }
        return elements
    }

    mutating func optional<Value>(
        _ read: (inout StateReader) throws(UnreadableState) -> Value
    ) throws(UnreadableState) -> Value? {
        try flag() ? try read(&self) : nil
    }
}
