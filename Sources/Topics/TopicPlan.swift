public import Kafka

/// The difference between the declared topics and those of a broker.
///
/// Nothing is ever deleted or changed: what a broker holds and we cannot keep is reported, and a person decides.
public struct TopicPlan: Sendable, Equatable {
    /// What is to be done about one topic.
    public enum Step: Sendable, Equatable {
        /// The broker lacks the topic.
        case create(NewTopic)
        /// The broker has it with another number of partitions; a change would move keys between partitions.
        case refuse(name: String, declared: Int, found: Int)
        /// The broker has it as declared.
        case keep(name: String, partitions: Int)
        /// The broker has it, and nobody declared it.
        case ignore(name: String)
    }

    /// The steps: declared topics first, by name, then the others.
    public let steps: [Step]

    /// - Parameters:
    ///   - declarations: what there should be.
    ///   - found: what the broker has.
    ///   - replication: overrides the declared number of copies, for clusters with fewer brokers.
    public init(_ declarations: [TopicDeclaration], found: [TopicDescription], replication: Int? = nil) {
        let partitions = Dictionary(found.map { ($0.name, $0.partitions) }, uniquingKeysWith: max)
        let declared = declarations.flatMap { $0.topics(replication: replication) }.sorted { $0.name < $1.name }
        let names = Set(declared.map(\.name))
        let others = partitions.keys.filter { !names.contains($0) && !$0.hasPrefix("__") }.sorted()
        steps =
            declared.map { topic in
                guard let count = partitions[topic.name] else { return .create(topic) }
                return count == topic.partitions
                    ? .keep(name: topic.name, partitions: count)
                    : .refuse(name: topic.name, declared: topic.partitions, found: count)
            } + others.map { .ignore(name: $0) }
    }

    /// The topics to create.
    public var creations: [NewTopic] {
        steps.compactMap { step in
            guard case .create(let topic) = step else { return nil }
            return topic
        }
    }

    /// Some topic is not as declared, and cannot be made so.
    public var hasRefusals: Bool {
        steps.contains { step in
            guard case .refuse = step else { return false }
            return true
        }
    }

    /// The plan as text: one line for each topic, and a line that counts them.
    public func rendered() -> String {
        let width = steps.map(\.name.count).max() ?? 0
        let lines = steps.map { step in
            let padding = String(repeating: " ", count: width - step.name.count + 2)
            return "  \(step.mark) \(step.name)\(padding)\(step.text)"
        }
        let counts = Dictionary(grouping: steps, by: \.mark).mapValues(\.count)
        let sum =
            "Plan: \(counts["+"] ?? 0) to create, \(counts["!"] ?? 0) refused, "
            + "\(counts["="] ?? 0) unchanged, \(counts["?"] ?? 0) not ours."
        return (lines + ["", sum]).joined(separator: "\n")
    }

    /// Creates what is missing, and nothing else.
    /// - Parameter admin: the client to create with.
    /// - Returns: what became of each topic to create, by name.
    /// - Throws: when no broker answers.
    public func apply(with admin: KafkaAdmin) async throws(KafkaError) -> [String: TopicCreation] {
        try await admin.createTopics(creations)
    }
}

extension TopicPlan.Step {
    fileprivate var name: String {
        switch self {
        case .create(let topic): topic.name
        case .refuse(let name, _, _), .keep(let name, _), .ignore(let name): name
        }
    }

    fileprivate var mark: String {
        switch self {
        case .create: "+"
        case .refuse: "!"
        case .keep: "="
        case .ignore: "?"
        }
    }

    fileprivate var text: String {
        switch self {
        case .create(let topic): "\(count(topic.partitions)), replication \(topic.replication)"
        case .refuse(_, let declared, let found):
            "\(count(declared)) declared, \(found) found: keys would move, change it by hand"
        case .keep(_, let partitions): "\(count(partitions)), unchanged"
        case .ignore: "not declared, left alone"
        }
    }

    private func count(_ partitions: Int) -> String {
        partitions == 1 ? "1 partition" : "\(partitions) partitions"
    }
}
