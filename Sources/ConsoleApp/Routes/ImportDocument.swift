import Domain
import Events
import Postgres
import Storage

/// An import in a list.
struct ImportRow: Encodable, Sendable {
    let importId: String
    let fileName: String
    let state: String
    let sizeBytes: Int64
    let delimiter: String
    let rows: Int32
    let newRows: Int32
    let duplicateRows: Int32
    let badRows: Int32
    /// Of the new ones, those that are on their way to the topic.
    let publishedRows: Int32
    /// Whether all of them have reached it.
    let isSent: Bool
    let createdBy: String
    let createdAt: String
    /// Only while it waits for a decision.
    let expiresAt: String?
    let confirmedBy: String?
    let confirmedAt: String?
    let endedAt: String?

    let cursor: Cursor

    private enum CodingKeys: CodingKey {
        case importId, fileName, state, sizeBytes, delimiter, rows, newRows, duplicateRows, badRows, publishedRows,
            isSent, createdBy, createdAt, expiresAt, confirmedBy, confirmedAt, endedAt
    }

    init(_ record: ImportRecord) {
        importId = record.importID.description
        fileName = record.fileName
        state = record.state.rawValue
        sizeBytes = record.sizeBytes
        delimiter = record.delimiter.name
        rows = record.rows
        newRows = record.newRows
        duplicateRows = record.duplicateRows
        badRows = record.badRows
        publishedRows = record.publishedRows
        isSent = record.isSent
        createdBy = record.createdBy
        createdAt = record.createdAt.rfc3339
        expiresAt = record.state == .checked ? record.expiresAt.rfc3339 : nil
        confirmedBy = record.confirmedBy
        confirmedAt = record.confirmedAt?.rfc3339
        endedAt = record.endedAt?.rfc3339
        cursor = Cursor(String(record.createdAt.microsecondsSinceEpoch), record.importID.description)
    }
}

/// An import with what its check found.
struct ImportDocument: Encodable, Sendable {
    /// What the document is the answer to.
    enum Occasion: Sendable {
        case checked, handedInBefore, confirmed, decidedBefore, asked
    }

    struct Reason: Encodable, Sendable {
        let outcome: String
        let code: Int32
        let sentence: String
        let rows: Int64
    }

    struct Finding: Encodable, Sendable {
        let line: Int32
        /// The column's name in the file; left out for a whole row.
        let column: String?
        let code: Int32
        let sentence: String
        let value: String
        /// What a duplicate repeats.
        let duplicateOf: String?
        /// Where that is in the same file.
        let duplicateLine: Int32?
    }

    /// Rows of each outcome that a document has; the file of errors has them all.
    static let findingsMaximum = 20

    let `import`: ImportRow
    /// What was done, or what comes next.
    let message: String
    let reasons: [Reason]
    let firstBad: [Finding]
    let firstDuplicates: [Finding]

    init(
        _ record: ImportRecord, _ occasion: Occasion, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        `import` = ImportRow(record)
        message = ImportDocument.message(record, occasion)
        reasons = try ImportFindings.reasons(of: record.importID, in: transaction).map { reason in
            Reason(
                outcome: reason.outcome.rawValue, code: reason.code.rawValue, sentence: reason.code.sentence,
                rows: reason.rows)
        }
        firstBad = try ImportDocument.first(.bad, of: record, in: transaction)
        firstDuplicates = try ImportDocument.first(.duplicate, of: record, in: transaction)
    }

    private static func first(
        _ outcome: ImportFinding.Outcome, of record: ImportRecord, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Finding] {
        try ImportFindings.load(outcome, of: record.importID, limit: findingsMaximum, in: transaction).map { finding in
            Finding(
                line: finding.line, column: finding.title.isEmpty ? nil : finding.title, code: finding.code.rawValue,
                sentence: finding.sentence, value: finding.measured, duplicateOf: finding.original?.id,
                duplicateLine: finding.original?.line)
        }
    }

    private static func message(_ record: ImportRecord, _ occasion: Occasion) -> String {
        let beginning =
            switch occasion {
            case .handedInBefore: "This file was handed in before; nothing was done. "
            case .decidedBefore: "That was done before; nothing was done now. "
            case .checked, .confirmed, .asked: ""
            }
        return beginning + sentence(record)
    }

    private static func sentence(_ record: ImportRecord) -> String {
        switch record.state {
        case .checked where record.newRows == 0: "No row is new: there is nothing to confirm."
        case .checked: "Nothing is taken in yet. Confirm it to take in the \(record.newRows) new rows."
        case .publishing:
            "Confirmed: \(record.publishedRows) of \(record.newRows) new rows are on their way to the topic."
        case .done where record.isSent:
            "All \(record.newRows) new rows are on the topic. What intake makes of each is recorded under its event id."
        case .done: "All \(record.newRows) new rows are in the outbox; the console sends them to the topic."
        case .discarded: "Discarded: its rows are forgotten."
        case .expired: "Nobody confirmed it in time: its rows are forgotten. Hand the file in again."
        }
    }
}
