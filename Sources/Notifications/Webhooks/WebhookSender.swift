import AsyncHTTPClient
import Blocking
public import Domain
import Events
import NIOCore
import Storage

/// Sends a notification to an endpoint of others.
public struct WebhookSender: Sendable {
    /// Bytes of an answer that are read: it says nothing that we need.
    static let answerBytesMaximum = 4 << 10
    static let timeoutSeconds: Int64 = 10
    static let connectSeconds: Int64 = 5
    /// Addresses of one host that are tried.
    static let addressesMaximum = 2

    private let allowsLoopback: Bool
    private let resolve: @Sendable (String) async -> [NetworkAddress]

    /// - Parameters:
    ///   - allowsLoopback: endpoints on this machine are told, as in a demo.
    ///   - resolve: the addresses of a host; nil: those that the system knows.
    public init(allowsLoopback: Bool, resolve: (@Sendable (String) async -> [NetworkAddress])? = nil) {
        self.allowsLoopback = allowsLoopback
        let resolver = HostResolver()
        self.resolve = resolve ?? { host in await resolver.addresses(of: host).compactMap(NetworkAddress.init) }
    }

    /// Sends to the addresses that were looked at, whatever the host's name leads to a moment later.
    func send(
        _ delivery: Delivery, to url: String, secret: [UInt8], at now: Timestamp
    ) async -> DeliveryResult {
        guard let host = WebhookAddress.host(of: url) else { return .refused(status: nil, error: "no endpoint") }
        switch WebhookHost(await resolve(host), allowsLoopback: allowsLoopback) {
        case .unknown: return .delayed(status: nil, error: "its host has no address")
        case .notPublic(let address):
            return .refused(status: nil, error: "its host leads to \(address.text), which is not public")
        case .reachable(let addresses):
            let request = WebhookSender.request(delivery, to: url, secret: secret, at: now)
            var result = DeliveryResult.delayed(status: nil, error: "no answer")
            for address in addresses.prefix(WebhookSender.addressesMaximum) {
                result = await WebhookSender.send(request, for: host, to: address)
                guard case .delayed(nil, _) = result else { return result }
            }
            return result
        }
    }

    /// Follows no redirects: they could lead anywhere.
    private static func send(
        _ request: HTTPClientRequest, for host: String, to address: NetworkAddress
    ) async -> DeliveryResult {
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
        settings.timeout.connect = .seconds(connectSeconds)
        // A refused connection is an answer; the delivery's own schedule decides when to try again.
        settings.connectionPool.retryConnectionEstablishment = false
        // The name is still what the certificate is held against.
        settings.dnsOverride = [host: address.text]
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let result: DeliveryResult
        do {
            let response = try await client.execute(request, timeout: .seconds(timeoutSeconds))
            // Read, so that the connection ends in order; too much of it closes the connection.
            _ = try? await response.body.collect(upTo: answerBytesMaximum)
            result = WebhookSender.result(Int32(response.status.code))
        } catch {
            result = .delayed(status: nil, error: "no answer: \(type(of: error))")
        }
        // Nothing is left to be done about a client that does not end.
        try? await client.shutdown()
        return result
    }

    private static func request(
        _ delivery: Delivery, to url: String, secret: [UInt8], at now: Timestamp
    ) -> HTTPClientRequest {
        let id = delivery.eventID.description
        let body = WebhookSender.body(delivery)
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "tributary-webhooks/1")
        request.headers.add(name: "webhook-id", value: id)
        request.headers.add(name: "webhook-timestamp", value: String(WebhookSignature.seconds(now)))
        request.headers.add(
            name: "webhook-signature", value: WebhookSignature.value(id: id, at: now, body: body, secret: secret))
        request.body = .bytes(ByteBuffer(bytes: body))
        return request
    }

    /// Whatever is no success may become one, as when somebody deploys; only `410 Gone` asks for an end.
    static func result(_ status: Int32) -> DeliveryResult {
        switch status {
        case 200..<300: .delivered(status: status)
        case 410: .gone(status: status)
        default: .delayed(status: status, error: "status")
        }
    }

    static func body(_ delivery: Delivery) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", delivery.kind)
            writer.member("timestamp", delivery.at.rfc3339)
            writer.name("data")
            writer.json(Array(delivery.data.utf8))
        }
        return writer.bytes
    }
}
