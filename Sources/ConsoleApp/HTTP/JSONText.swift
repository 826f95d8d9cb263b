import Foundation
import Hummingbird

/// JSON as the API writes it: snake case, sorted keys, no escaped slashes.
enum JSONText {
    static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value))
        } catch {
            // Our documents hold no floating point and no failing encoder, so there is nothing that could be refused.
            preconditionFailure("a document of the API has no JSON form: \(error)")
        }
    }
}

/// What a route answers, before it becomes a response; a write's answer is stored under its idempotency key.
struct Answer: Sendable {
    let status: HTTPResponse.Status
    let contentType: String
    let body: [UInt8]
    var headers: HTTPFields = [:]

    static func json(_ document: some Encodable, status: HTTPResponse.Status = .ok) -> Answer {
        Answer(status: status, contentType: "application/json", body: JSONText.encode(document))
    }

    static func problem(_ problem: Problem) -> Answer {
        Answer(
            status: problem.status, contentType: "application/problem+json", body: problem.body,
            headers: problem.headers)
    }

    static func html(_ text: String, status: HTTPResponse.Status = .ok) -> Answer {
        Answer(status: status, contentType: "text/html; charset=utf-8", body: Array(text.utf8))
    }

    static func redirect(to location: String) -> Answer {
        Answer(
            status: .seeOther, contentType: "text/plain; charset=utf-8", body: [], headers: [.location: location])
    }

    var response: Response {
        var headers = headers
        headers[.contentType] = contentType
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}
