import Yams

/// Takes the fields out of a mapping one by one, and complains about those nobody took.
struct FieldReader {
    private let file: String
    private let place: String
    private let line: Int?
    private var rest: [String: Node] = [:]

    init(_ node: Node?, file: String, in place: String) throws(TopicsError) {
        self.file = file
        self.place = place
        line = node?.mark?.line
        guard let mapping = node?.mapping else {
            throw TopicsError.malformed(file: file, line: line, reason: "\(place) must be a mapping")
        }
        for (key, value) in mapping {
            guard let name = key.string else { continue }
            rest[name] = value
        }
    }

    mutating func node(_ name: String) throws(TopicsError) -> Node {
        guard let node = rest.removeValue(forKey: name) else {
            throw TopicsError.malformed(file: file, line: line, reason: "\(place) lacks \(name)")
        }
        return node
    }

    mutating func text(_ name: String) throws(TopicsError) -> String {
        let node = try node(name)
        guard let text = node.scalar?.string, !text.isEmpty else {
            throw malformed(node, "\(name) must be a text")
        }
        return text
    }

    mutating func texts(_ name: String) throws(TopicsError) -> [String] {
        let node = try node(name)
        let texts = node.sequence?.compactMap(\.scalar?.string) ?? []
        guard !texts.isEmpty, texts.count == node.sequence?.count else {
            throw malformed(node, "\(name) must be a list of texts")
        }
        return texts
    }

    mutating func number(_ name: String, _ bounds: ClosedRange<Int>) throws(TopicsError) -> Int {
        let node = try node(name)
        guard let number = node.int, bounds.contains(number) else {
            throw malformed(node, "\(name) must be a number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }

    /// Kafka's own rule for names, without the underscore: its metrics cannot tell that from a dot.
    mutating func topicName(_ name: String) throws(TopicsError) -> String {
        let text = try text(name)
        let isLegal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
            }
        }
        guard isLegal, text.utf8.count <= 249 else {
            throw TopicsError.malformed(
                file: file, line: line, reason: "\(name) may hold small letters, digits, dots and hyphens")
        }
        return text
    }

    /// A field that nobody took is most likely misspelt.
    func finish() throws(TopicsError) {
        guard let (name, node) = rest.min(by: { $0.key < $1.key }) else { return }
        throw malformed(node, "\(place) has an unknown field \(name)")
    }

    private func malformed(_ node: Node, _ reason: String) -> TopicsError {
        .malformed(file: file, line: node.mark?.line, reason: reason)
    }
}
