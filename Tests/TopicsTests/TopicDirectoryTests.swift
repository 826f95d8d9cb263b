import Events
import Foundation
import Testing
import Topics
import Yams

/// The repository's own `topics/`.
let topicsPath = URL(filePath: #filePath).appending(path: "../../../topics").standardized.path

@Suite("Topic directory")
struct TopicDirectoryTests {
    @Test("The files declare the topics that the code names, each with its dead letters")
    func names() throws {
        let declarations = try TopicDirectory(path: topicsPath).declarations()
        let named = [
            TopicName.affiliatesScored, TopicName.conversionsRaw, TopicName.fraudFlags, TopicName.payoutsRequested,
            TopicName.payoutsSettled,
        ]
        #expect(declarations.map(\.name) == named)
        #expect(declarations.map(\.deadLetter.name) == named.map(TopicName.deadLetters))
        #expect(declarations.map(\.partitions) == [6, 12, 6, 3, 3])
    }

    @Test("Every file is named after its topic and satisfies the schema")
    func schema() throws {
        let contents = try Data(contentsOf: URL(filePath: topicsPath + "/schema.json"))
        let schema = try #require(JSONSerialization.jsonObject(with: contents) as? [String: Any])
        let files = try FileManager.default.contentsOfDirectory(atPath: topicsPath).filter { $0.hasSuffix(".yaml") }
        #expect(files.count == 5)
        for file in files {
            let text = try String(contentsOfFile: topicsPath + "/" + file, encoding: .utf8)
            let value = try #require(try Yams.load(yaml: text))
            #expect(SchemaCheck.faults(of: value, by: schema, at: file) == [])
            #expect((value as? [String: Any])?["name"] as? String == String(file.dropLast(5)))
        }
    }

    @Test("The schema refuses what the reader refuses", arguments: malformed)
    func schemaAgrees(fault: Fault) throws {
        let contents = try Data(contentsOf: URL(filePath: topicsPath + "/schema.json"))
        let schema = try #require(JSONSerialization.jsonObject(with: contents) as? [String: Any])
        let value = try #require(try Yams.load(yaml: fault.yaml))
        #expect(!SchemaCheck.faults(of: value, by: schema, at: "file").isEmpty)
    }

    @Test("A malformed file is refused with its line and reason", arguments: malformed)
    func refused(fault: Fault) {
        let error = #expect(throws: TopicsError.self) { try TopicDeclaration(yaml: fault.yaml, file: "a.yaml") }
        #expect(error?.description.hasSuffix(fault.reason) == true, "\(error?.description ?? "")")
    }

    @Test("A file that is not YAML, a missing directory and a second declaration are refused")
    func unusable() throws {
        #expect(throws: TopicsError.malformed(file: "a.yaml", line: nil, reason: "not YAML")) {
            try TopicDeclaration(yaml: "a: [", file: "a.yaml")
        }
        #expect(throws: TopicsError.noTopics(directory: "/nowhere")) {
            try TopicDirectory(path: "/nowhere").declarations()
        }
        let directory = FileManager.default.temporaryDirectory.appending(path: "topics-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for file in ["a.yaml", "b.yaml"] {
            try wellFormed.write(to: directory.appending(path: file), atomically: true, encoding: .utf8)
        }
        #expect(throws: TopicsError.declaredTwice(name: "a.b")) {
            try TopicDirectory(path: directory.path).declarations()
        }
    }

    @Test("A topic's settings follow from its declaration, and copies can be overridden")
    func settings() throws {
        let declaration = try TopicDeclaration(yaml: wellFormed, file: "a.yaml")
        let topics = declaration.topics()
        #expect(topics.map(\.name) == ["a.b", "a.b.dlq"])
        #expect(topics.map(\.replication) == [3, 3])
        #expect(topics[0].configuration["retention.ms"] == "604800000")
        #expect(topics[0].configuration["min.insync.replicas"] == "2")
        #expect(declaration.topics(replication: 1).map { $0.configuration["min.insync.replicas"] } == ["1", "1"])
    }
}

/// A change to a well-formed file, and the end of the sentence that refuses it.
struct Fault: Sendable, CustomTestStringConvertible {
    let from: String
    let to: String
    let reason: String

    var yaml: String { wellFormed.replacingOccurrences(of: from, with: to) }
    var testDescription: String { reason }
}

let wellFormed = """
    name: a.b
    description: Something.
    partitions: 4
    replication: 3
    retention_days: 7
    key: id
    producers: [one]
    consumers: [two, three]
    dead_letter:
      name: a.b.dlq
      partitions: 1
      retention_days: 9
    """

let malformed = [
    Fault(from: "partitions: 4", to: "", reason: "the file lacks partitions"),
    Fault(from: "partitions: 4", to: "partitions: 0", reason: "a.yaml:3: partitions must be a number from 1 to 1000"),
    Fault(from: "partitions: 4", to: "partitions: four", reason: "partitions must be a number from 1 to 1000"),
    Fault(from: "retention_days: 7", to: "retention_days: 7\nretention: 7", reason: "has an unknown field retention"),
    Fault(from: "key: id", to: "key: []", reason: "a.yaml:6: key must be a text"),
    Fault(from: "producers: [one]", to: "producers: one", reason: "producers must be a list of texts"),
    Fault(from: "producers: [one]", to: "producers: []", reason: "producers must be a list of texts"),
    Fault(from: "name: a.b\n", to: "name: A_B\n", reason: "name may hold small letters, digits, dots and hyphens"),
    Fault(from: "name: a.b.dlq", to: "name: dead", reason: "dead_letter.name must be a.b.dlq"),
    Fault(from: "dead_letter:", to: "dead_letter: none\nother:", reason: "dead_letter must be a mapping"),
]
