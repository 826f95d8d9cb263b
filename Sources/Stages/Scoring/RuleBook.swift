import Domain
import Postgres
import Storage
import Synchronization

/// The rules of programmes, read once for each of their versions.
final class RuleBook: Sendable {
    private let known = Mutex<[String: (rulesVersion: Int32, rules: RuleSet)]>([:])

    /// The rules of `programs`, at the versions at which these were read in the same transaction.
    func rules(
        of programs: some Collection<Program>, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: RuleSet] {
        var found: [String: RuleSet] = [:]
        let held = known.withLock { $0 }
        for program in programs {
            // A programme's registration may have been rolled back and made anew in another currency.
            guard let entry = held[program.programID], entry.rulesVersion == program.rulesVersion,
                entry.rules.programCurrency == program.currency
            else { continue }
            found[program.programID] = entry.rules
        }
        let missing = programs.filter { found[$0.programID] == nil }.sorted { $0.programID < $1.programID }
        guard !missing.isEmpty else { return found }
        // Rules may have changed since the programmes were read.
        let read = try RuleStore.ruleSets(
            of: missing.map(\.programID), knownUpTo: missing.map(\.rulesVersion), in: transaction)
        for program in missing {
            guard let rules = read[program.programID] else { continue }
            found[program.programID] = rules
            known.withLock { $0[program.programID] = (program.rulesVersion, rules) }
        }
        return found
    }
}
