/// Where an outgoing webhook goes.
public enum WebhookAddress {
    public static let charactersMaximum = 2_000

    /// Whether `text` may be an endpoint: HTTPS to a host, without credentials in it. Plain HTTP only to this machine,
    /// where nobody listens in between.
    public static func isValid(_ text: String) -> Bool {
        guard text.unicodeScalars.count <= charactersMaximum,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return false }
        let scheme = ["https://", "http://"].first { text.lowercased().hasPrefix($0) }
        guard let scheme else { return false }
        let authority = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
        guard !authority.contains("@") else { return false }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        let port = authority.dropFirst(host.count)
        guard !host.isEmpty, port.isEmpty || isPort(port) else { return false }
        return scheme == "https://" || ["127.0.0.1", "localhost", "[::1]"].contains(host.lowercased())
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && UInt16(text.dropFirst()).map { $0 > 0 } == true
    }
}
