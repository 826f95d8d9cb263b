/// An address that a host's name led to: four bytes, or sixteen.
public struct NetworkAddress: Hashable, Sendable {
    public let bytes: [UInt8]

    /// - Returns: nil for another number of bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    /// As in `93.184.216.34` or `2606:2800:220:1:248:1893:25c8:1946`.
    public var text: String {
        guard bytes.count == 16 else { return bytes.map(String.init).joined(separator: ".") }
        return stride(from: 0, to: 16, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
            .joined(separator: ":")
    }

    /// This machine, and nobody else.
    public var isLoopback: Bool {
        bytes.count == 4 ? bytes[0] == 127 : bytes == Array(repeating: 0, count: 15) + [1]
    }

    /// Anybody on the internet may have it; not one of a private network, a link, a group, a test or of this machine.
    public var isPublic: Bool {
        bytes.count == 4
            ? !NetworkAddress.special.contains { $0.contains(bytes) }
            // What is not handed out yet leads nowhere; what wraps an older address could lead anywhere.
            : Block([0x20], 3).contains(bytes) && !NetworkAddress.specialSix.contains { $0.contains(bytes) }
    }

    /// The addresses that begin with the same bits.
    private struct Block {
        let start: [UInt8]
        let bits: Int

        init(_ start: [UInt8], _ bits: Int) {
            self.start = start
            self.bits = bits
        }

        func contains(_ bytes: [UInt8]) -> Bool {
            start.indices.allSatisfy { index in
                let shared = min(8, max(0, bits - index * 8))
                let mask = shared == 0 ? 0 : UInt8.max << (8 - shared)
                return bytes[index] & mask == start[index] & mask
            }
        }
    }

    /// IANA's registry of addresses with a purpose of their own.
    private static let special = [
        Block([0], 8), Block([10], 8), Block([100, 64], 10), Block([127], 8), Block([169, 254], 16),
        Block([172, 16], 12), Block([192, 0, 0], 24), Block([192, 0, 2], 24), Block([192, 88, 99], 24),
        Block([192, 168], 16), Block([198, 18], 15), Block([198, 51, 100], 24), Block([203, 0, 113], 24),
        Block([224], 3),
    ]
    private static let specialSix = [
        Block([0x20, 0x01, 0x00], 23), Block([0x20, 0x01, 0x0D, 0xB8], 32), Block([0x20, 0x02], 16),
        Block([0x3F, 0xFF, 0x00], 20),
    ]
}
