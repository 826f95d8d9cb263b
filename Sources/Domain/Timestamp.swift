/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    /// Microseconds since the Unix epoch; negative before 1970.
    public let microsecondsSinceEpoch: Int64

    public init(microsecondsSinceEpoch: Int64) {
        self.microsecondsSinceEpoch = microsecondsSinceEpoch
    }

    /// - Parameter secondsSinceEpoch: whole seconds; the caller keeps them within ±200,000 years.
    public init(secondsSinceEpoch: Int64) {
        self.init(microsecondsSinceEpoch: secondsSinceEpoch * 1_000_000)
    }

    /// - Parameter day: days since 1970-01-01, UTC.
    public init(startOfDay day: Int32) {
        self.init(secondsSinceEpoch: Int64(day) * 86_400)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSinceEpoch < right.microsecondsSinceEpoch
    }

    /// Days since 1970-01-01, UTC.
    public var day: Int32 {
        Int32(clamping: Timestamp.floorDivide(microsecondsSinceEpoch, 86_400_000_000))
    }

    /// The moment at which this moment's hour began, UTC.
    public var startOfHour: Timestamp {
        Timestamp(
            microsecondsSinceEpoch: Timestamp.floorDivide(microsecondsSinceEpoch, 3_600_000_000) * 3_600_000_000)
    }

    /// Whole seconds from `earlier` to this moment, rounded down; negative if `earlier` is later.
    public func seconds(since earlier: Timestamp) -> Int64 {
        Timestamp.floorDivide(microsecondsSinceEpoch - earlier.microsecondsSinceEpoch, 1_000_000)
    }

    public func adding(seconds: Int64) -> Timestamp {
        Timestamp(microsecondsSinceEpoch: microsecondsSinceEpoch + seconds * 1_000_000)
    }

    public func adding(days: Int32) -> Timestamp {
        adding(seconds: Int64(days) * 86_400)
    }

    /// The same time of day, `months` of the calendar later; the last day of a shorter month.
    ///
    /// - Parameter months: 0 or more.
    public func adding(months: Int32) -> Timestamp {
        let days = CivilDate(daysSinceEpoch: day).adding(months: months).daysSinceEpoch - day
        return adding(days: days)
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }
}
