import ArgumentParser
import Foundation
import Kafka
import Postgres
import Topics

/// Where the declarations of the topics are: the flag, else the environment, else `topics` in the working directory.
struct TopicOptions: ParsableArguments {
    @Option(help: "The directory of the topics' declarations. [TRIBUTARY_TOPICS, or ./topics]")
    var topics: String?

    var path: String { topics ?? ProcessInfo.processInfo.environment["TRIBUTARY_TOPICS"] ?? "topics" }

    func load() throws -> [TopicDeclaration] { try TopicDirectory(path: path).declarations() }

    /// The groups that read each topic.
    func readers() throws -> [String: [String]] {
        Dictionary(try load().map { ($0.name, $0.consumers) }) { $0 + $1 }
    }
}

struct TopicsVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics", abstract: "Compares the declared topics with a broker's, and creates what is missing.",
        subcommands: [Plan.self, Apply.self])

    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the difference. Exit code 1 if a topic is not as declared and cannot be made so.")

        @OptionGroup var broker: BrokerOptions
        @OptionGroup var directory: TopicOptions
        @Option(help: "Copies of each partition, for clusters with fewer brokers than declared.")
        var replication: Int?

        func run() async throws {
            let admin = try KafkaAdmin(try broker.required(), clientID: "tributary-topics", logger: .standardError)
            let plan = TopicPlan(
                try directory.load(), found: try await admin.metadata(), replication: replication)
            await admin.close()
            print(plan.rendered())
            if plan.hasRefusals { throw ExitCode(1) }
        }
    }

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Creates the topics that are missing, and records how many partitions each has.",
            discussion: "Nothing is ever deleted or changed. With a database given, its registry learns the counts.")

        @OptionGroup var broker: BrokerOptions
        @OptionGroup var database: DatabaseOptions
        @OptionGroup var directory: TopicOptions
        @Option(help: "Copies of each partition, for clusters with fewer brokers than declared.")
        var replication: Int?

        func run() async throws {
            let declarations = try directory.load()
            let admin = try KafkaAdmin(try broker.required(), clientID: "tributary-topics", logger: .standardError)
            let plan = TopicPlan(declarations, found: try await admin.metadata(), replication: replication)
            print(plan.rendered())
            guard !plan.hasRefusals else { throw ExitCode(1) }
            for (name, creation) in try await plan.apply(with: admin).sorted(by: { $0.key < $1.key }) {
                if case .failed(let error) = creation {
                    complain("\(name) was not created: \(error.name)")
                    throw ExitCode(1)
                }
                print("created \(name)")
            }
            await admin.close()
            if database.isGiven {
                try await database.withPool { try await TopicRegistry.record(declarations, pool: $0) }
            }
        }
    }
}

/// How many partitions each topic had when its keys were laid out.
enum TopicRegistry {
    /// Adds topics that are new. A count that was recorded before stays: it says where the keys are.
    static func record(_ declarations: [TopicDeclaration], pool: PostgresPool) async throws(PostgresError) {
        let topics = declarations.flatMap { $0.topics() }
        try await pool.transaction { (transaction) throws(PostgresError) in
            _ = try transaction.run(
                """
                INSERT INTO topic_registry (topic, partitions) SELECT * FROM unnest($1::text[], $2::int4[])
                ON CONFLICT (topic) DO NOTHING
                """, .texts(topics.map(\.name)), .int4s(topics.map { Int32(clamping: $0.partitions) }))
        }
    }
}
