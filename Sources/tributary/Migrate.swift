import ArgumentParser
import Postgres
import Storage

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database to this version's schema.",
        discussion: "Safe to run at any time and from several places at once: one of them works, the others wait.")

    @OptionGroup var database: DatabaseOptions
    @Flag(help: "Only say what would be applied.") var dryRun = false
    @Option(
        help:
            "Lets this role, which owns no table, do the work of workers and console but not change the ledger."
    )
    var grantTo: String?

    func run() async throws {
        let migrator = Migrator(directory: try StorageMigrations.all)
        try await database.withPool { pool in
            if dryRun {
                let pending = try await migrator.status(on: pool).pending
                for migration in pending { print("would apply \(migration.file)") }
                if pending.isEmpty { print("nothing to apply") }
                return
            }
            let report = try await migrator.apply(on: pool)
            for file in report.applied { print("applied \(file)") }
            print("schema version \(report.version)")
            guard let grantTo else { return }
            try await pool.transaction { transaction throws(PostgresError) in
                try ApplicationRole.grant(to: grantTo, in: transaction)
            }
            print("\(grantTo) may work on it")
        }
    }
}
