import Events
import Testing

@Suite struct CSVWriterTests {
    private static func written(_ cells: [String], _ delimiter: CSVReader.Delimiter = .comma) -> String {
        var writer = CSVWriter(delimiter: delimiter)
        writer.record(cells)
        return String(decoding: writer.take(), as: UTF8.self)
    }

    @Test(
        "What a spreadsheet would run becomes text, and numbers stay numbers",
        arguments: [
            ("=1+1", "\"'=1+1\""), ("+49123", "\"'+49123\""), ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2+3", "\"'-2+3\""), ("-cmd|'/c calc'!A0", "\"'-cmd|'/c calc'!A0\""), ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""), ("  =1", "\"'  =1\""), ("＝1+1", "\"'＝1+1\""), ("-", "\"'-\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("-12.50", "-12.50"), ("-12,50", "\"-12,50\""), ("-500", "-500"), ("-1.2.3", "\"'-1.2.3\""),
            ("a=b", "a=b"), ("2026-11-01", "2026-11-01"), ("", ""), ("a;b", "\"a;b\""), ("a\nb", "\"a\nb\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ])
    func cells(cell: String, expected: String) {
        #expect(Self.written([cell, "x"]) == expected + ",x\r\n")
    }

    @Test("What is written is read again as it was", arguments: CSVReader.Delimiter.allCases)
    func roundTrip(delimiter: CSVReader.Delimiter) {
        let cells = ["plain", "a,b;c\td", "line\r\nend", "\"quoted\"", "", "-7"]
        let text = Self.written(cells, delimiter)
        var reader = CSVReader(Array(text.utf8), delimiter: delimiter)
        let record = reader.next()
        #expect(record?.cells.map { reader.text($0) } == cells)
        #expect(reader.next() == nil)
    }
}
