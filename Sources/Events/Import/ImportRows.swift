public import Domain

/// The rows of a file, each made an event and read by the same reader as the records of the topic.
public struct ImportRows: Sendable {
    private let columns: ImportColumns
    private var reader: CSVReader

    init(columns: ImportColumns, reader: CSVReader) {
        self.columns = columns
        self.reader = reader
    }

    /// The next row; nil at the end.
    public mutating func next() -> ImportedRow? {
        guard let record = reader.next() else { return nil }
        let cells = record.cells.prefix(ImportFile.columnsMaximum).map { reader.text($0) }
        return ImportedRow(line: record.line, cells: cells, reading: reading(record, cells))
    }

    private func reading(_ record: CSVReader.Record, _ cells: [String]) -> ImportedRow.Reading {
        if record.fault != nil {
            let cell = cells.last ?? ""
            let title = record.cells.count <= columns.list.count ? columns.list[record.cells.count - 1].title : ""
            return .bad(
                ImportedRow.Fault(
                    code: .brokenQuote, column: title, measured: cell.shortened(to: EventFields.measuredLengthMaximum)))
        }
        let surplus = record.cells.dropFirst(columns.list.count)
        guard record.cells.count >= columns.list.count, surplus.allSatisfy(\.bounds.isEmpty) else {
            return .bad(
                ImportedRow.Fault(
                    code: .raggedRow, column: "",
                    measured: "\(record.cells.count) cells, \(columns.list.count) columns"))
        }
        let payload = ImportedEvent(columns: columns, cells: cells).json
        switch TrackingEventReader.read(payload[...]) {
        case .event(let event):
            return .event(event, payload: payload, isIdentified: isFilled("event_id", cells))
        case .rejected(let rejection): return .bad(fault(rejection))
        case .unreadable(let code, let measured):
            return .bad(ImportedRow.Fault(code: code, column: "", measured: measured))
        case .futureSchema(let major):
            return .bad(ImportedRow.Fault(code: .mistypedField, column: "major", measured: String(major)))
        }
    }

    private func isFilled(_ field: String, _ cells: [String]) -> Bool {
        columns.position(of: field).map { !cells[$0].isEmpty } ?? false
    }

    /// A rejection names its field in front of the value; here the file's own column does.
    private func fault(_ rejection: EventRejection) -> ImportedRow.Fault {
        let parts = rejection.measured.split(separator: ": ", maxSplits: 1, omittingEmptySubsequences: false)
        let field = String(parts[0])
        let title = columns.position(of: field).map { columns.list[$0].title } ?? field
        return ImportedRow.Fault(
            code: rejection.code, column: title, measured: parts.count == 2 ? String(parts[1]) : "")
    }
}

/// A row of a file and what it turned out to be.
public struct ImportedRow: Sendable {
    public struct Fault: Sendable {
        public let code: ReasonCode
        /// The column's name in the file; the field's name where the file has no such column; empty for a whole row.
        public let column: String
        /// The value, shortened.
        public let measured: String

        public init(code: ReasonCode, column: String, measured: String) {
            self.code = code
            self.column = column
            self.measured = measured
        }
    }

    public enum Reading: Sendable {
        /// `isIdentified`: the file itself gave the event its id.
        case event(TrackingEvent, payload: [UInt8], isIdentified: Bool)
        case bad(Fault)
    }

    /// The line on which it begins.
    public let line: Int
    /// As the file has them, as many as a file may have columns.
    public let cells: [String]
    public let reading: Reading
}

/// The event that a row describes, as JSON: members in the order of the columns, empty cells left out.
struct ImportedEvent {
    private let columns: ImportColumns
    private let cells: [String]

    init(columns: ImportColumns, cells: [String]) {
        self.columns = columns
        self.cells = cells
    }

    var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            if value("event_id") == nil { writer.member("event_id", derivedID) }
            if value("type") == nil { writer.member("type", TrackingEvent.Kind.conversion.name) }
            for (column, cell) in zip(columns.list, cells) where !cell.isEmpty && column.meaning != .nothing {
                writer.name(text: column.field)
                write(cell, column.meaning, to: &writer)
            }
        }
        return writer.bytes
    }

    private func value(_ field: String) -> String? {
        columns.position(of: field).map { cells[$0] }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The same for the same order, click or refund in whatever file; for a row without any, for the same facts.
    private var derivedID: String {
        let type = value("type") ?? TrackingEvent.Kind.conversion.name
        let subject =
            switch type {
            case "click": value("click_id")
            case "refund", "chargeback", "refund_reversal":
                value("refund_id").map { "\(value("order_id") ?? ""):\($0)" }
            default: value("order_id")
            }
        let facts = ["affiliate_id", "occurred_at", "order_id", "amount_minor", "currency", "quantity", "customer_id"]
        let named = subject ?? facts.map { value($0) ?? "" }.joined(separator: "\u{1F}")
        let id = Identifier(
            hashing: "import", value("program_id") ?? "", type, subject == nil ? "facts" : "subject", named)
        return "csv-\(id)"
    }

    private func write(_ cell: String, _ meaning: ImportColumns.Meaning, to writer: inout JSONWriter) {
        switch meaning {
        case .integer where cell.isWholeNumber: writer.json(Array(cell.utf8))
        case .flag where ["true", "yes", "1"].contains(cell.lowercased()): writer.json(Array("true".utf8))
        case .flag where ["false", "no", "0"].contains(cell.lowercased()): writer.json(Array("false".utf8))
        case .json where JSONTree(Array(cell.utf8)[...]) != nil: writer.json(Array(cell.utf8))
        case .decimalAmount:
            let digits = Currency(code: value("currency") ?? "")?.exponent ?? 2
            if let minor = DecimalAmount.minorDigits(cell, exponent: digits) {
                writer.json(Array(minor.utf8))
            } else {
                writer.string(cell)
            }
        case .text, .integer, .flag, .json, .nothing: writer.string(cell)
        }
    }
}

/// An amount as people write it, as the digits of its minor units.
enum DecimalAmount {
    /// - Returns: the minor units, as digits of any number, with a minus if the amount has one; nil for what is no
    ///   number, or has more digits behind its point than the currency.
    static func minorDigits(_ text: String, exponent: Int) -> String? {
        let isNegative = text.hasPrefix("-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(
            separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : ""
        guard let whole = parts.first, !whole.isEmpty, parts.count == 1 || !fraction.isEmpty,
            whole.utf8.allSatisfy(\.isDigit), fraction.utf8.allSatisfy(\.isDigit)
        else { return nil }
        let kept = fraction.prefix(exponent)
        guard fraction.dropFirst(exponent).allSatisfy({ $0 == "0" }) else { return nil }
        let padding = String(repeating: "0", count: exponent - kept.count)
        let digits = (whole + kept + padding).drop { $0 == "0" }
        return digits.isEmpty ? "0" : (isNegative ? "-" : "") + digits
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}

extension String {
    /// As JSON writes it: without blanks, plus or leading zeros.
    fileprivate var isWholeNumber: Bool {
        let digits = utf8.drop { $0 == UInt8(ascii: "-") }
        let isPlain = digits.first != UInt8(ascii: "0") || digits.count == 1
        return utf8.count - digits.count <= 1 && !digits.isEmpty && isPlain && digits.allSatisfy(\.isDigit)
    }
}
