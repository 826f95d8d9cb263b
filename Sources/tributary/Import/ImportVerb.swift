import ArgumentParser
import Domain
import Events
import Foundation
import Postgres
import Storage

struct ImportVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Checks a file of events, and takes it in with --confirm.",
        discussion: """
            The file is CSV in UTF-8 (commas, semicolons or tabs) with the columns' names in its first line: the fields
            of an event, or amount in the currency's own unit. Without --confirm nothing is taken in. The same file
            again is a no-op, and its rows in another file are duplicates. With --confirm the new rows go to the outbox,
            exactly once; a running console sends them to conversions.raw.

            Exit: 0 no row is bad, 1 some are, 2 the file as a whole is refused.
            """)

    private static let fileRefused = ExitCode(2)
    private static let findingsShown = 20

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The file.") var file: String
    @Option(help: "What a column means: --map 'Order No=order_id'. As often as needed.") var map: [String] = []
    @Flag(help: "Take the new rows in.") var confirm = false
    @Option(help: "Where to write the bad rows with line, column, code, reason and value.") var errors: String?

    func run() async throws {
        let (file, mapping) = try read()
        let name = URL(fileURLWithPath: self.file).lastPathComponent
        let actor = "tributary (\(NSUserName()))"
        let hasBadRows = try await database.withPool(size: 1) { pool in
            let now = systemNow()
            let receipt = try await pool.transaction { transaction throws(PostgresError) in
                try ImportStore.check(file, name: name, mapping: mapping, by: actor, at: now, in: transaction)
            }
            let record: ImportRecord
            switch receipt {
            case .checked(let checked): record = checked
            case .known(let known):
                record = known
                print("This file was handed in before (\(known.state.rawValue)); nothing was done.")
            case .tooManyOpen:
                throw ValidationError(
                    "\(ImportStore.openMaximum) imports wait for a decision: confirm or discard some of them first")
            }
            try await show(record, pool)
            if let errors { try await write(record, to: errors, pool) }
            if confirm { try await take(record, by: actor, pool) }
            return record.badRows > 0
        }
        if hasBadRows { throw ExitCode.failure }
    }

    private func read() throws -> (ImportFile, mapping: [String: String]) {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw ValidationError("\(file) cannot be read")
        }
        do throws(ImportFile.Refusal) {
            let mapping = try ImportFile.mapping(map)
            return (try ImportFile(Array(data), mapping: mapping), mapping)
        } catch {
            complain("\(file) is refused (\(error.code)): \(error.sentence)")
            throw ImportVerb.fileRefused
        }
    }

    private func show(_ record: ImportRecord, _ pool: PostgresPool) async throws {
        print("Import \(record.importID): \(record.rows) rows, separated by \(record.delimiter.name)s")
        print("  \(record.newRows) new, \(record.duplicateRows) duplicate, \(record.badRows) bad")
        let (reasons, bad, duplicates) = try await pool.transaction { transaction throws(PostgresError) in
            let limit = ImportVerb.findingsShown
            return (
                try ImportFindings.reasons(of: record.importID, in: transaction),
                try ImportFindings.load(.bad, of: record.importID, limit: limit, in: transaction),
                try ImportFindings.load(.duplicate, of: record.importID, limit: limit, in: transaction)
            )
        }
        if !reasons.isEmpty {
            let rows = reasons.map { reason in
                [reason.outcome.rawValue, String(reason.rows), String(reason.code.rawValue), reason.code.sentence]
            }
            print("\n" + Table(columns: ["outcome", "rows", "code", "reason"], rows: rows).text)
        }
        show(bad, "The first bad rows")
        show(duplicates, "The first duplicates")
    }

    private func show(_ findings: [ImportFinding], _ title: String) {
        guard !findings.isEmpty else { return }
        let rows = findings.map { finding in
            [
                String(finding.line), finding.title, String(finding.code.rawValue), finding.measured.printable,
                finding.sentence,
            ]
        }
        print("\n\(title)\n" + Table(columns: ["line", "column", "code", "value", "reason"], rows: rows).text)
    }

    private func write(_ record: ImportRecord, to path: String, _ pool: PostgresPool) async throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw ValidationError("\(path) cannot be written") }
        var file = ImportErrorFile(record)
        var line: Int32? = 0
        while let after = line {
            let findings = try await pool.transaction { transaction throws(PostgresError) in
                try ImportFindings.load(
                    .bad, of: record.importID, after: after, limit: ImportFindings.chunkRows, in: transaction)
            }
            file.add(findings)
            try handle.write(contentsOf: Data(file.take()))
            line = findings.last?.line
        }
        try handle.close()
        print("\nThe bad rows are in \(path).")
    }

    // MARK: Confirming

    private func take(_ record: ImportRecord, by actor: String, _ pool: PostgresPool) async throws {
        let now = systemNow()
        let decision = try await pool.transaction { transaction throws(PostgresError) in
            try ImportStore.confirm(record.importID, by: actor, at: now, in: transaction)
        }
        switch decision {
        case .decided: break
        case .repeated(let known) where known.state == .done:
            print("\nIt was confirmed before; nothing was done.")
            return
        case .repeated: print("\nIt was confirmed before; what is left of it goes on.")
        case .refused(let known):
            throw ValidationError("the import is \(known.state.rawValue) and cannot be confirmed")
        case .unknown: throw ValidationError("there is no import \(record.importID)")
        }
        // Ends: each chunk that is moved leaves fewer rows. A console may move some of them meanwhile.
        while try await moveChunk(of: record.importID, pool) {}
        print(
            """

            Confirmed: \(record.newRows) new rows are in the outbox. A running console sends them to conversions.raw; \
            if none runs, the next one does. What intake makes of each is recorded under its event id.
            """)
    }

    private func moveChunk(of importID: Identifier, _ pool: PostgresPool) async throws -> Bool {
        let now = systemNow()
        return try await pool.transaction { transaction throws(PostgresError) in
            try ImportPublishing.moveChunk(of: importID, at: now, in: transaction)
        }
    }
}

extension String {
    /// On one line of a terminal, and without its commands.
    fileprivate var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
