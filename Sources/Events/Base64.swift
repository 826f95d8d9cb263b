/// Bytes as text of the standard alphabet (RFC 4648), padded.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, letter) in alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    static func text(_ bytes: [UInt8]) -> String {
        String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { text in
            var (index, place) = (0, 0)
            while index < bytes.count {
                let left = bytes.count - index
                let word =
                    UInt32(bytes[index]) << 16 | (left > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
                    | (left > 2 ? UInt32(bytes[index + 2]) : 0)
                for digit in 0..<4 {
                    let letter = alphabet[Int(word >> UInt32(18 - 6 * digit) & 0x3F)]
                    text[place + digit] = digit > left ? UInt8(ascii: "=") : letter
                }
                (index, place) = (index + 3, place + 4)
            }
            return place
        }
    }

    /// - Returns: nil unless `text` is what `text` makes.
    static func bytes(_ text: String) -> [UInt8]? {
        let letters = Array(text.utf8)
        guard letters.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(letters.count / 4 * 3)
        for start in stride(from: 0, to: letters.count, by: 4) {
            let isLast = start + 4 == letters.count
            let padding = isLast ? letters[(start + 2)...].reversed().prefix { $0 == UInt8(ascii: "=") }.count : 0
            var word: UInt32 = 0
            for letter in letters[start..<(start + 4 - padding)] {
                guard values[Int(letter)] < 64 else { return nil }
                word = word << 6 | UInt32(values[Int(letter)])
            }
            word <<= UInt32(6 * padding)
            for place in 0..<(3 - padding) { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * place))) }
        }
        return bytes
    }
}
