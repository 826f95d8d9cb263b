/// Where and as whom Stripe is called.
public struct StripeConfiguration: Sendable {
    /// What cannot be started with; `description` is a sentence for the operator.
    public struct Invalid: Error, Hashable, CustomStringConvertible {
        public let description: String
    }

    /// Scheme, host and port, without a slash at the end.
    public let baseURL: String
    /// `sk_…` or `rk_…`; never logged.
    public let apiKey: String
    /// Whether the key, and every object that comes back, is about real money.
    public let isLive: Bool

    /// The version that requests and their answers have, whatever the account's default becomes.
    public static let apiVersion = "2026-10-28.endive"

    /// - Throws: `Invalid` if the key's prefix and the mode differ, or if a live key would travel unencrypted.
    public init(baseURL: String, apiKey: String, isLive: Bool) throws(Invalid) {
        guard baseURL.hasPrefix("https://") || baseURL.hasPrefix("http://") else {
            throw Invalid(description: "STRIPE_API_BASE must begin with https:// or http://.")
        }
        let expected = isLive ? ["sk_live_", "rk_live_"] : ["sk_test_", "rk_test_"]
        guard expected.contains(where: apiKey.hasPrefix) else {
            let mode = isLive ? "live" : "test"
            throw Invalid(
                description: "STRIPE_API_KEY must begin with \(expected[0]) or \(expected[1]) in \(mode) mode.")
        }
        guard !isLive || baseURL.hasPrefix("https://") else {
            throw Invalid(description: "A live STRIPE_API_KEY is only sent over https.")
        }
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.apiKey = apiKey
        self.isLive = isLive
    }

    /// Reads `STRIPE_API_BASE`, `STRIPE_API_KEY` and `STRIPE_MODE` (`test`, the default, or `live`).
    public init(environment: [String: String]) throws(Invalid) {
        let mode = environment["STRIPE_MODE"] ?? "test"
        guard mode == "test" || mode == "live" else { throw Invalid(description: "STRIPE_MODE is test or live.") }
        try self.init(
            baseURL: StripeConfiguration.required("STRIPE_API_BASE", in: environment),
            apiKey: StripeConfiguration.required("STRIPE_API_KEY", in: environment), isLive: mode == "live")
    }

    /// Reads a comma-separated list of webhook secrets.
    ///
    /// - Throws: `Invalid` if there is none: a receiver without a secret would have to trust everybody.
    public static func secrets(_ name: String, in environment: [String: String]) throws(Invalid) -> [String] {
        let secrets = try required(name, in: environment).split(separator: ",").map { part in
            String(part.drop { $0 == " " })
        }
        guard !secrets.isEmpty else { throw Invalid(description: "\(name) is empty.") }
        return secrets
    }

    private static func required(_ name: String, in environment: [String: String]) throws(Invalid) -> String {
        guard let value = environment[name], !value.isEmpty else { throw Invalid(description: "\(name) is not set.") }
        return value
    }
}
