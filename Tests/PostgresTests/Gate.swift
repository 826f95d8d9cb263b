import Dispatch

/// Blocks a thread until another one opens it.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func pass() { semaphore.wait() }

    func open() { semaphore.signal() }
}
