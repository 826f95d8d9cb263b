public import Domain

/// A file of events as comma-separated values: its header understood, its size and encoding checked, its rows not read.
public struct ImportFile: Sendable {
    /// Why a file is refused as a whole.
    public struct Refusal: Error, Sendable {
        /// Stable, for programs.
        public let code: String
        /// For people.
        public let sentence: String
    }

    public static let bytesMaximum = 64 << 20
    public static let rowsMaximum = 1_000_000
    static let columnsMaximum = 256

    /// What identifies it: the same bytes with the same mapping are the same file, whatever its name.
    public let id: Identifier
    public let sizeBytes: Int
    public let rowCount: Int
    public let delimiter: CSVReader.Delimiter
    /// The columns' names as the header has them.
    public var titles: [String] { columns.list.map(\.title) }
    let columns: ImportColumns
    private let body: CSVReader

    /// - Parameters:
    ///   - bytes: of the file.
    ///   - mapping: what a column means, by its name in the header: the name of a field of an event.
    public init(_ bytes: [UInt8], mapping: [String: String] = [:]) throws(Refusal) {
        try ImportFile.checkSize(bytes)
        let start = try ImportFile.checkEncoding(bytes)
        delimiter = CSVReader.Delimiter.sniffed(bytes, from: start)
        var reader = CSVReader(bytes, delimiter: delimiter, from: start)
        guard let header = reader.next() else { throw ImportFile.empty }
        guard header.fault == nil, header.cells.count <= ImportFile.columnsMaximum else {
            throw Refusal(
                code: "header_unreadable",
                sentence: "Line \(header.line), the header, has a broken quote or more than "
                    + "\(ImportFile.columnsMaximum) columns.")
        }
        columns = try ImportColumns(header.cells.map { reader.text($0) }, mapping: mapping)
        body = reader
        var rows = 0
        while reader.next() != nil { rows += 1 }
        guard rows > 0 else { throw ImportFile.empty }
        guard rows <= ImportFile.rowsMaximum else {
            throw Refusal(
                code: "too_many_rows",
                sentence: "The file has \(rows) rows; at most \(ImportFile.rowsMaximum) are taken at once. "
                    + "Split it in parts.")
        }
        rowCount = rows
        sizeBytes = bytes.count
        let content = Identifier(hashing: bytes)
        let meaning = mapping.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
        id = mapping.isEmpty ? content : Identifier(hashing: "import", content.description, meaning)
    }

    /// The column that a field's value comes from, as the file names it; the field itself where there is none.
    public func title(of field: String) -> String {
        columns.position(of: field).map { columns.list[$0].title } ?? field
    }

    /// The rows from the first one on, each read when it is asked for.
    public func rows() -> ImportRows { ImportRows(columns: columns, reader: body) }

    /// Reads what columns mean.
    ///
    /// - Parameter pairs: each the name of a column, an equals sign and a field of an event: `Order No=order_id`.
    public static func mapping(_ pairs: [String]) throws(Refusal) -> [String: String] {
        var mapping: [String: String] = [:]
        for pair in pairs {
            guard let sign = pair.lastIndex(of: "=") else { throw unreadable(pair) }
            let title = String(pair[..<sign]).trimmed, field = String(pair[pair.index(after: sign)...]).trimmed
            guard !title.isEmpty, !field.isEmpty, mapping.updateValue(field, forKey: title) == nil else {
                throw unreadable(pair)
            }
        }
        return mapping
    }

    private static func unreadable(_ pair: String) -> Refusal {
        Refusal(
            code: "mapping_unreadable",
            sentence: "\(pair.shown) does not say what a column means. Write its name, an equals sign and a field, "
                + "as in Order No=order_id, each column once.")
    }

    // MARK: The file as a whole

    private static let empty = Refusal(
        code: "empty_file", sentence: "The file holds no rows. It needs a header with the columns' names, then rows.")

    public static let tooLarge = Refusal(
        code: "file_too_large",
        sentence: "The file is larger than \(bytesMaximum >> 20) MiB. Split it in parts, each with the header.")

    private static func checkSize(_ bytes: [UInt8]) throws(Refusal) {
        guard bytes.count <= bytesMaximum else { throw tooLarge }
        guard !bytes.isEmpty else { throw empty }
    }

    /// - Returns: where the text begins, behind a byte order mark.
    private static func checkEncoding(_ bytes: [UInt8]) throws(Refusal) -> Int {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw Refusal(
                code: "not_utf8",
                sentence: "The file is UTF-16. Save it as CSV in UTF-8, in Excel as \"CSV UTF-8\".")
        }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw notUTF8(bytes, at: error.byteOffsets.lowerBound)
        }
        return bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    private static func notUTF8(_ bytes: [UInt8], at offset: Int) -> Refusal {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var reader = CSVReader(bytes, delimiter: .sniffed(bytes, from: start), from: start)
        var place = (line: 1, column: 1)
        while reader.offset <= offset, let record = reader.next() {
            let column = record.cells.firstIndex { $0.bounds.upperBound > offset }
            place = (record.line, (column ?? record.cells.count - 1) + 1)
        }
        let byte = bytes[offset]
        let written = "0x" + String(byte, radix: 16, uppercase: true)
        // A letter of Windows-1252 stands alone between letters; a broken sequence of UTF-8 has company.
        let isAlone = offset + 1 >= bytes.count || bytes[offset + 1] < 0x80
        let guess =
            byte >= 0x80 && isAlone
            ? "The file looks like Windows-1252 (Latin-1). Save it as CSV in UTF-8."
            : "Save it as CSV in UTF-8."
        return Refusal(
            code: "not_utf8",
            sentence: "Line \(place.line), column \(place.column): the byte \(written) is no UTF-8. \(guess)")
    }
}
