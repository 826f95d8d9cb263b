import Synchronization

/// What a process says of itself: alive while its loop turns, ready while it can do its work.
public final class Health: Sendable {
    private struct State {
        var lastTurn = ContinuousClock.now
        var unready: [String: String] = ["start": "starting"]
    }

    /// A loop that has not turned for so long is stuck: a call that should be bounded was not.
    public static let turnWithin: Duration = .seconds(120)

    private let state = Mutex(State())

    public init() {}

    /// The loop came round.
    public func turned() {
        state.withLock { $0.lastTurn = .now }
    }

    /// Says why the process cannot work, or with nil that this reason is gone.
    ///
    /// - Parameter part: what speaks, as `database`.
    public func unready(_ part: String, _ reason: String?) {
        state.withLock { $0.unready[part] = reason }
    }

    public var isAlive: Bool {
        state.withLock { ContinuousClock.now - $0.lastTurn < Health.turnWithin }
    }

    /// Why the process is not ready; empty if it is.
    public var reasons: [String] {
        state.withLock { state in state.unready.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" } }
    }
}
