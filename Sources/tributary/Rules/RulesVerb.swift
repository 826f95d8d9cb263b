import ArgumentParser
import Domain
import Events
import Foundation
import Postgres
import Storage

struct RulesVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rules", abstract: "Shows and changes what programmes pay.",
        discussion: """
            A programme's rules are a YAML file: export it, change it, look at the plan, apply it. A version of a rule
            never changes: a changed rule becomes a new version, a rule that is missing in the file ends.
            """,
        subcommands: [RulesExport.self, RulesPlan.self, RulesApply.self, RulesSimulate.self])
}

/// The rules of a programme as they are known.
private struct KnownRules {
    let rules: RuleSet
    let rulesVersion: Int32

    /// - Returns: nil if there is no such programme.
    private init?(_ programID: String, in transaction: borrowing Transaction) throws(PostgresError) {
        guard let program = try TrackingLoad.programs([programID], in: transaction)[programID],
            let rules = try RuleStore.ruleSets(of: [programID], in: transaction)[programID]
        else { return nil }
        self.rules = rules
        rulesVersion = program.rulesVersion
    }

    static func load(_ programID: String, _ pool: PostgresPool) async throws -> KnownRules {
        let known = try await pool.transaction { transaction throws(PostgresError) in
            try KnownRules(programID, in: transaction)
        }
        guard let known else { throw ValidationError("there is no programme \(programID)") }
        return known
    }
}

struct RulesExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Prints a programme's rules as a file that changes nothing.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The programme.") var program: String

    func run() async throws {
        try await database.withPool(size: 1) { pool in
            let known = try await KnownRules.load(program, pool)
            let latest = known.rules.latestVersions.filter { !$0.hasEnded(at: systemNow()) }
            print(
                try RuleFile.text(programID: program, rulesVersion: known.rulesVersion, latest), terminator: "")
        }
    }
}

struct RulesPlan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Says what applying a file would change.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The file.") var file: String

    func run() async throws {
        let rules = try RuleFile(path: file)
        try await database.withPool(size: 1) { pool in
            print(try await RulesPlan.plan(rules, pool).text)
        }
    }

    static func plan(_ file: RuleFile, _ pool: PostgresPool) async throws -> RulePlan {
        let known = try await KnownRules.load(file.programID, pool)
        do throws(RulePlan.Refusal) {
            return try RulePlan(
                current: known.rules, rulesVersion: known.rulesVersion, wanted: file.wanted, at: systemNow())
        } catch {
            throw ValidationError(error.sentence)
        }
    }
}

struct RulesApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Makes a file's rules those of its programme.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The file.") var file: String

    func run() async throws {
        let rules = try RuleFile(path: file)
        let actor = "tributary (\(NSUserName()))"
        try await database.withPool(size: 1) { pool in
            let plan = try await RulesPlan.plan(rules, pool)
            print(plan.text)
            guard !plan.isEmpty else { return }
            let version = try await pool.transaction { transaction throws(PostgresError) in
                try RuleStore.apply(plan, to: rules.programID, by: actor, at: systemNow(), in: transaction)
            }
            guard let version else {
                throw ValidationError("somebody else changed the rules meanwhile: look at the plan again")
            }
            print("applied: change \(version) of the rules of \(rules.programID)")
        }
    }
}

extension RulePlan {
    /// A line for each rule.
    var text: String {
        changes.map { change in
            switch change {
            case .add(let version):
                "+ \(version.ruleID): new, from \(version.validFrom.rfc3339): \(version.terms.json)"
            case .change(let version, let last):
                """
                ~ \(version.ruleID): version \(version.version) from \(version.validFrom.rfc3339)
                    was \(last.terms.json) priority \(last.priority)
                    is  \(version.terms.json) priority \(version.priority)
                """
            case .end(let version): "- \(version.ruleID): ends \(version.validFrom.rfc3339)"
            case .keep(let version): "  \(version.ruleID): no change"
            }
        }.joined(separator: "\n")
    }
}

/// The time of the machine.
func systemNow() -> Timestamp {
    Timestamp(microsecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1_000_000))
}
