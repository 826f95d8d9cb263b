import Foundation

/// A moment on a fake provider's clocks: one for waits, and one for days, which can be set ahead.
struct FakeMoment: Sendable {
    let instant: ContinuousClock.Instant
    /// Since 1970.
    let seconds: Int64

    static func now(aheadSeconds: Int64) -> FakeMoment {
        FakeMoment(instant: .now, seconds: Int64(Date().timeIntervalSince1970) + aheadSeconds)
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
