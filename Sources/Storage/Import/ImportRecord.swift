public import Domain
public import Events
import Postgres

/// Where an import stands; raw values are those of the column `import.state`.
public enum ImportState: String, CaseIterable, Sendable {
    /// Its rows were looked at, nothing of them was taken in.
    case checked
    /// Confirmed; its new rows move to the outbox.
    case publishing
    /// All of them are there.
    case done
    case discarded
    /// Nobody confirmed it in time.
    case expired
}

/// A file of events, what its check said, and how far its rows are.
public struct ImportRecord: Sendable {
    public let importID: Identifier
    public let fileName: String
    public let sizeBytes: Int64
    public let delimiter: CSVReader.Delimiter
    /// The columns' names in the file's header.
    public let titles: [String]
    public let state: ImportState
    public let newRows: Int32
    public let duplicateRows: Int32
    public let badRows: Int32
    /// Of the new ones, those that are in the outbox.
    public let publishedRows: Int32
    /// Whether whoever publishes the lane has sent them all to the topic.
    public let isSent: Bool
    public let createdBy: String
    public let createdAt: Timestamp
    public let confirmedBy: String?
    public let confirmedAt: Timestamp?
    public let endedAt: Timestamp?

    public var rows: Int32 { newRows + duplicateRows + badRows }

    /// When it expires unless somebody confirms it.
    public var expiresAt: Timestamp { createdAt.adding(seconds: ImportStore.openSecondsMaximum) }
}

extension ImportRecord {
    init(_ row: borrowing Row) throws(PostgresError) {
        importID = try row.identifier(0)
        fileName = try row.text(1)
        sizeBytes = try row.int8(2)
        let name = try row.text(3)
        delimiter = CSVReader.Delimiter.allCases.first { $0.name == name } ?? .comma
        titles = try row.texts(4)
        guard let state = ImportState(rawValue: try row.text(5)) else {
            throw PostgresError(code: .decoding, message: "a stored import state is unknown")
        }
        self.state = state
        newRows = try row.int4(6)
        duplicateRows = try row.int4(7)
        badRows = try row.int4(8)
        publishedRows = try row.int4(9)
        createdBy = try row.text(10)
        createdAt = Timestamp(microsecondsSinceEpoch: try row.timestamp(11))
        confirmedBy = try row.textOrNull(12)
        confirmedAt = try row.timestampOrNull(13).map(Timestamp.init(microsecondsSinceEpoch:))
        endedAt = try row.timestampOrNull(14).map(Timestamp.init(microsecondsSinceEpoch:))
        isSent = try row.bool(15)
    }
}

/// A row of a file that becomes no event.
public struct ImportFinding: Sendable {
    public enum Outcome: String, CaseIterable, Sendable {
        case duplicate, bad
    }

    /// What a duplicate repeats.
    public struct Original: Sendable {
        public let id: String
        /// Where it is in the same file; nil: it was recorded before.
        public let line: Int32?
    }

    public let line: Int32
    public let outcome: Outcome
    public let code: ReasonCode
    /// The column's name in the file; empty for a whole row.
    public let title: String
    /// The value, shortened.
    public let measured: String
    /// Of a duplicate.
    public let original: Original?
    /// As the file has them, each shortened.
    public let cells: [String]
}

extension ImportFinding {
    private static let cellLengthMaximum = 4_096

    init(
        line: Int, outcome: Outcome, code: ReasonCode, title: String = "", measured: String, original: Original? = nil,
        cells: [String]
    ) {
        self.line = Int32(clamping: line)
        self.outcome = outcome
        self.code = code
        self.title = title.storable
        self.measured = measured.storable
        self.original = original
        self.cells = cells.map { String($0.unicodeScalars.prefix(ImportFinding.cellLengthMaximum)).storable }
    }
}

extension String {
    /// Without the one character that a text of PostgreSQL cannot hold.
    var storable: String { utf8.contains(0) ? filter { $0 != "\0" } : self }
}
