import Domain
import Foundation

/// A moment on a fake provider's clocks: one for waits, and one for days, which can be set ahead.
struct FakeMoment: Sendable {
    let instant: Timestamp
    /// Since 1970.
    let seconds: Int64

    init(_ instant: Timestamp, aheadSeconds: Int64) {
        self.instant = instant
        seconds = instant.seconds(since: Timestamp(secondsSinceEpoch: 0)) + aheadSeconds
    }

    static let timeOfDay: @Sendable () -> Timestamp = {
        Timestamp(microsecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1_000_000))
    }

    /// As in `2026-11-01T12:00:00Z`.
    var rfc3339: String {
        Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(.iso8601)
    }
}

extension [String: [ProviderFault]] {
    /// Takes the next fault of an account; `*` stands for accounts without faults of their own.
    mutating func take(_ account: String) -> ProviderFault? {
        let queue = self[account] == nil ? "*" : account
        guard let fault = self[queue]?.first else { return nil }
        self[queue]?.removeFirst()
        return fault
    }
}

extension Timestamp {
    /// - Parameter duration: below a day; what is finer than a microsecond is cut off.
    func adding(_ duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(
            microsecondsSinceEpoch: microsecondsSinceEpoch + seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }
}
