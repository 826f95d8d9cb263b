import Foundation
import Synchronization

/// A proxy on a loopback port that can be told to cut, to swallow, or to withhold one reply.
///
/// It stands between a client and a server to show what the client does when the wire fails at a chosen moment.
public final class TCPProxy: Sendable {
    /// What happens to the bytes.
    public enum Mode: Sendable, Equatable {
        case forward
        /// Nothing passes and nothing closes: a dead wire.
        case swallow
        /// Passes until a client sends these bytes; lets the server answer, throws the answer away and cuts.
        case cutReply(to: [UInt8])
    }

    private struct State {
        var mode = Mode.forward
        var isClosed = false
        /// Connections made before a cut carry a lower number and end.
        var generation = 0
        var cuts = 0
    }

    /// Where clients connect.
    public let port: Int
    private let listener: Int32
    private let serverPort: Int
    private let state = Mutex(State())
    /// How long a connection may miss a change of mode, in milliseconds.
    private static let lookMilliseconds: Int32 = 20

    /// - Parameter serverPort: a port on 127.0.0.1.
    public init(to serverPort: Int) {
        self.serverPort = serverPort
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        port = bindToLoopback(listener)
        precondition(port > 0 && listen(listener, 64) == 0, "no loopback port is free")
        Thread { [self] in accept() }.start()
    }

    /// How many replies were withheld.
    public var cuts: Int { state.withLock { $0.cuts } }

    public func set(_ mode: Mode) { state.withLock { $0.mode = mode } }

    /// Cuts every connection; new ones are let in.
    public func cutAll() { state.withLock { $0.generation += 1 } }

    /// Cuts every connection and listens no more.
    public func close() { state.withLock { $0.isClosed = true } }

    private func accept() {
        while !state.withLock({ $0.isClosed }) {
            guard TCPProxy.isReadable(listener) else { continue }
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { continue }
            let generation = state.withLock { $0.generation }
            Thread { [self] in carry(client, generation) }.start()
        }
        _ = Glibc.close(listener)
    }

    private func carry(_ client: Int32, _ generation: Int) {
        let server = connectToServer()
        defer {
            _ = Glibc.close(client)
            _ = Glibc.close(server)
        }
        var withholdsReply = false
        while true {
            let state = state.withLock { $0 }
            if state.isClosed || state.generation > generation { return }
            var ends = [pollfd(fd: client, events: Int16(POLLIN), revents: 0)]
            ends.append(pollfd(fd: server, events: Int16(POLLIN), revents: 0))
            let isSwallowing = state.mode == .swallow
            guard poll(&ends, isSwallowing ? 0 : 2, TCPProxy.lookMilliseconds) > 0 else { continue }
            if ends[0].revents != 0 {
                guard let bytes = TCPProxy.pass(from: client, to: server) else { return }
                // The mode may have changed while this waited for the bytes.
                if case .cutReply(let trigger) = self.state.withLock({ $0.mode }), bytes.contains(trigger) {
                    withholdsReply = true
                }
            }
            if ends[1].revents != 0 {
                if withholdsReply { return self.state.withLock { $0.cuts += 1 } }
                guard TCPProxy.pass(from: server, to: client) != nil else { return }
            }
        }
    }

    private func connectToServer() -> Int32 {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = loopbackAddress(port: serverPort)
        // A server that is down shows as the end of the stream at the first read.
        _ = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return server
    }

    /// - Returns: what was passed; nil at the end of either stream.
    private static func pass(from source: Int32, to target: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(source, &bytes, bytes.count)
        guard count > 0 else { return nil }
        var sent = 0
        while sent < count {
            let step = bytes.withUnsafeBytes { send(target, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL)) }
            guard step > 0 else { return nil }
            sent += step
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private static func isReadable(_ descriptor: Int32) -> Bool {
        var end = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&end, 1, lookMilliseconds) > 0
    }
}
