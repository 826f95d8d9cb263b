import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

/// A person at the console, as far as the demo needs one: logs in with a form and presses a button.
public struct ConsoleClient: Sendable {
    private static let patience = TimeAmount.seconds(60)
    private static let answerBytesMaximum = 8 << 20

    private let http: HTTPClient
    private let base: String
    private let cookie: String
    private let csrfToken: String

    /// Logs in, and lends the session.
    /// - Parameter base: the console's address, such as `http://127.0.0.1:8080`.
    public static func with(
        base: String, email: String, password: String, _ body: (ConsoleClient) async throws -> Void
    ) async throws {
        // The cookie is in the redirect, which a client that follows it would not show.
        let http = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: .init(redirectConfiguration: .disallow))
        do {
            try await body(try await logIn(http, base: base, email: email, password: password))
        } catch {
            try await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    private static func logIn(
        _ http: HTTPClient, base: String, email: String, password: String
    ) async throws -> ConsoleClient {
        var request = HTTPClientRequest(url: base + "/login")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        request.body = .bytes(ByteBuffer(string: "email=\(encoded(email))&password=\(encoded(password))"))
        let answer = try await http.execute(request, timeout: patience)
        let cookie = answer.headers[canonicalForm: "set-cookie"].first.flatMap { $0.split(separator: ";").first }
        guard answer.status == .seeOther || answer.status == .found, let cookie else {
            throw ConsoleClientError.refused(path: "/login", status: answer.status.code, body: "")
        }
        var page = HTTPClientRequest(url: base + "/console")
        page.headers.add(name: "cookie", value: String(cookie))
        let html = try await text(of: try await http.execute(page, timeout: patience))
        guard let mark = html.range(of: "name=\"csrf_token\" value=\""),
            let end = html[mark.upperBound...].firstIndex(of: "\"")
        else { throw ConsoleClientError.noToken }
        return ConsoleClient(
            http: http, base: base, cookie: String(cookie), csrfToken: String(html[mark.upperBound..<end]))
    }

    /// Asks for payouts of everything that is payable.
    /// - Parameter key: the same key asks for the same payouts.
    /// - Returns: whether there is more to plan under another key.
    public func processPayments(key: String) async throws -> Bool {
        var request = HTTPClientRequest(url: base + "/process-payments")
        request.method = .POST
        request.headers.add(name: "cookie", value: cookie)
        request.headers.add(name: "x-csrf-token", value: csrfToken)
        request.headers.add(name: "idempotency-key", value: key)
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: "{}"))
        let answer = try await http.execute(request, timeout: ConsoleClient.patience)
        let body = try await ConsoleClient.text(of: answer)
        guard (200..<300).contains(answer.status.code) else {
            throw ConsoleClientError.refused(path: "/process-payments", status: answer.status.code, body: body)
        }
        return try JSONDecoder().decode(Planned.self, from: Data(body.utf8)).hasMore
    }

    private struct Planned: Decodable {
        let hasMore: Bool

        enum CodingKeys: String, CodingKey {
            case hasMore = "has_more"
        }
    }

    private static func text(of answer: HTTPClientResponse) async throws -> String {
        String(buffer: try await answer.body.collect(upTo: answerBytesMaximum))
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }
}

/// What the console answered instead.
public enum ConsoleClientError: Error, CustomStringConvertible {
    case refused(path: String, status: UInt, body: String)
    case noToken

    public var description: String {
        switch self {
        case .refused(let path, let status, let body):
            "the console answered \(path) with \(status): \(body.prefix(300))"
        case .noToken: "the console's page has no form token"
        }
    }
}
