public import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
public import ServiceLifecycle

/// Answers `/healthz`, `/readyz` and `/metrics`. Four dozen lines over NIO keep an HTTP framework out of the workers.
public struct HealthServer: Service {
    private let host: String
    private let port: Int
    private let health: Health
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameter port: 0 takes a free one, which the log names.
    public init(host: String, port: Int, health: Health, metrics: Metrics, logger: Logger) {
        self.host = host
        self.port = port
        self.health = health
        self.metrics = metrics
        self.logger = logger
    }

    public func run() async throws {
        let (health, metrics) = (health, metrics)
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 16)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(HealthHandler(health: health, metrics: metrics))
                }
            }
            .bind(host: host, port: port).get()
        logger.info("health listening", metadata: [LogKey.port: "\(channel.localAddress?.port ?? port)"])
        await withTaskCancellationOrGracefulShutdownHandler {
            // The channel closes when it is asked to; how it ended changes nothing.
            try? await channel.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            channel.close(promise: nil)
        }
    }
}

private final class HealthHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let health: Health
    private let metrics: Metrics
    private var path = ""

    init(health: Health, metrics: Metrics) {
        self.health = health
        self.metrics = metrics
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): path = String(head.uri.prefix { $0 != "?" })
        case .body: break
        case .end: respond(context)
        }
    }

    private func respond(_ context: ChannelHandlerContext) {
        let (status, text) = answer()
        let body = context.channel.allocator.buffer(string: text)
        let headers: HTTPHeaders = [
            "content-type": "text/plain; version=0.0.4; charset=utf-8", "content-length": String(body.readableBytes),
        ]
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func answer() -> (HTTPResponseStatus, String) {
        switch path {
        case "/healthz": return health.isAlive ? (.ok, "alive\n") : (.serviceUnavailable, "the loop stands still\n")
        case "/readyz":
            let reasons = health.reasons
            return reasons.isEmpty
                ? (.ok, "ready\n") : (.serviceUnavailable, reasons.joined(separator: "\n") + "\n")
        case "/metrics": return (.ok, metrics.text)
        default: return (.notFound, "there are /healthz, /readyz and /metrics\n")
        }
    }
}
