/// Reads comma-separated values (RFC 4180) record by record from bytes in memory, and copies a cell only when it is
/// asked for its text.
///
/// Lines end with LF, CRLF or CR. A quoted cell may hold delimiters, line ends and doubled quotes. What is malformed
/// is said of its record and ends with it, except a quote that is never closed, which takes the rest of the file.
public struct CSVReader: Sendable {
    public enum Delimiter: UInt8, Sendable, CaseIterable {
        case comma = 0x2C
        case semicolon = 0x3B
        case tab = 0x09
    }

    /// Why a record cannot be taken apart for certain.
    public enum Fault: Sendable {
        /// A quoted cell does not end before the file does.
        case unclosedQuote
        /// A quoted cell ends and its text goes on.
        case textBehindQuote
    }

    public struct Cell: Sendable {
        /// Of its bytes, without the quotes around it.
        public let bounds: Range<Int>
        let hasDoubledQuotes: Bool
    }

    public struct Record: Sendable {
        /// The line on which it begins, from 1.
        public let line: Int
        public let cells: [Cell]
        public let fault: Fault?
    }

    /// Cells of a record that are kept, many more than a file has columns: a line of delimiters alone costs no memory.
    public static let cellsMaximum = 1_024

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    public let bytes: [UInt8]
    public let delimiter: Delimiter
    private var position: Int
    private var line: Int

    /// - Parameters:
    ///   - start: the byte at which the first record begins.
    ///   - line: the line of that byte.
    public init(_ bytes: [UInt8], delimiter: Delimiter, from start: Int = 0, line: Int = 1) {
        self.bytes = bytes
        self.delimiter = delimiter
        position = start
        self.line = line
    }

    /// The byte behind the records that were read.
    public var offset: Int { position }

    /// The next record; nil at the end. Lines without a cell that says something are passed over.
    public mutating func next() -> Record? {
        while position < bytes.count {
            let record = readRecord()
            if record.fault != nil || record.cells.contains(where: { !$0.bounds.isEmpty }) { return record }
        }
        return nil
    }

    public func text(_ cell: Cell) -> String {
        guard cell.hasDoubledQuotes else { return String(decoding: bytes[cell.bounds], as: UTF8.self) }
        var text: [UInt8] = []
        text.reserveCapacity(cell.bounds.count)
        var isSecond = false
        for byte in bytes[cell.bounds] {
            isSecond = byte == CSVReader.quote && !isSecond
            if byte != CSVReader.quote || isSecond { text.append(byte) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: One record

    private mutating func readRecord() -> Record {
        let first = line
        var cells: [Cell] = []
        var fault: Fault?
        repeat {
            let (cell, cellFault) = readCell()
            if cells.count < CSVReader.cellsMaximum {
                cells.append(cell)
            } else if cells[CSVReader.cellsMaximum - 1].bounds.isEmpty {
                // So that a record that says something far behind is not taken for an empty line.
                cells[CSVReader.cellsMaximum - 1] = cell
            }
            fault = fault ?? cellFault
        } while skipDelimiter()
        skipLineEnd()
        return Record(line: first, cells: cells, fault: fault)
    }

    private mutating func readCell() -> (Cell, Fault?) {
        guard position < bytes.count, bytes[position] == CSVReader.quote else { return (readPlainCell(), nil) }
        position += 1
        let start = position
        var hasDoubledQuotes = false
        while let end = skipToQuote() {
            if position < bytes.count, bytes[position] == CSVReader.quote {
                hasDoubledQuotes = true
                position += 1
                continue
            }
            let rest = readPlainCell()
            let cell = Cell(bounds: start..<end, hasDoubledQuotes: hasDoubledQuotes)
            return (cell, rest.bounds.isEmpty ? nil : .textBehindQuote)
        }
        return (Cell(bounds: start..<bytes.count, hasDoubledQuotes: hasDoubledQuotes), .unclosedQuote)
    }

    private mutating func readPlainCell() -> Cell {
        let start = position
        while position < bytes.count {
            let byte = bytes[position]
            if byte == delimiter.rawValue || byte == CSVReader.lineFeed || byte == CSVReader.carriageReturn { break }
            position += 1
        }
        return Cell(bounds: start..<position, hasDoubledQuotes: false)
    }

    /// Passes over the next quote, counting the lines before it.
    /// - Returns: where the quote was; nil if there is none.
    private mutating func skipToQuote() -> Int? {
        while position < bytes.count {
            switch bytes[position] {
            case CSVReader.quote:
                position += 1
                return position - 1
            case CSVReader.lineFeed, CSVReader.carriageReturn: skipLineEnd()
            default: position += 1
            }
        }
        return nil
    }

    private mutating func skipDelimiter() -> Bool {
        guard position < bytes.count, bytes[position] == delimiter.rawValue else { return false }
        position += 1
        return true
    }

    private mutating func skipLineEnd() {
        guard position < bytes.count else { return }
        if bytes[position] == CSVReader.carriageReturn, position + 1 < bytes.count,
            bytes[position + 1] == CSVReader.lineFeed
        {
            position += 1
        }
        position += 1
        line += 1
    }
}

extension CSVReader.Delimiter {
    /// The delimiter that stands most often in the line at `start`, outside quotes; a comma if none does.
    static func sniffed(_ bytes: [UInt8], from start: Int) -> CSVReader.Delimiter {
        var counts = [CSVReader.Delimiter: Int]()
        var isQuoted = false
        for byte in bytes[start...] {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { break }
            if let delimiter = CSVReader.Delimiter(rawValue: byte) { counts[delimiter, default: 0] += 1 }
        }
        let most = counts.values.max()
        return allCases.first { counts[$0] == most } ?? .comma
    }

    /// The delimiter's name in a sentence.
    public var name: String {
        switch self {
        case .comma: "comma"
        case .semicolon: "semicolon"
        case .tab: "tab"
        }
    }
}
