/// Keccak-256 as Ethereum uses it: the padding of the original submission, not that of SHA3-256.
enum Keccak256 {
    /// Bytes that one permutation takes in.
    private static let rateBytes = 136
    private static let rounds = 24

    /// - Returns: 32 bytes.
    static func digest(_ message: [UInt8]) -> [UInt8] {
        var padded = message
        padded.append(0x01)
        padded += [UInt8](repeating: 0, count: (rateBytes - padded.count % rateBytes) % rateBytes)
        padded[padded.count - 1] |= 0x80
        var state = [UInt64](repeating: 0, count: 25)
        for start in stride(from: 0, to: padded.count, by: rateBytes) {
            for lane in 0..<rateBytes / 8 {
                let bytes = padded[(start + lane * 8)..<(start + lane * 8 + 8)]
                state[lane] ^= bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
            }
            permute(&state)
        }
        return state.prefix(4).flatMap { lane in (0..<8).map { UInt8(truncatingIfNeeded: lane >> (8 * $0)) } }
    }

    private static func permute(_ state: inout [UInt64]) {
        // The round constants come from a shift register of eight bits.
        var register: UInt8 = 1
        for _ in 0..<rounds {
            mixColumns(&state)
            rotateAndMove(&state)
            mixRows(&state)
            for exponent in 0...6 {
                if register & 1 == 1 { state[0] ^= 1 << ((1 << exponent) - 1) }
                register = register << 1 ^ (register >> 7 == 1 ? 0x71 : 0)
            }
        }
    }

    private static func mixColumns(_ state: inout [UInt64]) {
        var parity = [UInt64](repeating: 0, count: 5)
        for lane in 0..<25 { parity[lane % 5] ^= state[lane] }
        for x in 0..<5 {
            let change = parity[(x + 4) % 5] ^ rotated(parity[(x + 1) % 5], by: 1)
            for y in 0..<5 { state[x + 5 * y] ^= change }
        }
    }

    private static func rotateAndMove(_ state: inout [UInt64]) {
        var (x, y) = (1, 0)
        var carried = state[1]
        for step in 0..<24 {
            (x, y) = (y, (2 * x + 3 * y) % 5)
            let next = state[x + 5 * y]
            state[x + 5 * y] = rotated(carried, by: (step + 1) * (step + 2) / 2 % 64)
            carried = next
        }
    }

    private static func mixRows(_ state: inout [UInt64]) {
        for y in 0..<5 {
            let row = Array(state[(5 * y)..<(5 * y + 5)])
            for x in 0..<5 { state[5 * y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]) }
        }
    }

    private static func rotated(_ lane: UInt64, by bits: Int) -> UInt64 {
        bits == 0 ? lane : lane << bits | lane >> (64 - bits)
    }
}
