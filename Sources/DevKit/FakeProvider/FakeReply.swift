import Foundation
import HTTPTypes
import Hummingbird

/// What a client is answered.
struct FakeReply: Sendable {
    var status: Int
    var body: [UInt8]
    var isReplayed = false
    /// Why it is status 429, as a header says.
    var limitReason: String?
    /// The connection breaks after so many bytes of the body.
    var cutAfter: Int?
    var delay: Duration = .zero

    init(status: Int = 200, _ value: some Encodable, names: JSONEncoder.KeyEncodingStrategy = .convertToSnakeCase) {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = names
        encoder.outputFormatting = [.sortedKeys]
        self.status = status
        // Only our own value types come here, and they always encode.
        body = Array((try? encoder.encode(value)) ?? Data())
    }

    init(json: String) {
        status = 200
        body = Array(json.utf8)
    }

    func cut(after bytes: Int) -> FakeReply {
        var reply = self
        reply.cutAfter = bytes
        return reply
    }

    /// Waits as long as it says, and is sent.
    func response() async throws -> Response {
        if delay > .zero { try await Task.sleep(for: delay) }
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.requestID] = "req_fake"
        headers[.circleRequestID] = "req_fake"
        if isReplayed { headers[.idempotentReplayed] = "true" }
        if let limitReason { headers[.limitReason] = limitReason }
        let status = HTTPResponse.Status(code: status)
        guard let bytes = cutAfter else {
            return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: body)))
        }
        // More is promised than comes: the client sees the connection break.
        let part = ByteBuffer(bytes: body.prefix(bytes))
        return Response(
            status: status, headers: headers,
            body: ResponseBody(contentLength: body.count + 1) { writer in
                if part.readableBytes > 0 { try await writer.write(part) }
                throw CutReply()
            })
    }

    private struct CutReply: Error {}
}

extension HTTPField.Name {
    // All are valid names; the type asks all the same.
    fileprivate static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed") ?? .accept
    fileprivate static let requestID = HTTPField.Name("Request-Id") ?? .accept
    fileprivate static let circleRequestID = HTTPField.Name("X-Request-Id") ?? .accept
    fileprivate static let limitReason = HTTPField.Name("Stripe-Rate-Limited-Reason") ?? .accept
}
