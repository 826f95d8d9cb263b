import Hummingbird

/// One path of the console, what it takes to enter it, and who answers.
///
/// The list of all routes is data, so that tests can walk it: every role against every route, and every API route
/// against the OpenAPI document.
struct Route: Sendable {
    /// How a route is entered and how it refuses.
    enum Kind: Sendable {
        /// JSON; a session's write carries its token in the header `X-CSRF-Token`.
        case api
        /// HTML; without a session it leads to the login.
        case page
        /// The target of a form: the token is one of its fields, the answer is a redirect.
        case form
        /// A file or a probe: open to everybody.
        case open
    }

    let method: HTTPRequest.Method
    /// As OpenAPI writes it: `/payouts/{id}/approve`.
    let path: String
    let kind: Kind
    /// nil: everybody may enter, or for a page everybody who is logged in.
    let permission: Permission?
    /// What a request may carry.
    var bodyBytesMaximum = Gate.bodyBytesMaximum
    let answer: @Sendable (Call) async throws -> Response

    /// Whether it does something: then it has a body, and a session's token must come with it.
    var changes: Bool { method != .get }

    static func api(
        _ method: HTTPRequest.Method, _ path: String, _ permission: Permission,
        answer: @escaping @Sendable (Call) async throws -> Answer
    ) -> Route {
        Route(method: method, path: path, kind: .api, permission: permission) { try await answer($0).response }
    }

    /// The same route for larger bodies.
    func taking(bytes: Int) -> Route {
        var route = self
        route.bodyBytesMaximum = bytes
        return route
    }

    static func page(
        _ path: String, _ permission: Permission?, answer: @escaping @Sendable (Call) async throws -> Answer
    ) -> Route {
        Route(method: .get, path: path, kind: .page, permission: permission) { try await answer($0).response }
    }

    static func form(
        _ path: String, _ permission: Permission?, answer: @escaping @Sendable (Call) async throws -> Answer
    ) -> Route {
        Route(method: .post, path: path, kind: .form, permission: permission) { try await answer($0).response }
    }

    static func open(
        _ method: HTTPRequest.Method, _ path: String, answer: @escaping @Sendable (Call) async throws -> Answer
    ) -> Route {
        Route(method: method, path: path, kind: .open, permission: nil) { try await answer($0).response }
    }
}

/// A request after the gate: who makes it and what it says.
struct Call: Sendable {
    let request: Request
    /// nil only on open routes.
    let principal: Principal?
    let clientAddress: String
    let parameters: Parameters
    let query: Form
    /// Empty for a request that changes nothing.
    let body: [UInt8]
    /// A form with a file in it; nil for any other body.
    let upload: MultipartForm?

    var form: Form { upload?.form ?? Form(text: String(decoding: body, as: UTF8.self)) }

    func parameter(_ name: String) -> String {
        parameters.get(name).map(PercentEncoding.decode) ?? ""
    }

    /// The principal of a route that is not open.
    func authenticated() throws(Problem) -> Principal {
        guard let principal else { throw .unauthorized }
        return principal
    }
}
