/// Writes comma-separated values (RFC 4180) that a spreadsheet shows and never runs.
///
/// A cell that a spreadsheet would take for a formula, one that begins with `=`, `+`, `-`, `@`, a tab or a line end,
/// also behind blanks, gets an apostrophe in front, by which spreadsheets know text. A plain number such as `-12.50` is
/// no formula and stays as it is. Cells from outside can hold anything; so can the names of columns.
public struct CSVWriter: Sendable {
    private let delimiter: UInt8
    private var bytes: [UInt8] = []

    public init(delimiter: CSVReader.Delimiter) {
        self.delimiter = delimiter.rawValue
    }

    public mutating func record(_ cells: [String]) {
        for (position, cell) in cells.enumerated() {
            if position > 0 { bytes.append(delimiter) }
            write(cell)
        }
        bytes.append(contentsOf: "\r\n".utf8)
    }

    /// What was written since the last call.
    public mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    private mutating func write(_ cell: String) {
        let isFormula = CSVWriter.looksLikeFormula(cell)
        guard isFormula || cell.utf8.contains(where: CSVWriter.needsQuotes) else {
            bytes.append(contentsOf: cell.utf8)
            return
        }
        let quote = UInt8(ascii: "\"")
        bytes.append(quote)
        if isFormula { bytes.append(UInt8(ascii: "'")) }
        for byte in cell.utf8 {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }

    /// Every delimiter that the reader knows: a spreadsheet may take the file for one with another.
    private static func needsQuotes(_ byte: UInt8) -> Bool {
        [0x22, 0x0A, 0x0D].contains(byte) || CSVReader.Delimiter(rawValue: byte) != nil
    }

    /// The wide forms of the signs count too: spreadsheets of East Asian languages take them for the plain ones.
    static func looksLikeFormula(_ cell: String) -> Bool {
        if let first = cell.unicodeScalars.first, ["\t", "\r", "\n"].contains(first) { return true }
        let text = cell.unicodeScalars.drop { $0.properties.isWhitespace }
        let signs: [UnicodeScalar] = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]
        guard let first = text.first, signs.contains(first) else { return false }
        return first != "-" || !isPlainNumber(text.dropFirst())
    }

    /// Digits, with one point or comma between them if there is any.
    private static func isPlainNumber(_ text: Substring.UnicodeScalarView) -> Bool {
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "." || $0 == "," }
        return parts.count <= 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { ("0"..."9").contains($0) } }
    }
}
