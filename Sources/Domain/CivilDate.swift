/// A day of the proleptic Gregorian calendar.
public struct CivilDate: Hashable, Sendable {
    public let year: Int32
    /// From 1.
    public let month: Int32
    /// From 1.
    public let day: Int32

    /// - Parameter days: since 1970-01-01, within ±5 million years.
    public init(daysSinceEpoch days: Int32) {
        // Years are counted from March, so that the leap day comes last, in eras of 400 years of 146,097 days.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Days since 1970-01-01.
    public var daysSinceEpoch: Int32 {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let era = (yearFromMarch >= 0 ? yearFromMarch : yearFromMarch - 399) / 400
        let yearOfEra = yearFromMarch - era * 400
        let monthFromMarch = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The same day `months` later, or the last day of that month if it is shorter.
    ///
    /// - Parameter months: 0 or more.
    public func adding(months: Int32) -> CivilDate {
        let total = month - 1 + months
        let first = CivilDate(year: year + total / 12, month: total % 12 + 1, day: 1)
        let next = CivilDate(year: year + (total + 1) / 12, month: (total + 1) % 12 + 1, day: 1)
        let length = next.daysSinceEpoch - first.daysSinceEpoch
        return CivilDate(year: first.year, month: first.month, day: min(day, length))
    }

    private init(year: Int32, month: Int32, day: Int32) {
        self.year = year
        self.month = month
        self.day = day
    }

    public var firstOfMonth: CivilDate { CivilDate(year: year, month: month, day: 1) }

    /// Its start, UTC.
    public var midnight: Timestamp { Timestamp(secondsSinceEpoch: Int64(daysSinceEpoch) * 86_400) }

    /// As ISO 8601 writes it: `2026-03-01`.
    public var text: String {
        func padded(_ number: Int32, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}
