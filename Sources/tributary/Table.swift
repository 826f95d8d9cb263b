/// Rows under headings, each column as wide as its widest cell.
struct Table {
    let columns: [String]
    let rows: [[String]]

    var text: String {
        let lines = [columns] + rows
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let cells = zip(line, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            // No blanks behind the last column.
            return cells.dropLast().map { $0 + "  " }.joined() + (line.last ?? "")
        }.joined(separator: "\n")
    }
}
