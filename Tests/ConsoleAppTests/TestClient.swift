import AsyncHTTPClient
import Events
import NIOCore
import NIOHTTP1
import Testing

/// What the console answered.
struct TestReply: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: String

    /// The body as JSON, if it is any.
    var json: JSONTree? { JSONTree(Array(body.utf8)[...]) }

    func header(_ name: String) -> String? { headers.first(name: name) }
}

/// A browser or a program in front of the console; it keeps its session's cookie and token, and follows no redirect.
struct TestClient: Sendable {
    private static let http = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: HTTPClient.Configuration(redirectConfiguration: .disallow))

    let port: Int
    var authorization: String?
    var cookie: String?
    var csrfToken: String?

    init(port: Int, authorization: String? = nil) {
        self.port = port
        self.authorization = authorization
    }

    func get(_ path: String) async throws -> TestReply {
        try await send("GET", path)
    }

    func post(
        _ path: String, json: String, key: String? = nil, contentType: String = "application/json"
    ) async throws -> TestReply {
        var headers = ["content-type": contentType]
        headers["idempotency-key"] = key
        headers["x-csrf-token"] = csrfToken
        return try await send("POST", path, headers: headers, body: json)
    }

    func put(_ path: String, json: String, key: String?) async throws -> TestReply {
        var headers = ["content-type": "application/json"]
        headers["idempotency-key"] = key
        headers["x-csrf-token"] = csrfToken
        return try await send("PUT", path, headers: headers, body: json)
    }

    func patch(_ path: String, json: String, match: String?, key: String? = nil) async throws -> TestReply {
        var headers = ["content-type": "application/json"]
        headers["if-match"] = match
        headers["idempotency-key"] = key
        headers["x-csrf-token"] = csrfToken
        return try await send("PATCH", path, headers: headers, body: json)
    }

    /// Posts a form, its token added unless `fields` has one.
    func submit(_ path: String, _ fields: [String: String], headers: [String: String] = [:]) async throws -> TestReply {
        var fields = fields
        if let csrfToken, fields["csrf_token"] == nil { fields["csrf_token"] = csrfToken }
        let body = fields.map { encode($0.key) + "=" + encode($0.value) }.joined(separator: "&")
        return try await send(
            "POST", path, headers: headers.merging(["content-type": "application/x-www-form-urlencoded"]) { $1 },
            body: body)
    }

    mutating func logIn(email: String, password: String) async throws {
        let reply = try await submit("/login", ["email": email, "password": password])
        try #require(reply.status == 303, "the login was refused: \(reply.body)")
        cookie = try #require(reply.header("set-cookie")?.split(separator: ";").first.map(String.init))
        let page = try await get("/console/payouts").body
        let token = try #require(page.firstMatch(of: #/name="csrf_token" value="([^"]+)"/#))
        csrfToken = String(token.1)
    }

    /// Hands in a file, as a program or with the session's token.
    func handIn(_ file: [UInt8], query: String = "", key: String? = nil) async throws -> TestReply {
        var headers = ["content-type": "text/csv"]
        headers["idempotency-key"] = key
        headers["x-csrf-token"] = csrfToken
        return try await send("POST", "/imports" + query, headers: headers, bytes: file)
    }

    func send(
        _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil, bytes: [UInt8]? = nil
    ) async throws -> TestReply {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let authorization { request.headers.add(name: "authorization", value: authorization) }
        if let cookie { request.headers.add(name: "cookie", value: cookie) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        if let bytes { request.body = .bytes(ByteBuffer(bytes: bytes)) }
        let response = try await TestClient.http.execute(request, timeout: .seconds(120))
        let answer = try await response.body.collect(upTo: 8 << 20)
        return TestReply(
            status: Int(response.status.code), headers: response.headers, body: String(buffer: answer))
    }

    private func encode(_ text: String) -> String {
        text.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
