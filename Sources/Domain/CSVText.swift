/// Writes comma-separated values (RFC 4180) that a spreadsheet opens as they are meant.
public enum CSVText {
    /// A line of cells with its line feed.
    ///
    /// A cell that a spreadsheet would take for a formula gets an apostrophe in front; a number does not.
    public static func row(_ cells: [String]) -> String {
        cells.map { quoted(defused($0)) }.joined(separator: ",") + "\n"
    }

    private static func defused(_ cell: String) -> String {
        guard let first = cell.unicodeScalars.first, "=+-@\t\r".unicodeScalars.contains(first) else { return cell }
        let isNumber = first == "-" && cell.dropFirst().allSatisfy { $0.isASCII && ($0.isNumber || $0 == ".") }
        return isNumber && cell.count > 1 ? cell : "'" + cell
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.unicodeScalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else { return cell }
        return "\"" + cell.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
