/// A JSON value in memory, for the small messages between workers.
public indirect enum JSONTree: Sendable, Hashable {
    case null
    case bool(Bool)
    case integer(Int64)
    /// A number that is no `Int64`, as it was written.
    case number(String)
    case string(String)
    case array([JSONTree])
    case object([String: JSONTree])

    /// - Returns: nil unless `bytes` are one JSON value in UTF-8, at most 32 levels deep.
    public init?(_ bytes: ArraySlice<UInt8>) {
        guard (try? UTF8Span(validating: bytes.span)) != nil else { return nil }  // only whether, not where
        let tree: JSONTree? = bytes.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            // The caller needs to know that it is unreadable; how is in the dead letter's bytes.
            guard let value = try? scanner.value(), scanner.isAtEnd() else { return nil }
            return try? JSONTree(value, of: bytes)
        }
        guard let tree else { return nil }
        self = tree
    }

    private init(_ value: JSONScanner.Value, of bytes: UnsafeRawBufferPointer) throws(JSONScanner.Failure) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .integer(number)
        case .number(let bounds): self = .number(String(decoding: bytes[bounds], as: UTF8.self))
        case .string(let text): self = .string(text)
        case .array(let bounds):
            var scanner = JSONScanner(bytes, in: bounds)
            var elements: [JSONTree] = []
            try scanner.elements { element throws(JSONScanner.Failure) in
                elements.append(try JSONTree(element, of: bytes))
            }
            self = .array(elements)
        case .object(let bounds):
            var scanner = JSONScanner(bytes, in: bounds)
            var members: [String: JSONTree] = [:]
            try scanner.members { name, member throws(JSONScanner.Failure) in
                members[name] = try JSONTree(member, of: bytes)
            }
            self = .object(members)
        }
    }

    /// The member of an object; nil for anything else.
    public subscript(name: String) -> JSONTree? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    public var integer: Int64? {
        guard case .integer(let number) = self else { return nil }
        return number
    }

    public var bool: Bool? {
        guard case .bool(let flag) = self else { return nil }
        return flag
    }

    public var array: [JSONTree]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }
}
