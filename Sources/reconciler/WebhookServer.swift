import Hummingbird
import Logging
import Providers
import ServiceLifecycle
import WorkerRuntime

/// The endpoints that a provider posts its webhooks to.
struct WebhookServer: Service {
    let receiver: WebhookReceiver
    let host: String
    /// 0 takes a free one, which the log names.
    let port: Int
    let logger: Logger

    func run() async throws {
        let logger = logger
        let application = Application(
            router: router(), configuration: .init(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                logger.info(
                    "webhooks listening", metadata: [LogKey.port: "\(channel.localAddress?.port ?? port)"])
            }, logger: logger)
        try await application.run()
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        for endpoint in WebhookReceiver.Endpoint.allCases {
            router.post(RouterPath(endpoint.path)) { request, _ in await answer(request, endpoint) }
        }
        // Circle asks whether the address is there before it is taken as an endpoint.
        for endpoint in [WebhookReceiver.Endpoint.circle, .circleHints] {
            router.head(RouterPath(endpoint.path)) { _, _ in Response(status: .ok) }
        }
        return router
    }

    private func answer(_ request: Request, _ endpoint: WebhookReceiver.Endpoint) async -> Response {
        guard let body = try? await request.body.collect(upTo: WebhookReceiver.bodyBytesMaximum) else {
            return Response(status: .contentTooLarge)  // Or a broken connection, to which nobody listens.
        }
        let answer = await receiver.receive(
            Array(buffer: body), signed: WebhookServer.signature(request, endpoint), endpoint: endpoint)
        return Response(status: .init(code: answer.status))
    }

    private static func signature(
        _ request: Request, _ endpoint: WebhookReceiver.Endpoint
    ) -> WebhookReceiver.Signature? {
        func header(_ name: String) -> String? { request.headers.first { $0.name.canonicalName == name }?.value }
        switch endpoint {
        case .platform, .connect: return header("stripe-signature").map { .init($0) }
        case .circle:
            guard let value = header("x-circle-signature"), let keyID = header("x-circle-key-id") else { return nil }
            return .init(value, keyID: keyID)
        case .circleHints: return nil
        }
    }
}
