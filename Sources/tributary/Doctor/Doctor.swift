import ArgumentParser
import Kafka
import Postgres
import Storage
import Topics

struct Doctor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Looks for what would make the fleet unsafe or idle, and says what to do.",
        discussion: "One line per finding. Exit code 1 if one of them must be mended.")

    @OptionGroup var database: DatabaseOptions
    @OptionGroup var broker: BrokerOptions
    @OptionGroup var directory: TopicOptions

    func run() async throws {
        let settings = broker.settings
        let topics = try directory.load()
        let findings = try await database.withPool { pool in
            var findings = try await DatabaseExamination.run(pool: pool)
            if let settings {
                findings += await BrokerExamination.run(settings, topics: topics, pool: pool)
            } else {
                findings.append(.warning("no broker was given", fix: "set KAFKA_BOOTSTRAP_SERVERS to examine it too"))
            }
            return findings
        }
        for finding in findings { print(finding.line) }
        guard findings.allSatisfy({ !$0.isFault }) else { throw ExitCode(1) }
    }
}

/// One thing that the doctor saw.
enum HealthFinding: Sendable {
    case fine(String)
    case warning(String, fix: String)
    case fault(String, fix: String)

    var isFault: Bool {
        guard case .fault = self else { return false }
        return true
    }

    var line: String {
        switch self {
        case .fine(let sentence): "ok       \(sentence)"
        case .warning(let sentence, let fix): "warning  \(sentence): \(fix)"
        case .fault(let sentence, let fix): "fault    \(sentence): \(fix)"
        }
    }
}
