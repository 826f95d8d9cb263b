import Foundation
public import Postgres

/// The migrations of the schema, which travel with the program.
public enum StorageMigrations {
    /// All of them, in order.
    /// - Throws: `.unreadable` if the program was installed without its resources.
    public static var all: [Migration] {
        get throws(MigrationError) {
            try Migration.load(directory: Bundle.module.bundleURL.appendingPathComponent("Migrations"))
        }
    }
}
