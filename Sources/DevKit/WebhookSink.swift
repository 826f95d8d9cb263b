import Hummingbird
import Logging
import Synchronization

/// An endpoint of others on loopback, which keeps what it is sent and answers as it is told.
public actor WebhookSink {
    public struct Request: Sendable {
        public let id: String
        public let timestamp: String
        public let signature: String
        public let body: String
    }

    public private(set) var requests: [Request] = []
    private var statuses: [Int]
    private let listener: LoopbackListener

    /// - Parameter statuses: of its answers, in turn; the last one for ever.
    public init(statuses: [Int] = [204], logger: Logger) {
        self.statuses = statuses
        listener = LoopbackListener(logger: logger)
    }

    /// - Returns: its address.
    public func start() async throws -> String {
        let router = Router()
        router.post("/hook") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            return await self.take(request, String(buffer: body))
        }
        return "http://127.0.0.1:\(try await listener.start(router, port: 0))/hook"
    }

    public func answer(_ statuses: [Int]) { self.statuses = statuses }

    public func stop() async { await listener.stop() }

    private func take(_ request: HummingbirdCore.Request, _ body: String) -> Response {
        func header(_ name: String) -> String { request.headers.first { $0.name.canonicalName == name }?.value ?? "" }
        requests.append(
            Request(
                id: header("webhook-id"), timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"), body: body))
        let status = statuses.count > 1 ? statuses.removeFirst() : statuses[0]
        return Response(status: .init(code: status))
    }
}
