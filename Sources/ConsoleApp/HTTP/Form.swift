/// The fields of a form as a browser posts them, or of a query string.
struct Form: Sendable {
    private let fields: [String: [String]]

    init(_ fields: [(name: String, value: String)]) {
        self.fields = Dictionary(grouping: fields, by: \.name).mapValues { $0.map(\.value) }
    }

    /// - Parameter text: `application/x-www-form-urlencoded`; what cannot be decoded is left out.
    init(text: some StringProtocol) {
        self.init(
            text.split(separator: "&").compactMap { pair in
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = Form.decode(parts[0]), let value = parts.count == 2 ? Form.decode(parts[1]) : ""
                else { return nil }
                return (name, value)
            })
    }

    /// - Returns: nil for a field that is absent or empty; the last value of one that is there more than once.
    subscript(_ name: String) -> String? {
        guard let value = fields[name]?.last, !value.isEmpty else { return nil }
        return value
    }

    /// Every value of a field that may be there more than once.
    func values(_ name: String) -> [String] { fields[name] ?? [] }

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
