import Events

/// Where and as whom Circle Mint is called.
public struct CircleConfiguration: Sendable {
    /// What cannot be started with; `description` is a sentence for the operator.
    public struct Invalid: Error, Hashable, CustomStringConvertible {
        public let description: String
    }

    /// Scheme, host and port, without a slash at the end.
    public let baseURL: String
    /// Never logged.
    public let apiKey: String
    /// Whether the key moves real money.
    public let isLive: Bool
    /// The wallet that payouts come from.
    public let walletID: String
    /// Who pays, as the JSON object that Circle wants beside larger payouts; nil: those are paid by hand.
    public let originator: [UInt8]?

    /// - Throws: `Invalid` if key or host are of the other mode, if a live key would travel unencrypted, or if the
    ///   originator is no JSON object.
    public init(
        baseURL: String, apiKey: String, walletID: String, originator: String? = nil, isLive: Bool
    ) throws(Invalid) {
        guard baseURL.hasPrefix("https://") || baseURL.hasPrefix("http://") else {
            throw Invalid(description: "CIRCLE_API_BASE must begin with https:// or http://.")
        }
        guard !isLive || baseURL.hasPrefix("https://") else {
            throw Invalid(description: "A live CIRCLE_API_KEY is only sent over https.")
        }
        let isSandboxHost = baseURL.contains("sandbox")
        let isLiveHost = baseURL.hasPrefix("https://api.circle.com")
        guard isLive ? !isSandboxHost : !isLiveHost else {
            throw Invalid(description: "CIRCLE_API_BASE is of the other mode than CIRCLE_MODE says.")
        }
        let foreign = isLive ? ["TEST_API_KEY:", "SAND_API_KEY:"] : ["LIVE_API_KEY:"]
        guard !apiKey.isEmpty, !foreign.contains(where: apiKey.hasPrefix) else {
            throw Invalid(description: "CIRCLE_API_KEY is of the other mode than CIRCLE_MODE says.")
        }
        if let originator {
            guard case .object? = JSONTree(Array(originator.utf8)[...]) else {
                throw Invalid(description: "CIRCLE_ORIGINATOR must be a JSON object.")
            }
        }
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.apiKey = apiKey
        self.isLive = isLive
        self.walletID = walletID
        self.originator = originator.map { Array($0.utf8) }
    }

    /// Reads `CIRCLE_API_BASE`, `CIRCLE_API_KEY`, `CIRCLE_WALLET_ID`, `CIRCLE_ORIGINATOR` and `CIRCLE_MODE` (`test`,
    /// the default, or `live`).
    ///
    /// - Returns: nil without a key: then nobody is paid over Circle.
    public static func read(_ environment: [String: String]) throws(Invalid) -> CircleConfiguration? {
        guard let apiKey = environment["CIRCLE_API_KEY"], !apiKey.isEmpty else { return nil }
        let mode = environment["CIRCLE_MODE"] ?? "test"
        guard mode == "test" || mode == "live" else { throw Invalid(description: "CIRCLE_MODE is test or live.") }
        let originator = environment["CIRCLE_ORIGINATOR"] ?? ""
        return try CircleConfiguration(
            baseURL: required("CIRCLE_API_BASE", in: environment), apiKey: apiKey,
            walletID: required("CIRCLE_WALLET_ID", in: environment),
            originator: originator.isEmpty ? nil : originator, isLive: mode == "live")
    }

    private static func required(_ name: String, in environment: [String: String]) throws(Invalid) -> String {
        guard let value = environment[name], !value.isEmpty else { throw Invalid(description: "\(name) is not set.") }
        return value
    }
}
