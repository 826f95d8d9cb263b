public import AsyncHTTPClient
import Domain
import Events
import NIOCore
import Storage

/// Sends a notification to an endpoint of others.
public struct WebhookSender: Sendable {
    /// Bytes of an answer that are read: it says nothing that we need.
    static let answerBytesMaximum = 4 << 10
    static let timeoutSeconds: Int64 = 15

    private let client: HTTPClient

    /// - Parameter client: follows no redirects; its owner shuts it down.
    public init(client: HTTPClient) { self.client = client }

    func send(
        _ delivery: Delivery, to url: String, secret: [UInt8], at now: Timestamp
    ) async -> DeliveryResult {
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
        do {
            let response = try await client.execute(request, timeout: .seconds(WebhookSender.timeoutSeconds))
            // Read, so that the connection can be used again; too much of it closes the connection.
            _ = try? await response.body.collect(upTo: WebhookSender.answerBytesMaximum)
            return WebhookSender.result(Int32(response.status.code))
        } catch {
            return .delayed(status: nil, error: "no answer: \(type(of: error))")
        }
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
