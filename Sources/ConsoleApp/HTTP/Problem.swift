import Foundation
import Hummingbird

/// A refusal as RFC 9457 describes it: a status, a stable code, a sentence, and the value that was wrong.
struct Problem: Error, Sendable {
    let status: HTTPResponse.Status
    /// Stable, for programs.
    let code: String
    /// For people.
    let sentence: String
    /// What was measured or sent, shortened; nil where there is none.
    let value: String?
    var headers: HTTPFields = [:]

    private static let valueCharactersMaximum = 200

    init(
        _ status: HTTPResponse.Status, _ code: String, _ sentence: String, value: String? = nil,
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.sentence = sentence
        self.value = value.map { String($0.prefix(Problem.valueCharactersMaximum)) }
        self.headers = headers
    }

    private struct Document: Encodable {
        let type: String
        let title: String
        let status: Int
        let code: String
        let detail: String
        let value: String?
    }

    var body: [UInt8] {
        JSONText.encode(
            Document(
                type: "urn:tributary:problem:" + code, title: status.reasonPhrase, status: status.code, code: code,
                detail: sentence, value: value))
    }

    var response: Response {
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }
}

extension Problem {
    static let unauthorized = Problem(
        .unauthorized, "unauthorized", "Log in, or send an API key in the header Authorization: Bearer.",
        headers: [.wwwAuthenticate: "Bearer"])

    static func forbidden(_ permission: Permission) -> Problem {
        Problem(.forbidden, "forbidden", "This needs a permission that you do not have.", value: permission.rawValue)
    }

    static let forgeryRefused = Problem(
        .forbidden, "csrf_refused",
        "The request does not carry this session's token. Load the page again and repeat what you did.")

    static func notFound(_ what: String, _ id: String) -> Problem {
        Problem(.notFound, "not_found", "There is no such \(what).", value: id)
    }

    static func invalid(_ name: String, _ rule: String, value: String?) -> Problem {
        Problem(.badRequest, "invalid_" + name, rule, value: value)
    }

    static let unavailable = Problem(
        .serviceUnavailable, "database_unavailable", "The database does not answer. Try again in a moment.",
        headers: [.retryAfter: "5"])
}
