public import Domain

extension Timestamp {
    /// Reads an RFC 3339 date and time, as in `2026-11-01T12:00:00.250Z` or `…+01:00`; microseconds, the rest cut off.
    ///
    /// - Returns: nil for anything else, a date that no calendar has among it.
    public init?(rfc3339 text: String) {
        var digits = DateDigits(text)
        guard let year = digits.take(4), digits.take("-"), let month = digits.take(2), digits.take("-"),
            let day = digits.take(2), digits.take("T") || digits.take("t") || digits.take(" "),
            let hour = digits.take(2), digits.take(":"), let minute = digits.take(2), digits.take(":"),
            let second = digits.take(2), let microseconds = digits.takeFraction(), let offset = digits.takeOffset(),
            digits.isAtEnd, year > 0, (1...12).contains(month), (1...Timestamp.days(in: month, of: year)).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        // A leap second is the second before it: no clock here counts it.
        let seconds =
            Timestamp.days(year: year, month: month, day: day) * 86_400
            + hour * 3_600 + minute * 60 + min(second, 59) - offset
        // The offset may lead out of the years that four digits can write again.
        guard Timestamp.writableSeconds.contains(seconds) else { return nil }
        self.init(microsecondsSinceEpoch: seconds * 1_000_000 + microseconds)
    }

    /// As in `2026-11-01T12:00:00Z`, with milliseconds where there are any.
    public var rfc3339: String {
        let date = CivilDate(daysSinceEpoch: day)
        let inDay = microsecondsSinceEpoch - Int64(day) * 86_400_000_000
        let milliseconds = inDay / 1_000
        var text = [UInt8]()
        text.reserveCapacity(24)
        func append(_ value: Int64, _ width: Int) {
            var divisor: Int64 = 1
            for _ in 1..<width { divisor *= 10 }
            while divisor > 0 {
                text.append(UInt8(truncatingIfNeeded: value / divisor % 10) + UInt8(ascii: "0"))
                divisor /= 10
            }
        }
        append(Int64(date.year), 4); text.append(UInt8(ascii: "-"))
        append(Int64(date.month), 2); text.append(UInt8(ascii: "-"))
        append(Int64(date.day), 2); text.append(UInt8(ascii: "T"))
        append(milliseconds / 3_600_000, 2); text.append(UInt8(ascii: ":"))
        append(milliseconds / 60_000 % 60, 2); text.append(UInt8(ascii: ":"))
        append(milliseconds / 1_000 % 60, 2)
        if milliseconds % 1_000 != 0 {
            text.append(UInt8(ascii: "."))
            append(milliseconds % 1_000, 3)
        }
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    /// From the year 1 to the year 9999.
    private static let writableSeconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March so that a leap day ends
    /// one.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let marchYear = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
    }
}

/// Walks over the digits and marks of a date.
private struct DateDigits {
    private var rest: Substring.UTF8View

    init(_ text: String) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard let first = rest.first, UInt32(first) == mark.value else { return false }
        rest = rest.dropFirst()
        return true
    }

    mutating func take(_ count: Int) -> Int64? {
        var value: Int64 = 0
        for _ in 0..<count {
            guard let digit = takeDigit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    private mutating func takeDigit() -> Int64? {
        guard let first = rest.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") else { return nil }
        rest = rest.dropFirst()
        return Int64(first - UInt8(ascii: "0"))
    }

    /// Microseconds; 0 without a fraction.
    mutating func takeFraction() -> Int64? {
        guard take(".") else { return 0 }
        var microseconds: Int64 = 0
        var count = 0
        while let digit = takeDigit() {
            if count < 6 { microseconds = microseconds * 10 + digit }
            count += 1
        }
        guard count > 0 else { return nil }
        for _ in min(count, 6)..<6 { microseconds *= 10 }
        return microseconds
    }

    /// Seconds east of UTC.
    mutating func takeOffset() -> Int64? {
        if take("Z") || take("z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = take(2), take(":"), let minutes = take(2), hours < 24, minutes < 60
        else { return nil }
        return (isEast ? 1 : -1) * (hours * 3_600 + minutes * 60)
    }
}
