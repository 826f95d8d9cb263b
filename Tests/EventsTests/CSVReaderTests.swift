import Events
import Testing

@Suite struct CSVReaderTests {
    @Test(
        "Records end where RFC 4180 says, and know the line on which they begin",
        arguments: [
            ("a,b\nc,d\n", ["1:a|b", "2:c|d"]),
            ("a,b\r\nc,d\r\n", ["1:a|b", "2:c|d"]),
            ("a,b\rc,d", ["1:a|b", "2:c|d"]),
            ("a,b\n\n\r\nc,d", ["1:a|b", "4:c|d"]),
            ("a,b\n,\nc,d", ["1:a|b", "3:c|d"]),
            ("a,\n,b", ["1:a|", "2:|b"]),
            ("\"a,b\",c\nd,e", ["1:a,b|c", "2:d|e"]),
            ("\"a\nb\r\nc\rd\",e\nf,g", ["1:a\nb\r\nc\rd|e", "5:f|g"]),
            ("\"say \"\"hi\"\"\",\"\"\"\"", ["1:say \"hi\"|\""]),
            ("a\"b,c", ["1:a\"b|c"]),
            ("\"\",b", ["1:|b"]),
            ("ä,€😀", ["1:ä|€😀"]),
            ("\"a\"b,c\nd,e", ["1!textBehindQuote", "2:d|e"]),
            ("a,\"b\nc,d\n", ["1!unclosedQuote"]),
            ("", []), ("\n\n", []), ("\"", ["1!unclosedQuote"]),
        ])
    func records(text: String, expected: [String]) {
        var reader = CSVReader(Array(text.utf8), delimiter: .comma)
        var records: [String] = []
        while let record = reader.next() {
            let cells = record.cells.map { reader.text($0) }.joined(separator: "|")
            records.append(record.fault.map { "\(record.line)!\($0)" } ?? "\(record.line):\(cells)")
        }
        #expect(records == expected)
    }

    @Test("A line of delimiters costs no memory, and what stands far behind them is not lost")
    func longRecord() {
        let delimiters = String(repeating: ",", count: 100_000)
        var reader = CSVReader(Array("\(delimiters)\na\n\(delimiters)x".utf8), delimiter: .comma)
        let first = reader.next(), second = reader.next()
        #expect(first?.line == 2 && first?.cells.count == 1)
        #expect(second?.cells.count == CSVReader.cellsMaximum)
        #expect(second?.cells.last.map { reader.text($0) } == "x")
    }
}
