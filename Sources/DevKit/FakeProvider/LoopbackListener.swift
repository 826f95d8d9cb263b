import Hummingbird
import Logging
import ServiceLifecycle

/// An HTTP server on a loopback port, with work beside it that ends with it.
actor LoopbackListener {
    private let logger: Logger
    private var tasks: [Task<Void, Never>] = []
    private var group: ServiceGroup?

    init(logger: Logger) { self.logger = logger }

    /// - Parameter port: 0 takes a free one.
    /// - Returns: the port it listens on.
    func start(_ router: Router<BasicRequestContext>, port: Int) async throws -> Int {
        let (ports, announce) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in
                announce.yield(channel.localAddress?.port ?? 0)
                announce.finish()
            }, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [.init(service: application)], logger: logger))
        self.group = group
        let logger = logger
        tasks.append(
            Task {
                do { try await group.run() } catch { logger.error("listener ended", metadata: ["error": "\(error)"]) }
                announce.finish()
            })
        for await port in ports where port > 0 { return port }
        throw ListenerFailure.notListening
    }

    /// Repeats `work` with a pause in between, until `stop`.
    func every(_ pause: Duration, _ work: @escaping @Sendable () async -> Void) {
        tasks.append(
            Task {
                while !Task.isCancelled {
                    await work()
                    // Cancelled means stopped, which the loop sees.
                    try? await Task.sleep(for: pause)
                }
            })
    }

    func stop() async {
        for task in tasks.dropFirst() { task.cancel() }
        await group?.triggerGracefulShutdown()
        for task in tasks { await task.value }
        tasks = []
    }

    enum ListenerFailure: Error {
        case notListening
    }
}
