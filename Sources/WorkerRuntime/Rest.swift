/// The pause that a worker makes while a dependency is away.
struct Rest: Sendable {
    private var until: ContinuousClock.Instant?
    private(set) var since: ContinuousClock.Instant?
    private var pauses = 0

    /// Whether the worker waits now.
    var isOn: Bool { until.map { ContinuousClock.now < $0 } ?? false }

    /// Whether a pause was begun and is over: it is time to try again.
    var isOver: Bool { until != nil && !isOn }

    /// Begins a pause, each longer than the one before, up to half a minute; spread, so that a fleet does not return
    /// as one.
    mutating func begin() {
        if since == nil { since = .now }
        let seconds = min(30, 0.1 * Double(1 << min(pauses, 9)))
        pauses += 1
        until = .now + .seconds(seconds * Double.random(in: 0.5...1))
    }

    /// Ends a pause to try again; how many there were is remembered until `recovered`.
    mutating func end() {
        until = nil
    }

    /// The dependency is back.
    mutating func recovered() {
        self = Rest()
    }
}
