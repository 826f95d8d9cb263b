import Foundation

/// Asks the system for the addresses of hosts, on a thread of its own: it may wait for a server.
public actor HostResolver {
    /// Of one host.
    private static let addressesMaximum = 16

    private let executor = ThreadExecutor(name: "resolver")

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    public init() {}

    /// - Parameter host: a name, or an address as text.
    /// - Returns: the addresses in the system's order of preference, each of 4 or 16 bytes; none if it has none.
    public func addresses(of host: String) -> [[UInt8]] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &first) == 0 else { return [] }
        defer { freeaddrinfo(first) }
        var found: [[UInt8]] = []
        var next = first
        while let entry = next?.pointee, found.count < HostResolver.addressesMaximum {
            if let bytes = HostResolver.bytes(of: entry), !found.contains(bytes) { found.append(bytes) }
            next = entry.ai_next
        }
        return found
    }

    /// Copied out of what `freeaddrinfo` takes back.
    private static func bytes(of entry: addrinfo) -> [UInt8]? {
        guard let address = UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch entry.ai_family {
        case AF_INET:
            return withUnsafeBytes(of: address.loadUnaligned(as: sockaddr_in.self).sin_addr) { Array($0) }
        case AF_INET6:
            return withUnsafeBytes(of: address.loadUnaligned(as: sockaddr_in6.self).sin6_addr) { Array($0) }
        default: return nil
        }
    }
}
