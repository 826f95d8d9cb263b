import Hummingbird
import NIOCore
import Postgres

/// Stands before every route: finds out who asks, whether they may, and whether a browser was tricked into asking.
struct Gate: Sendable {
    static let bodyBytesMaximum = 4 << 20
    static let csrfHeader = "x-csrf-token"
    static let csrfField = "csrf_token"

    let sessions: SessionStore
    let keys: APIKeyStore
    let cookie: SessionCookie
    private let largeBodies = LargeBodies()

    init(sessions: SessionStore, keys: APIKeyStore, cookie: SessionCookie) {
        self.sessions = sessions
        self.keys = keys
        self.cookie = cookie
    }

    func respond(to request: Request, context: ConsoleContext, route: Route) async throws -> Response {
        let principal = route.kind == .open ? nil : try await principal(of: request)
        if let refusal = try refusal(of: route, to: principal, request) { return refusal }
        guard route.bodyBytesMaximum > Gate.bodyBytesMaximum else {
            return try await answer(request, context, route, principal)
        }
        return try await largeBodies.withPlace { try await answer(request, context, route, principal) }
    }

    private func answer(
        _ request: Request, _ context: ConsoleContext, _ route: Route, _ principal: Principal?
    ) async throws -> Response {
        let body = route.changes ? try await collectBody(of: request, upTo: route.bodyBytesMaximum) : []
        let upload =
            route.kind == .form ? try MultipartForm(body, contentType: request.headers[.contentType] ?? "") : nil
        let call = Call(
            request: request, principal: principal, clientAddress: context.clientAddress,
            parameters: context.parameters, query: Form(text: request.uri.query ?? ""), body: body, upload: upload)
        if route.changes { try refuseForgery(call, route: route) }
        return try await route.answer(call)
    }

    private func principal(of request: Request) async throws(PostgresError) -> Principal? {
        if let authorization = request.headers[.authorization], authorization.hasPrefix("Bearer ") {
            return try await keys.principal(key: String(authorization.dropFirst("Bearer ".count)))
        }
        guard let token = cookie.token(in: request) else { return nil }
        return try await sessions.session(token: token).map(Principal.init(session:))
    }

    /// - Returns: the way to the login for a person; nil where the principal may enter.
    private func refusal(
        of route: Route, to principal: Principal?, _ request: Request
    ) throws(Problem) -> Response? {
        guard route.kind != .open else { return nil }
        guard let principal else {
            if route.kind == .api { throw .unauthorized }
            let target = route.kind == .page ? "?next=" + PercentEncoding.encode(request.uri.path) : ""
            return Answer.redirect(to: "/login" + target).response
        }
        if let permission = route.permission, !principal.permissions.contains(permission) {
            throw .forbidden(permission)
        }
        if route.kind != .api, principal.session == nil { throw .unauthorized }
        return nil
    }

    private func refuseForgery(_ call: Call, route: Route) throws(Problem) {
        if let site = call.request.headers[.secFetchSite], site != "same-origin", site != "none" {
            throw .forgeryRefused
        }
        // A program's key is not sent by a browser on its own, so nobody can be tricked into sending it.
        guard let session = call.principal?.session else { return }
        let header = call.request.headers[.csrfToken]
        let token = route.kind == .form ? call.form[Gate.csrfField] : header
        guard let token, SecureToken.areEqual(token, session.csrfToken) else { throw .forgeryRefused }
    }

    private func collectBody(of request: Request, upTo bytesMaximum: Int) async throws -> [UInt8] {
        do {
            return Array(buffer: try await request.body.collect(upTo: bytesMaximum))
        } catch is NIOTooManyBytesError {
            throw Problem(
                .contentTooLarge, "body_too_large",
                "The body is larger than \(bytesMaximum) bytes. Send it in parts.")
        }
    }
}
