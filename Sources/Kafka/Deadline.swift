/// A point in time that C calls must come back by.
struct Deadline {
    private let end: ContinuousClock.Instant

    init(within limit: Duration) {
        end = .now + limit
    }

    var hasPassed: Bool { remainingMilliseconds == 0 }

    /// Rounded up, so that a wait never turns into a busy loop just before its end; 0 when the deadline has passed.
    var remainingMilliseconds: Int32 { ContinuousClock.now.duration(to: end).roundedMilliseconds }

    /// At most one step of a wait that must look around in between.
    func nextMilliseconds(atMost step: Int32) -> Int32 { min(step, remainingMilliseconds) }
}

extension Duration {
    /// Milliseconds for a C call, rounded up, between 0 and a day.
    var roundedMilliseconds: Int32 {
        guard self > .zero else { return 0 }
        let (seconds, attoseconds) = components
        guard seconds < 86_400 else { return 86_400_000 }
        return Int32(seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
