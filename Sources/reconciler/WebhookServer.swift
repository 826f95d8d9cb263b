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
        return router
    }

    private func answer(_ request: Request, _ endpoint: WebhookReceiver.Endpoint) async -> Response {
        guard let body = try? await request.body.collect(upTo: WebhookReceiver.bodyBytesMaximum) else {
            return Response(status: .contentTooLarge)  // Or a broken connection, to which nobody listens.
        }
        let signature = request.headers.first { $0.name.canonicalName == "stripe-signature" }?.value
        let answer = await receiver.receive(Array(buffer: body), signature: signature, endpoint: endpoint)
        return Response(status: .init(code: answer.status))
    }
}
