public import Domain
import Events
public import Postgres

/// The rows of imports that become no event, and why.
public enum ImportFindings {
    /// How many rows of one import have a code.
    public struct Reason: Sendable {
        public let outcome: ImportFinding.Outcome
        public let code: ReasonCode
        public let rows: Int64
    }

    /// Rows per query of a whole file's.
    public static let chunkRows = 1_000

    static func write(
        _ findings: [ImportFinding], of importID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !findings.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY import_finding (import_id, line, outcome, code, title, measured, duplicate_of, duplicate_line,
                cells) FROM STDIN (FORMAT binary)
                """
        ) { writer in
            for finding in findings {
                writer.beginRow(columns: 9)
                writer.uuid(importID.value)
                writer.int4(finding.line)
                writer.text(finding.outcome.rawValue)
                writer.int4(finding.code.rawValue)
                writer.text(finding.title)
                writer.text(finding.measured)
                writer.textOrNull(finding.original?.id.storable)
                writer.int4OrNull(finding.original?.line)
                writer.value(.texts(finding.cells))
            }
        }
    }

    /// - Parameter line: the last one that is known already; 0 for the first page.
    /// - Returns: in the order of the file.
    public static func load(
        _ outcome: ImportFinding.Outcome, of importID: Identifier, after line: Int32 = 0, limit: Int,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ImportFinding] {
        try transaction.query(
            """
            SELECT line, code, title, measured, duplicate_of, duplicate_line, cells FROM import_finding
            WHERE import_id = $1 AND line > $2 AND outcome = $3 ORDER BY line LIMIT $4
            """, .uuid(importID.value), .int4(line), .text(outcome.rawValue), .int8(Int64(limit))
        ) { row throws(PostgresError) in
            let duplicateLine = try row.int4OrNull(5)
            return ImportFinding(
                line: Int(try row.int4(0)), outcome: outcome, code: try row.reasonCode(1), title: try row.text(2),
                measured: try row.text(3),
                original: try row.textOrNull(4).map { ImportFinding.Original(id: $0, line: duplicateLine) },
                cells: try row.texts(6))
        }
    }

    /// - Returns: by outcome and code.
    public static func reasons(
        of importID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Reason] {
        try transaction.query(
            """
            SELECT outcome, code, count(*) FROM import_finding WHERE import_id = $1 GROUP BY outcome, code
            ORDER BY outcome, code
            """, .uuid(importID.value)
        ) { row throws(PostgresError) in
            Reason(
                outcome: ImportFinding.Outcome(rawValue: try row.text(0)) ?? .bad, code: try row.reasonCode(1),
                rows: try row.int8(2))
        }
    }
}

extension Row {
    fileprivate func reasonCode(_ column: Int) throws(PostgresError) -> ReasonCode {
        guard let code = ReasonCode(rawValue: try int4(column)) else {
            throw PostgresError(code: .decoding, message: "a stored reason code is unknown")
        }
        return code
    }
}

/// An import's findings as a file that a person can mend: what is wrong first, then the cells as they came.
public struct ImportErrorFile: Sendable {
    private static let columns = ["line", "column", "code", "reason", "value"]

    private var writer: CSVWriter

    public init(_ record: ImportRecord) {
        writer = CSVWriter(delimiter: record.delimiter)
        writer.record(ImportErrorFile.columns + record.titles)
    }

    public mutating func add(_ findings: [ImportFinding]) {
        for finding in findings {
            writer.record(
                [
                    String(finding.line), finding.title, String(finding.code.rawValue), finding.sentence,
                    finding.measured,
                ] + finding.cells)
        }
    }

    /// What was added since the last call.
    public mutating func take() -> [UInt8] { writer.take() }
}

extension ImportFinding {
    /// The code's sentence, and for a repetition within the file where it was first.
    public var sentence: String {
        guard let line = original?.line else { return code.sentence }
        return "The same as line \(line) of this file. " + code.sentence
    }
}
