/// Reads JSON (RFC 8259) value by value from bytes it does not own.
///
/// The hot path of the fleet: a batch is scanned once, known fields become values, the rest is only checked.
/// Foundation's decoder costs several times the whole worker here. The bytes must be valid UTF-8, which
/// `TrackingEventReader` and `JSONTree` check before.
struct JSONScanner {
    enum Failure: Error {
        case malformed
        case tooDeep
    }

    /// A value; containers are their bounds, scanned and found well-formed.
    enum Value {
        case null
        case bool(Bool)
        case integer(Int64)
        /// A number that is no `Int64`: it has a fraction, an exponent or too many digits.
        case number(Range<Int>)
        case string(String)
        case object(Range<Int>)
        case array(Range<Int>)
    }

    static let depthMaximum = 32

    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int
    private let end: Int

    /// - Parameter bounds: where to read; within `bytes`.
    init(_ bytes: UnsafeRawBufferPointer, in bounds: Range<Int>? = nil) {
        precondition(
            bounds.map { $0.lowerBound >= 0 && $0.upperBound <= bytes.count } ?? true, "bounds leave the bytes")
        self.bytes = bytes
        position = bounds?.lowerBound ?? 0
        end = bounds?.upperBound ?? bytes.count
    }

    /// The byte at the position, or 0 at the end; 0 is nowhere valid in JSON.
    private var current: UInt8 { position < end ? bytes[position] : 0 }

    mutating func skipWhitespace() {
        while position < end {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// Whether nothing but white space is left.
    mutating func isAtEnd() -> Bool {
        skipWhitespace()
        return position == end
    }

    /// Takes `byte` if it is next after white space.
    mutating func take(_ byte: UInt8) -> Bool {
        skipWhitespace()
        guard current == byte, position < end else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(Failure) {
        guard take(byte) else { throw .malformed }
    }

    /// Visits the members of the object at the position in order.
    mutating func members(
        depth: Int = 0, _ visit: (_ name: String, _ value: Value) throws(Failure) -> Void
    ) throws(Failure) {
        try expect(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return }
        repeat {
            skipWhitespace()
            let name = try string()
            try expect(UInt8(ascii: ":"))
            try visit(name, try value(depth: depth + 1))
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    /// Visits the elements of the array at the position in order.
    mutating func elements(depth: Int = 0, _ visit: (_ value: Value) throws(Failure) -> Void) throws(Failure) {
        try expect(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return }
        repeat { try visit(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
    }

    mutating func value(depth: Int = 0) throws(Failure) -> Value {
        guard depth <= JSONScanner.depthMaximum else { throw .tooDeep }
        skipWhitespace()
        let start = position
        switch current {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"):
            try skipMembers(depth: depth)
            return .object(start..<position)
        case UInt8(ascii: "["):
            try elements(depth: depth) { _ throws(Failure) in }
            return .array(start..<position)
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func skipMembers(depth: Int) throws(Failure) {
        try members(depth: depth) { _, _ throws(Failure) in }
    }

    private mutating func literal(_ text: StaticString, _ value: Value) throws(Failure) -> Value {
        let count = text.utf8CodeUnitCount
        guard end - position >= count else { throw .malformed }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] { throw .malformed }
        position += count
        return value
    }

    private mutating func number() throws(Failure) -> Value {
        let start = position
        let isNegative = current == UInt8(ascii: "-")
        if isNegative { position += 1 }
        let firstDigit = position
        var magnitude: Int64 = 0
        var overflows = false
        while case let digit = current &- UInt8(ascii: "0"), digit < 10 {
            let (product, tooLarge) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, stillTooLarge) = product.subtractingReportingOverflow(Int64(digit))
            overflows = overflows || tooLarge || stillTooLarge
            magnitude = sum
            position += 1
        }
        let digits = position - firstDigit
        guard digits > 0, digits == 1 || bytes[firstDigit] != UInt8(ascii: "0") else { throw .malformed }
        let hasFraction = try fractionAndExponent()
        // Digits were summed up below zero, because the least Int64 has no positive counterpart.
        if hasFraction || overflows || (!isNegative && magnitude == .min) { return .number(start..<position) }
        return .integer(isNegative ? magnitude : -magnitude)
    }

    /// - Returns: whether there was either.
    private mutating func fractionAndExponent() throws(Failure) -> Bool {
        let start = position
        if current == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if current | 0x20 == UInt8(ascii: "e") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return position > start
    }

    private mutating func digits() throws(Failure) {
        let start = position
        while current &- UInt8(ascii: "0") < 10 { position += 1 }
        guard position > start else { throw .malformed }
    }

    /// The string at the position, unescaped.
    mutating func string() throws(Failure) -> String {
        guard current == UInt8(ascii: "\""), position < end else { throw .malformed }
        position += 1
        let start = position
        while position < end {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                let text = String(decoding: bytes[start..<position], as: UTF8.self)
                position += 1
                return text
            case UInt8(ascii: "\\"): return try escapedString(from: start)
            case 0..<0x20: throw .malformed
            default: position += 1
            }
        }
        throw .malformed
    }

    private mutating func escapedString(from start: Int) throws(Failure) -> String {
        var text = [UInt8](bytes[start..<position])
        while position < end {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw .malformed
            default: text.append(byte)
            }
        }
        throw .malformed
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        let byte = current
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(Character(try escapedScalar())).utf8)
        default: throw .malformed
        }
    }

    /// The scalar of `\uXXXX`, or of a pair of them; a lone surrogate is malformed.
    private mutating func escapedScalar() throws(Failure) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Byte by byte: white space between the two is text of its own, and the pair then none.
        for byte in [UInt8(ascii: "\\"), UInt8(ascii: "u")] {
            guard first < 0xDC00, current == byte else { throw .malformed }
            position += 1
        }
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw .malformed }
        return scalar
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(current)).hexDigitValue else { throw .malformed }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
