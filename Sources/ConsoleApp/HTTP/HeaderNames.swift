import HTTPTypes

extension HTTPField.Name {
    /// - Parameter token: a header name of this file, which is one by RFC 9110.
    private static func named(_ token: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(token) else { preconditionFailure("\(token) is not a header's name") }
        return name
    }

    static let csrfToken = named(Gate.csrfHeader)
    static let idempotencyKey = named("idempotency-key")
    static let idempotencyReplayed = named("idempotency-replayed")
    static let link = named("link")
    static let secFetchSite = named("sec-fetch-site")
    static let referrerPolicy = named("referrer-policy")
    static let crossOriginOpenerPolicy = named("cross-origin-opener-policy")
    static let permissionsPolicy = named("permissions-policy")
}
