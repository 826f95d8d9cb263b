/// Base58 in Bitcoin's alphabet, which Solana writes its addresses in. It has no checksum.
enum Base58 {
    private static let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)

    /// - Parameter text: its length must be bounded by the caller; the work grows with its square.
    /// - Returns: nil for a character outside the alphabet, which has no 0, O, I or l.
    static func decode(_ text: String) -> [UInt8]? {
        // Least significant byte first.
        var bytes: [UInt8] = []
        for character in text.utf8 {
            guard var carry = alphabet.firstIndex(of: character) else { return nil }
            for position in bytes.indices {
                carry += Int(bytes[position]) * 58
                bytes[position] = UInt8(carry & 0xFF)
                carry >>= 8
            }
            if carry > 0 { bytes.append(UInt8(carry)) }
        }
        let zeros = text.utf8.prefix { $0 == alphabet[0] }.count
        return [UInt8](repeating: 0, count: zeros) + bytes.reversed()
    }
}
