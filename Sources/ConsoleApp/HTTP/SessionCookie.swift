import Hummingbird

/// The cookie that carries a session's token.
struct SessionCookie: Sendable {
    /// Sent over TLS only. False on a plain loopback address, where there is none.
    let isSecure: Bool
    let lifetimeSeconds: Int64

    /// Browsers accept the prefix `__Host-` only with Secure, without a domain and for the whole site.
    private var name: String { isSecure ? "__Host-tributary" : "tributary" }

    func token(in request: Request) -> String? {
        request.cookies[name]?.value
    }

    func setting(_ token: String) -> String {
        attributes(value: token, maxAge: lifetimeSeconds)
    }

    var clearing: String {
        attributes(value: "", maxAge: 0)
    }

    private func attributes(value: String, maxAge: Int64) -> String {
        "\(name)=\(value); Path=/; Max-Age=\(maxAge); HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }
}
