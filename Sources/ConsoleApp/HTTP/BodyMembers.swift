import Domain
import Events
import Hummingbird

/// The members of a JSON body, checked one by one. One that nobody knows is refused: a misspelt name would be a change
/// that did not happen.
struct BodyMembers: Sendable {
    private let members: [String: JSONTree]

    init(_ body: [UInt8], known: [String]) throws(Problem) {
        guard case .object(let members) = JSONTree(body[...]) else {
            throw Problem(.badRequest, "body_not_object", "The body is one JSON object.")
        }
        if let unknown = members.keys.filter({ !known.contains($0) }).min() {
            throw Problem(
                .badRequest, "field_unknown", "The body has none but these fields: \(known.joined(separator: ", ")).",
                value: unknown)
        }
        self.members = members
    }

    func has(_ name: String) -> Bool { members[name] != nil }

    /// - Returns: nil for a member that is absent.
    func text(_ name: String, upTo characters: Int) throws(Problem) -> String? {
        guard let member = members[name] else { return nil }
        guard let text = member.string, BodyMembers.isPlain(text, upTo: characters) else {
            throw .invalid(name, "\(name) is a text of 1 to \(characters) characters.", value: shown(member))
        }
        return text
    }

    /// - Returns: nil for a member that is absent, a nil inside for one that is null.
    func optionalText(_ name: String, upTo characters: Int) throws(Problem) -> String?? {
        if members[name] == .null { return .some(nil) }
        return try text(name, upTo: characters).map { .some($0) }
    }

    func required(_ name: String, upTo characters: Int) throws(Problem) -> String {
        guard let text = try text(name, upTo: characters) else {
            throw Problem(.badRequest, "\(name)_required", "The body needs the field \(name).")
        }
        return text
    }

    func integer(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int64? {
        guard let member = members[name] else { return nil }
        guard let number = member.integer, range.contains(number) else {
            throw .invalid(
                name, "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound).",
                value: shown(member))
        }
        return number
    }

    /// - Returns: nil for a member that is absent, a nil inside for one that is null.
    func optionalInteger(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int64?? {
        if members[name] == .null { return .some(nil) }
        return try integer(name, in: range).map { .some($0) }
    }

    func flag(_ name: String) throws(Problem) -> Bool? {
        guard let member = members[name] else { return nil }
        guard let flag = member.bool else {
            throw .invalid(name, "\(name) is true or false.", value: shown(member))
        }
        return flag
    }

    func choice(_ name: String, of words: [String]) throws(Problem) -> String? {
        guard let member = members[name] else { return nil }
        guard let word = member.string, words.contains(word) else {
            throw .invalid(name, "\(name) is one of \(words.joined(separator: ", ")).", value: shown(member))
        }
        return word
    }

    /// - Parameter rule: what the list is, as a sentence.
    func texts(
        _ name: String, upTo count: Int, _ rule: String, where isAllowed: (String) -> Bool
    ) throws(Problem) -> [String]? {
        guard let member = members[name] else { return nil }
        let texts = member.array?.compactMap(\.string).filter(isAllowed) ?? []
        guard let list = member.array, texts.count == list.count, list.count <= count else {
            throw .invalid(name, rule, value: shown(member))
        }
        return texts
    }

    /// - Returns: nil for a member that is absent or null.
    func moment(_ name: String) throws(Problem) -> Timestamp? {
        guard let member = members[name], member != .null else { return nil }
        guard let moment = member.string.flatMap({ Timestamp(rfc3339: $0) }) else {
            throw .invalid(name, "\(name) is an RFC 3339 date and time.", value: shown(member))
        }
        return moment
    }

    /// Text that stands well in a page, a file and an address: no control characters, no spaces at its ends.
    private static func isPlain(_ text: String, upTo characters: Int) -> Bool {
        let scalars = text.unicodeScalars
        return (1...characters).contains(scalars.count) && scalars.first != " " && scalars.last != " "
            && !scalars.contains { $0.properties.generalCategory == .control }
    }

    private func shown(_ member: JSONTree) -> String {
        var writer = JSONWriter()
        writer.tree(member)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension JSONWriter {
    /// Writes a tree; an object's members by name.
    mutating func tree(_ tree: JSONTree) {
        switch tree {
        case .null: null()
        case .bool(let flag): json(Array((flag ? "true" : "false").utf8))
        case .integer(let number): integer(number)
        case .number(let text): json(Array(text.utf8))
        case .string(let text): string(text)
        case .array(let elements): array(elements) { $0.tree($1) }
        case .object(let members):
            object { writer in
                for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                    writer.name(text: name)
                    writer.tree(member)
                }
            }
        }
    }
}
