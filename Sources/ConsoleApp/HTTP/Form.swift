/// The fields of a form as a browser posts them, or of a query string.
struct Form: Sendable {
    private let fields: [String: String]

    /// - Parameter text: `application/x-www-form-urlencoded`; what cannot be decoded is left out.
    init(text: some StringProtocol) {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Form.decode(parts[0]) else { continue }
            fields[name] = parts.count == 2 ? Form.decode(parts[1]) : ""
        }
        self.fields = fields
    }

    /// - Returns: nil for a field that is absent or empty.
    subscript(_ name: String) -> String? {
        guard let value = fields[name], !value.isEmpty else { return nil }
        return value
    }

    private static func decode(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard rest.count >= 2,
                    let decoded = Hexadecimal.decode(String(decoding: rest.prefix(2), as: UTF8.self))?.first
                else { return nil }
                bytes.append(decoded)
                rest = rest.dropFirst(2)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
