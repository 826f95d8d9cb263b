/// A 128-bit identifier, written as a UUID.
///
/// Most are hashes of what they identify, so that a replay makes the same ones; see `Events/IdentifierHash`.
public struct Identifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let value: UInt128

    public init(_ value: UInt128) { self.value = value }

    /// - Returns: nil unless `text` is 32 hexadecimal digits, with the four hyphens of a UUID or without.
    public init?(text: some StringProtocol) {
        var value: UInt128 = 0
        var digits = 0
        for character in text.utf8 where character != UInt8(ascii: "-") {
            guard let digit = Identifier.digit(character), digits < 32 else { return nil }
            value = value << 4 | UInt128(digit)
            digits += 1
        }
        guard digits == 32 else { return nil }
        self.init(value)
    }

    public static func < (left: Identifier, right: Identifier) -> Bool { left.value < right.value }

    /// Lower-case, as in `0f8fad5b-d9cb-469f-a165-70867728950e`.
    public var description: String {
        var text = [UInt8]()
        text.reserveCapacity(36)
        for position in 0..<32 {
            if [8, 12, 16, 20].contains(position) { text.append(UInt8(ascii: "-")) }
            let digit = UInt8(truncatingIfNeeded: value >> UInt128(124 - 4 * position)) & 0xF
            text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
