import Foundation
import Yams

/// The directory `topics/`: one file for each topic, and the only source of what a topic looks like.
public struct TopicDirectory: Sendable {
    private let path: String

    /// - Parameter path: the directory, absolute or from the working directory.
    public init(path: String) {
        self.path = path
    }

    /// Reads all declarations, sorted by name.
    /// - Throws: when a file is malformed, a name is declared twice, or there is no file at all.
    public func declarations() throws(TopicsError) -> [TopicDeclaration] {
        // The error of the file system says no more than that the directory is not there.
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        var declarations: [TopicDeclaration] = []
        var names: Set<String> = []
        for file in entries.sorted() where file.hasSuffix(".yaml") {
            let declaration = try read(file)
            for topic in declaration.topics() where !names.insert(topic.name).inserted {
                throw TopicsError.declaredTwice(name: topic.name)
            }
            declarations.append(declaration)
        }
        guard !declarations.isEmpty else { throw TopicsError.noTopics(directory: path) }
        return declarations.sorted { $0.name < $1.name }
    }

    private func read(_ file: String) throws(TopicsError) -> TopicDeclaration {
        let contents = FileManager.default.contents(atPath: path + "/" + file)
        guard let contents, let text = String(validating: contents, as: UTF8.self) else {
            throw TopicsError.unreadable(file: file)
        }
        return try TopicDeclaration(yaml: text, file: file)
    }
}

extension TopicDeclaration {
    /// Reads one declaration.
    /// - Parameters:
    ///   - yaml: the text of the file.
    ///   - file: the file's name, for errors.
    /// - Throws: when a field is missing, unknown or out of its bounds.
    public init(yaml: String, file: String) throws(TopicsError) {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw TopicsError.malformed(file: file, line: nil, reason: "not YAML")
        }
        var fields = try FieldReader(root, file: file, in: "the file")
        name = try fields.topicName("name")
        description = try fields.text("description")
        partitions = try fields.number("partitions", 1...1_000)
        replication = try fields.number("replication", 1...9)
        retentionDays = try fields.number("retention_days", 1...3_650)
        key = try fields.text("key")
        producers = try fields.texts("producers")
        consumers = try fields.texts("consumers")
        deadLetter = try DeadLetter(try fields.node("dead_letter"), file: file)
        try fields.finish()
        guard deadLetter.name == name + ".dlq" else {
            throw TopicsError.malformed(file: file, line: nil, reason: "dead_letter.name must be \(name).dlq")
        }
    }
}

extension TopicDeclaration.DeadLetter {
    fileprivate init(_ node: Node, file: String) throws(TopicsError) {
        var fields = try FieldReader(node, file: file, in: "dead_letter")
        name = try fields.topicName("name")
        partitions = try fields.number("partitions", 1...1_000)
        retentionDays = try fields.number("retention_days", 1...3_650)
        try fields.finish()
    }
}
