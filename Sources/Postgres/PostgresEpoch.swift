/// PostgreSQL counts time from 2000-01-01 UTC, we from 1970-01-01 UTC.
enum PostgresEpoch {
    static let microseconds: Int64 = 946_684_800_000_000
    static let days: Int32 = 10_957

    /// An instant before PostgreSQL's first one becomes a value that the server refuses, never its -infinity.
    @inline(__always)
    static func server(microseconds value: Int64) -> Int64 {
        let (shifted, overflow) = value.subtractingReportingOverflow(microseconds)
        return overflow ? .min + 1 : shifted
    }

    @inline(__always)
    static func server(days value: Int32) -> Int32 {
        let (shifted, overflow) = value.subtractingReportingOverflow(days)
        return overflow ? .min + 1 : shifted
    }

    /// Both infinities stay the extremes of their type.
    static func local(microseconds value: Int64) -> Int64 {
        guard value != .min else { return .min }
        let (shifted, overflow) = value.addingReportingOverflow(microseconds)
        return overflow ? .max : shifted
    }

    static func local(days value: Int32) -> Int32 {
        guard value != .min else { return .min }
        let (shifted, overflow) = value.addingReportingOverflow(days)
        return overflow ? .max : shifted
    }
}
