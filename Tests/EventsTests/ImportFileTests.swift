import Domain
import Events
import Testing

@Suite struct ImportFileTests {
    private static let header = "program_id,occurred_at,affiliate_id,order_id,amount,currency"
    private static let row = "shoes,2026-11-01T12:00:00Z,aff-1,o-1,12.50,EUR"

    private static func readings(_ text: String, mapping: [String: String] = [:]) throws -> [ImportedRow] {
        var rows = try ImportFile(Array(text.utf8), mapping: mapping).rows()
        var list: [ImportedRow] = []
        while let row = rows.next() { list.append(row) }
        return list
    }

    /// What a row became, on one line.
    private static func shown(_ row: ImportedRow) -> String {
        switch row.reading {
        case .event(let event, _, _):
            "\(row.line): \(event.kind.name) \(event.orderID ?? "-") \(event.amountMinor) "
                + "\(event.currency?.code ?? "-")"
        case .bad(let fault): "\(row.line): \(fault.code.rawValue) \(fault.column) \(fault.measured)"
        }
    }

    @Test(
        "Whatever wrote the file, its rows are the same",
        arguments: [
            "\(header)\n\(row)\n", "\(header)\r\n\(row)\r\n", "\(header)\r\(row)", "\u{FEFF}\(header)\n\(row)",
            (header + "\n" + row).replacing(",", with: ";"), (header + "\n" + row).replacing(",", with: "\t"),
            "Program ID,Occurred-At,AFFILIATE_ID, order_id ,Amount,Currency\n\(row)", "\(header),\n\(row),",
            "\(header)\n\n\(row)\n\n,,,,,\n",
        ])
    func dialects(text: String) throws {
        let rows = try Self.readings(text)
        #expect(rows.count == 1)
        #expect(Self.shown(try #require(rows.first)).hasSuffix(": conversion o-1 1250 EUR"))
    }

    @Test(
        "A bad row says its line, its column, its code and its value",
        arguments: [
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,-5,EUR", "2: 601 amount -500"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,=1+1,EUR", "2: 102 amount =1+1"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,1.234,EUR", "2: 102 amount 1.234"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,99999999999999999999,EUR", "2: 602 amount 9999999999999999999900"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,1,XXX", "2: 603 currency XXX"),
            ("shoes,2026-11-01,aff-1,o-1,1,EUR", "2: 106 occurred_at 2026-11-01"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,,1,EUR", "2: 101 order_id absent"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,1", "2: 110  5 cells, 6 columns"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,1,EUR,x", "2: 110  7 cells, 6 columns"),
            ("shoes,2026-11-01T12:00:00Z,\"aff\"1,o-1,1,EUR", "2: 111 currency EUR"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,1500,JPY", "2: conversion o-1 1500 JPY"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,o-1,1.5,KWD", "2: conversion o-1 1500 KWD"),
            ("shoes,2026-11-01T12:00:00Z,aff-1,\"o\n1\",0,EUR", "2: conversion o\n1 0 EUR"),
        ])
    func rows(row: String, expected: String) throws {
        #expect(try Self.readings(Self.header + "\n" + row).map(Self.shown) == [expected])
    }

    @Test("The reason for a bad row is the one that the pipeline gives")
    func sameReason() throws {
        let json = #"{"event_id":"e","type":"conversion","occurred_at":"today","program_id":"p"}"#
        guard case .rejected(let rejection) = TrackingEventReader.read(Array(json.utf8)[...]) else {
            Issue.record("it was taken in")
            return
        }
        let row = try #require(try Self.readings("event_id,program_id,occurred_at\ne,p,today").first)
        #expect(Self.shown(row) == "2: \(rejection.code.rawValue) occurred_at today")
    }

    @Test(
        "A file that cannot be meant is refused whole, with the place",
        arguments: [
            ("", "empty_file", ""), ("\n", "empty_file", ""), (header, "empty_file", ""),
            ("program_id,occurred_at,program_id\na,b,c", "duplicate_column", "Columns 1 (program_id) and 3"),
            ("program_id,occurred_at,amount,amount_minor\na,b,1,1", "duplicate_column", "amount_minor"),
            ("program_id,when\na,b", "missing_column", "no column occurred_at. Its columns are: program_id, when."),
        ])
    func refusals(text: String, code: String, part: String) {
        let refusal = #expect(throws: ImportFile.Refusal.self) { try ImportFile(Array(text.utf8)) }
        #expect(refusal?.code == code)
        #expect(refusal?.sentence.contains(part) ?? false || part.isEmpty)
    }

    @Test("Another encoding than UTF-8 is named, with line and column where it shows")
    func encodings() {
        let latin = Array("\(Self.header)\nshoes,\"a\nb\",aff-".utf8) + [0xFC] + Array(",o,1,EUR".utf8)
        let refusal = #expect(throws: ImportFile.Refusal.self) { try ImportFile(latin) }
        #expect(refusal?.sentence.contains("Line 2, column 3: the byte 0xFC is no UTF-8") ?? false)
        #expect(refusal?.sentence.contains("Windows-1252") ?? false)
        for mark: [UInt8] in [[0xFF, 0xFE], [0xFE, 0xFF]] {
            let refusal = #expect(throws: ImportFile.Refusal.self) { try ImportFile(mark + [0x61, 0]) }
            #expect(refusal?.sentence.contains("UTF-16") ?? false)
        }
    }

    @Test("An event without an id gets the same one from its order in whatever file, and unknown columns stay")
    func identity() throws {
        let first = try Self.readings(Self.header + ",note\n" + Self.row + ",=hi")
        let second = try Self.readings(
            "currency;order_id;amount_minor;program_id;occurred_at\nEUR;o-1;1250;shoes;2026-11-01T12:00:00Z")
        guard case .event(let left, let payload, false) = try #require(first.first).reading,
            case .event(let right, _, false) = try #require(second.first).reading
        else {
            Issue.record("a row is bad")
            return
        }
        #expect(left.eventKey == right.eventKey)
        #expect(JSONTree(payload[...])?["note"]?.string == "=hi")
    }

    @Test("A mapping says what columns mean, and makes the same bytes another file")
    func mapping() throws {
        let text = "shop,When,Order No,amount,currency\nshoes,2026-11-01T12:00:00Z,o-9,3,EUR"
        let mapping = ["shop": "program_id", "When": "occurred_at", "Order No": "order_id"]
        #expect(try Self.readings(text, mapping: mapping).map(Self.shown) == ["2: conversion o-9 300 EUR"])
        #expect(throws: ImportFile.Refusal.self) { try ImportFile(Array(text.utf8), mapping: ["Shop": "program_id"]) }
        let other = mapping.merging(["currency": "currency"]) { $1 }
        #expect(
            try ImportFile(Array(text.utf8), mapping: mapping).id != ImportFile(Array(text.utf8), mapping: other).id)
    }

    @Test(
        "A column's meaning is its name, an equals sign and a field",
        arguments: [
            (["Order No=order_id", " a=b = amount "], ["Order No": "order_id", "a=b": "amount"]),
            ([], [:]), (["order"], nil), (["=order_id"], nil), (["Order="], nil), (["a=b", "a=c"], nil),
        ])
    func mappingText(pairs: [String], expected: [String: String]?) {
        #expect((try? ImportFile.mapping(pairs)) == expected)
    }
}
