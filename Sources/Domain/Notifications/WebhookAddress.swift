/// Where an outgoing webhook goes.
public enum WebhookAddress {
    public static let charactersMaximum = 2_000

    /// Whether `text` may be an endpoint: HTTPS to a host, without credentials in it. Plain HTTP only to this machine,
    /// where nobody listens in between.
    public static func isValid(_ text: String) -> Bool {
        guard let (scheme, host) = parts(of: text) else { return false }
        return scheme == "https://" || ["127.0.0.1", "localhost", "[::1]"].contains(host.lowercased())
    }

    /// - Returns: nil unless `text` may be an endpoint; an IPv6 address without its brackets.
    public static func host(of text: String) -> String? {
        guard isValid(text), let host = parts(of: text)?.host else { return nil }
        return host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : String(host)
    }

    private static func parts(of text: String) -> (scheme: String, host: Substring)? {
        guard text.unicodeScalars.count <= charactersMaximum,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return nil }
        let scheme = ["https://", "http://"].first { text.lowercased().hasPrefix($0) }
        guard let scheme else { return nil }
        let authority = text.dropFirst(scheme.count).prefix { !"/?#".contains($0) }
        let isSix = authority.hasPrefix("[")
        let host = isSix ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        let port = authority.dropFirst(host.count)
        // One spelling for whoever asks for its address and whoever connects to it: nothing encoded.
        let name = isSix ? host.dropFirst().dropLast() : host
        guard !name.isEmpty, name.utf8.allSatisfy(isSix ? isHexOrColon : isOfName), port.isEmpty || isPort(port) else {
            return nil
        }
        return (scheme, host)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch UnicodeScalar(byte) {
        case "a"..."z", "A"..."Z", "0"..."9", "-", ".", "_": true
        default: false
        }
    }

    private static func isHexOrColon(_ byte: UInt8) -> Bool {
        switch UnicodeScalar(byte) {
        case "a"..."f", "A"..."F", "0"..."9", ":", ".": true
        default: false
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.first == ":" && UInt16(text.dropFirst()).map { $0 > 0 } == true
    }
}

/// Whether an outgoing webhook may go to a host, by the addresses that its name leads to now.
public enum WebhookHost: Hashable, Sendable {
    /// Exactly these may be connected to: asked again, the name could lead elsewhere.
    case reachable([NetworkAddress])
    /// Its name leads nowhere.
    case unknown
    /// Among its addresses is one that is not for everybody.
    case notPublic(NetworkAddress)

    /// - Parameter allowsLoopback: this machine may be told, as in a demo.
    public init(_ addresses: [NetworkAddress], allowsLoopback: Bool) {
        if let refused = addresses.first(where: { !$0.isPublic && !(allowsLoopback && $0.isLoopback) }) {
            self = .notPublic(refused)
        } else {
            self = addresses.isEmpty ? .unknown : .reachable(addresses)
        }
    }
}
