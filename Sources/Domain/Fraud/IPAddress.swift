/// An IPv4 or IPv6 address, as 128 bits; IPv4 within `::ffff:0:0/96`.
public struct IPAddress: Hashable, Sendable {
    public let value: UInt128
    public let isVersion4: Bool

    /// - Returns: nil unless `text` is an address; of IPv6 without a zone.
    public init?(_ text: some StringProtocol) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let value = IPAddress.version6(text) else { return nil }
            self.init(value: value)
        } else {
            guard let value = IPAddress.version4(text) else { return nil }
            self.init(value: 0xFFFF_0000_0000 | UInt128(value))
        }
    }

    /// From its 128 bits, as `value` has them.
    public init(value: UInt128) {
        self.value = value
        isVersion4 = value >> 32 == 0xFFFF
    }

    /// The first bits as a hash: /32 for an IPv4 address, /64 for an IPv6 one, whose hosts rotate within.
    public var addressHash: UInt64 { hash(bits: isVersion4 ? 128 : 64) }

    /// The network's hash: /24 or /48.
    public var subnetHash: UInt64 { hash(bits: isVersion4 ? 120 : 48) }

    private func hash(bits: Int) -> UInt64 {
        let kept = value >> UInt128(128 - bits)
        return FraudHash.mixed(
            FraudHash.mixed(UInt64(truncatingIfNeeded: kept >> 64)) ^ UInt64(truncatingIfNeeded: kept) &+ UInt64(bits))
    }

    /// Four numbers of one to three digits; byte by byte, since every event of the fleet passes here.
    private static func version4(_ text: some StringProtocol) -> UInt32? {
        var value: UInt32 = 0
        var (part, digits, dots): (UInt32, Int, Int) = (0, 0, 0)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                part = part * 10 + UInt32(byte - UInt8(ascii: "0"))
                digits += 1
                guard digits <= 3, part <= 255 else { return nil }
            case UInt8(ascii: "."):
                guard digits > 0 else { return nil }
                (value, part, digits, dots) = (value << 8 | part, 0, 0, dots + 1)
                guard dots <= 3 else { return nil }
            default: return nil
            }
        }
        return dots == 3 && digits > 0 ? value << 8 | part : nil
    }

    private static func version6(_ text: some StringProtocol) -> UInt128? {
        let text = String(text)
        guard let gap = doubleColon(in: text) else {
            guard let groups = groups(Substring(text)), groups.count == 8 else { return nil }
            return joined(groups)
        }
        guard let head = groups(text[..<gap.lowerBound]), let tail = groups(text[gap.upperBound...]),
            head.count + tail.count < 8
        else { return nil }
        return joined(head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail)
    }

    private static func doubleColon(in text: String) -> Range<String.Index>? {
        var index = text.startIndex
        while index < text.endIndex {
            let next = text.index(after: index)
            if text[index] == ":", next < text.endIndex, text[next] == ":" { return index..<text.index(after: next) }
            index = next
        }
        return nil
    }

    private static func groups(_ text: Substring) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, let last = version4(part) {
                groups += [UInt16(last >> 16), UInt16(truncatingIfNeeded: last)]
            } else {
                guard part.utf8.count <= 4, let group = UInt16(part, radix: 16) else { return nil }
                groups.append(group)
            }
        }
        return groups.count <= 8 ? groups : nil
    }

    private static func joined(_ groups: [UInt16]) -> UInt128 {
        groups.reduce(0) { $0 << 16 | UInt128($1) }
    }
}

/// A set of address prefixes, as of data centres.
public struct IPPrefixSet: Sendable {
    /// Masked addresses by length of their prefix.
    private var prefixes: [Int: Set<UInt128>] = [:]

    public init() {}

    public var isEmpty: Bool { prefixes.isEmpty }

    /// - Parameter text: as `192.0.2.0/24`; without a length the one address.
    /// - Returns: false unless it could be read.
    public mutating func insert(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(parts[0]) else { return false }
        var length = 128
        if parts.count == 2 {
            guard let written = Int(parts[1]), (0...(address.isVersion4 ? 32 : 128)).contains(written) else {
                return false
            }
            length = written + (address.isVersion4 ? 96 : 0)
        }
        prefixes[length, default: []].insert(IPPrefixSet.masked(address.value, length))
        return true
    }

    public func contains(_ address: IPAddress) -> Bool {
        prefixes.contains { length, values in values.contains(IPPrefixSet.masked(address.value, length)) }
    }

    private static func masked(_ value: UInt128, _ length: Int) -> UInt128 {
        length == 0 ? 0 : (value >> UInt128(128 - length)) << UInt128(128 - length)
    }
}
