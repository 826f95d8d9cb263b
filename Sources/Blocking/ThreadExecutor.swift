import Dispatch
import Foundation
import Synchronization

/// An actor executor that is one private thread.
///
/// An actor that owns a blocking C handle runs on its own `ThreadExecutor`, so the C library may block for as long as
/// it likes: it blocks this thread and no other. The cooperative pool never waits for a socket.
///
/// The thread starts with the first job and ends when the executor is released.
public final class ThreadExecutor: SerialExecutor {
    private let inbox: Inbox

    /// - Parameter name: the thread's name in a debugger or in `top -H`; Linux keeps the first 15 bytes.
    public init(name: String) {
        let inbox = Inbox()
        self.inbox = inbox
        let thread = Thread { inbox.drain() }
        thread.name = name
        thread.start()
    }

    deinit {
        inbox.close()
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        inbox.add(UnownedJob(job), for: asUnownedSerialExecutor())
    }
}

/// The jobs waiting for one thread. The thread holds the inbox, never the executor, so that releasing the executor
/// ends it.
private final class Inbox: Sendable {
    private struct Entry {
        let job: UnownedJob
        let executor: UnownedSerialExecutor
    }

    private let entries = Mutex<[Entry]>([])
    private let available = DispatchSemaphore(value: 0)

    func add(_ job: UnownedJob, for executor: UnownedSerialExecutor) {
        entries.withLock { $0.append(Entry(job: job, executor: executor)) }
        available.signal()
    }

    /// Wakes the thread with nothing to do, which it takes as its end.
    func close() {
        available.signal()
    }

    func drain() {
        while true {
            available.wait()
            let next = entries.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            guard let next else { return }
            next.job.runSynchronously(on: next.executor)
        }
    }
}
