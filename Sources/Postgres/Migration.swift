import Crypto
import Foundation

/// One step of the schema: a file `NNNN_name.sql` that never changes once it was applied anywhere.
public struct Migration: Hashable, Sendable {
    public let version: Int32
    public let name: String
    public let sql: String

    public init(version: Int32, name: String, sql: String) {
        self.version = version
        self.name = name
        self.sql = sql
    }

    /// The file's name, as in `0003_ledger.sql`.
    public var file: String {
        let digits = String(version)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits + "_" + name + ".sql"
    }

    var checksum: [UInt8] { Array(SHA256.hash(data: Array(sql.utf8))) }

    /// Reads every `.sql` file of a directory, in the order of their numbers.
    /// - Throws: `.unreadable` for the directory or a file of it, `.badName`, or `.duplicateVersion`.
    public static func load(directory: URL) throws(MigrationError) -> [Migration] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        } catch {
            throw .unreadable(file: directory.path)
        }
        var migrations: [Migration] = []
        for name in names.sorted() where name.hasSuffix(".sql") {
            let migration = try Migration(file: directory.appendingPathComponent(name))
            if let last = migrations.last, last.version == migration.version {
                throw .duplicateVersion(file: migration.file, other: last.file)
            }
            migrations.append(migration)
        }
        return migrations
    }

    private init(file: URL) throws(MigrationError) {
        let base = file.deletingPathExtension().lastPathComponent
        let parts = base.split(separator: "_", maxSplits: 1)
        guard parts.count == 2, parts[0].utf8.count == 4, let version = Int32(parts[0]), version > 0 else {
            throw .badName(file: file.lastPathComponent)
        }
        do {
            self.init(version: version, name: String(parts[1]), sql: try String(contentsOf: file, encoding: .utf8))
        } catch {
            throw .unreadable(file: file.path)
        }
    }
}

/// Why migrations were not applied. Each case names the file.
public enum MigrationError: Error, Hashable, CustomStringConvertible {
    case unreadable(file: String)
    case badName(file: String)
    case duplicateVersion(file: String, other: String)
    /// The database has applied another text under this number.
    case changed(file: String)
    /// The database has applied a migration that this program does not have: it is older than the schema.
    case missing(file: String)
    /// A later one was applied before this one appeared.
    case outOfOrder(file: String, applied: String)
    case failed(file: String, PostgresError)
    /// The table of migrations could not be read.
    case database(PostgresError)

    public var description: String {
        switch self {
        case .unreadable(let file): "\(file) cannot be read"
        case .badName(let file): "\(file) is not named like 0001_name.sql"
        case .duplicateVersion(let file, let other): "\(file) has the number of \(other)"
        case .changed(let file): "\(file) was changed after it was applied; restore it and add a new migration"
        case .missing(let file): "\(file) is applied in the database but unknown here; deploy a newer program"
        case .outOfOrder(let file, let applied): "\(file) comes before \(applied), which is applied; renumber it"
        case .failed(let file, let error): "\(file) failed: \(error)"
        case .database(let error): "the applied migrations cannot be read: \(error)"
        }
    }
}
