import Kafka
import Postgres
import Topics

/// What the doctor asks the broker, and compares with the declarations and the database's registry.
enum BrokerExamination {
    static func run(
        _ settings: KafkaSettings, topics: [TopicDeclaration], pool: PostgresPool
    ) async -> [HealthFinding] {
        let found: [TopicDescription]
        do {
            let admin = try KafkaAdmin(settings, clientID: "tributary-doctor", logger: .standardError)
            found = try await admin.metadata()
            await admin.close()
        } catch {
            return [.fault("the broker does not answer, \(error.name)", fix: "check KAFKA_BOOTSTRAP_SERVERS")]
        }
        let registered: [String: Int]
        do {
            registered = try await registry(pool)
        } catch {
            return [.fault("the topic registry cannot be read, \(error)", fix: "run tributary migrate")]
        }
        return topics.flatMap { $0.topics() }.map { topic in
            examine(topic, found: found.first { $0.name == topic.name }, registered: registered[topic.name])
        }
    }

    private static func registry(_ pool: PostgresPool) async throws(PostgresError) -> [String: Int] {
        let rows = try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query("SELECT topic, partitions FROM topic_registry") { row in
                (try row.text(0), Int(try row.int4(1)))
            }
        }
        return Dictionary(rows) { $1 }
    }

    private static func examine(_ topic: NewTopic, found: TopicDescription?, registered: Int?) -> HealthFinding {
        guard let found else {
            return .fault("the broker has no topic \(topic.name)", fix: "run tributary topics apply")
        }
        guard found.partitions == topic.partitions else {
            return .fault(
                "\(topic.name) has \(found.partitions) partitions and declares \(topic.partitions)",
                fix: "a change moves keys; drain the fleet, then change both")
        }
        if let registered, registered != topic.partitions {
            return .fault(
                "\(topic.name) was laid out for \(registered) partitions and has \(topic.partitions)",
                fix: "restore the count, or start new groups after draining the old ones")
        }
        return .fine("\(topic.name) has its \(topic.partitions) partitions")
    }
}
