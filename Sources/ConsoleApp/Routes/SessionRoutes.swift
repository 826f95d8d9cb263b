import Hummingbird

/// Logging in and out.
enum SessionRoutes {
    private static let refusal = "E-mail or password is wrong."

    static func all(_ services: Services) -> [Route] {
        [
            .open(.get, "/login") { call in
                services.pages.login(LoginPage(next: local(call.query["next"]), email: "", error: nil))
            },
            .open(.post, "/login") { try await logIn($0, services) },
            .form("/logout", nil) { try await logOut($0, services) },
        ]
    }

    private static func logIn(_ call: Call, _ services: Services) async throws -> Answer {
        let form = call.form
        let email = form["email"] ?? ""
        let next = local(form["next"])
        let login = try await services.sessions.logIn(
            email: email, password: form["password"] ?? "", address: call.clientAddress)
        switch login {
        case .opened(let token):
            var answer = Answer.redirect(to: next)
            answer.headers[.setCookie] = services.cookie.setting(token)
            return answer
        case .refused:
            return services.pages.login(LoginPage(next: next, email: email, error: refusal), status: .unauthorized)
        case .throttled(let seconds):
            let error = "Too many tries. Wait \(seconds / 60) minutes, then try again."
            var answer = services.pages.login(
                LoginPage(next: next, email: email, error: error), status: .tooManyRequests)
            answer.headers[.retryAfter] = String(seconds)
            return answer
        }
    }

    private static func logOut(_ call: Call, _ services: Services) async throws -> Answer {
        if let token = services.cookie.token(in: call.request) { try await services.sessions.logOut(token: token) }
        var answer = Answer.redirect(to: "/login")
        answer.headers[.setCookie] = services.cookie.clearing
        return answer
    }

    /// Where a login leads: a page of the console, never another site.
    private static func local(_ target: String?) -> String {
        guard let target, target.hasPrefix("/console"), !target.contains("\\"), !target.contains("//"),
            target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return "/console" }
        return target
    }
}
