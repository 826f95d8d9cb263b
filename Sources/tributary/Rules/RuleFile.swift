import ArgumentParser
import Domain
import Events
import Foundation
import Yams

/// The rules of a programme as a YAML file.
struct RuleFile {
    let programID: String
    let wanted: [WantedRule]

    /// - Throws: `ValidationError` with the place and the problem.
    init(path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ValidationError("\(path) cannot be read")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: String(decoding: data, as: UTF8.self))
        } catch {
            throw ValidationError("\(path) is no YAML: \(error)")
        }
        let tree = node.map(JSONTree.init(yaml:)) ?? .null
        guard let programID = tree["program"]?.string, let rules = tree["rules"] else {
            throw ValidationError("\(path): needs `program` and `rules`")
        }
        do throws(RuleDefinitionError) {
            wanted = try RuleDocument.wanted(rules)
        } catch {
            throw ValidationError("\(path): \(error)")
        }
        self.programID = programID
    }

    /// A file that, planned, changes nothing.
    static func text(programID: String, rulesVersion: Int32, _ versions: [RuleVersion]) throws -> String {
        let tree = JSONTree(Array(RuleDocument.json(versions).utf8)[...]) ?? .array([])
        let document = Node.mapping([
            "program": Node(programID), "rules": tree.yaml,
        ])
        return "# Rules of \(programID), change \(rulesVersion) of its rules. Versions are said, not set.\n"
            + (try Yams.serialize(node: document, sortKeys: false))
    }
}

extension JSONTree {
    /// YAML's values as JSON has them; dates stay texts.
    init(yaml node: Node) {
        switch node {
        case .mapping(let mapping):
            self = .object(
                Dictionary(
                    mapping.map { ($0.key.string ?? "", JSONTree(yaml: $0.value)) }, uniquingKeysWith: { $1 }))
        case .sequence(let sequence): self = .array(sequence.map { JSONTree(yaml: $0) })
        case .scalar(let scalar):
            let isPlain = scalar.style == .any || scalar.style == .plain
            if isPlain, let number = Int64(scalar.string) {
                self = .integer(number)
            } else if isPlain, ["true", "false"].contains(scalar.string) {
                self = .bool(scalar.string == "true")
            } else if isPlain, ["null", "~", ""].contains(scalar.string) {
                self = .null
            } else {
                self = .string(scalar.string)
            }
        case .alias: self = .null
        }
    }

    /// The other way round; members as people would write them.
    var yaml: Node {
        switch self {
        case .null: Node("null")
        case .bool(let flag): Node(flag ? "true" : "false")
        case .integer(let number): Node(String(number))
        case .number(let text): Node(text)
        case .string(let text): Node(text, Tag(.str), JSONTree.needsQuotes(text) ? .doubleQuoted : .any)
        case .array(let elements): Node(elements.map(\.yaml))
        case .object(let members):
            Node(
                members.sorted { JSONTree.place($0.key) < JSONTree.place($1.key) }.map { (Node($0.key), $0.value.yaml) }
            )
        }
    }

    private static func needsQuotes(_ text: String) -> Bool {
        Int64(text) != nil || Double(text) != nil || ["true", "false", "null", "~", ""].contains(text)
    }

    private static func place(_ name: String) -> (Int, String) {
        let order = [
            "id", "version", "priority", "valid_from", "valid_until", "conditions", "action", "currency", "caps",
            "scope", "period", "limit_minor", "from_minor",
        ]
        return (order.firstIndex(of: name) ?? order.count, name)
    }
}
