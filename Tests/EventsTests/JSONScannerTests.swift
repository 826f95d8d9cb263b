import Testing

@testable import Events

/// What the scanner makes of a text, in words.
private func scan(_ text: String) -> String {
    Array(text.utf8).withUnsafeBytes { bytes in
        do throws(JSONScanner.Failure) {
            var scanner = JSONScanner(bytes)
            let value = try scanner.value()
            guard scanner.isAtEnd() else { return "more" }
            switch value {
            case .null: return "null"
            case .bool(let flag): return "bool \(flag)"
            case .integer(let number): return "integer \(number)"
            case .number(let bounds): return "number " + String(decoding: bytes[bounds], as: UTF8.self)
            case .string(let text): return "string " + text
            case .object(let bounds): return "object " + String(decoding: bytes[bounds], as: UTF8.self)
            case .array(let bounds): return "array " + String(decoding: bytes[bounds], as: UTF8.self)
            }
        } catch {
            return "\(error)"
        }
    }
}

@Suite("Scanning JSON") struct JSONScannerTests {
    @Test(
        "A value is what RFC 8259 says it is",
        arguments: [
            ("null", "null"), ("true", "bool true"), ("false", "bool false"),
            ("0", "integer 0"), ("-0", "integer 0"), ("42", "integer 42"), (" \t\r\n7\n", "integer 7"),
            ("9223372036854775807", "integer 9223372036854775807"),
            ("-9223372036854775808", "integer -9223372036854775808"),
            ("9223372036854775808", "number 9223372036854775808"),
            ("-9223372036854775809", "number -9223372036854775809"),
            (String(repeating: "9", count: 400), "number " + String(repeating: "9", count: 400)),
            ("1.5", "number 1.5"), ("1.0", "number 1.0"), ("1e3", "number 1e3"), ("-2E+30", "number -2E+30"),
            ("0.0e-1", "number 0.0e-1"), ("\"\"", "string "), ("\"a b\"", "string a b"),
            ("[]", "array []"), ("{}", "object {}"), ("[1, [2], {\"a\": null}]", "array [1, [2], {\"a\": null}]"),
            (" { \"a\" : [ ] , \"b\" : 1 } ", "object { \"a\" : [ ] , \"b\" : 1 }"),
        ])
    func values(text: String, meaning: String) {
        #expect(scan(text) == meaning)
    }

    @Test(
        "What RFC 8259 does not allow is malformed",
        arguments: [
            "", " ", "01", "-", "-01", "+1", ".5", "1.", "1e", "1e+", "--1", "0x10", "1_000", "nul", "nulll", "tru",
            "True", "NaN", "Infinity", "[", "]", "{", "}", "[}", "{]", "[1,]", "[,1]", "[1 2]", "[1", "{\"a\"}",
            "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\":1", "{\"a\":1 \"b\":2}", "\"",
            "\"a", "'a'", "\"\\", "\"\\\"", #""\x""#, #""\u12""#, #""\u12G4""#, #""\u""#, "\"\u{1}\"", "\"a\nb\"",
            "\"\\\n\"", "/* */ 1", "\u{FEFF}1", "\0", "1\0",
        ])
    func malformed(text: String) {
        #expect(["malformed", "more"].contains(scan(text)))
    }

    @Test(
        "Escapes stand for their characters",
        arguments: [
            (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
            (#""\ud83d\ude00 \uD83D\uDE00""#, "😀 😀"), (#""\u0000""#, "\0"), (#""a\u0301""#, "a\u{301}"),
            (#""\\u0041""#, #"\u0041"#), ("\"\u{7F}\u{80}\"", "\u{7F}\u{80}"),
        ])
    func escapes(text: String, meaning: String) {
        #expect(scan(text) == "string " + meaning)
    }

    @Test(
        "Half a surrogate pair is malformed",
        arguments: [
            #""\ud83d""#, #""\ude00""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ud83d\u0041""#, #""\ud83d\ud83d""#,
            #""\ude00\ud83d""#, #""\ud83d \ude00""#, #""\ud83d\ ude00""#,
        ])
    func surrogates(text: String) {
        #expect(scan(text) == "malformed")
    }

    @Test(
        "Nesting beyond its limit is refused, however deep, before the stack suffers",
        arguments: [(31, false), (32, false), (34, true), (1_000, true), (300_000, true)])
    func nesting(levels: Int, isTooDeep: Bool) {
        for (open, inner, close) in [("[", "1", "]"), ("{\"a\":", "1", "}"), ("[{\"a\":", "[]", "}]")] {
            let count = levels / (open.count > 5 ? 2 : 1)
            let text = String(repeating: open, count: count) + inner + String(repeating: close, count: count)
            #expect((scan(text) == "tooDeep") == isTooDeep)
            #expect(["tooDeep", "malformed"].contains(scan(String(repeating: open, count: count))))
        }
    }

    @Test("No beginning of a value and no byte changed in it traps the scanner")
    func damaged() {
        let text = #"{"a": [1, -2.5e3, "x\n\ud83d\ude00", true, false, null], "ü": {"b": {}}, "c": ""}"#
        #expect(scan(text).hasPrefix("object "))
        let bytes = Array(text.utf8)
        for end in 0..<bytes.count {
            #expect(scan(String(decoding: bytes[..<end], as: UTF8.self)) == "malformed")
        }
        for position in bytes.indices {
            for byte in [0, 0x1F, 0x20, 0x22, 0x2C, 0x2D, 0x30, 0x3A, 0x5B, 0x5C, 0x5D, 0x65, 0x75, 0x7B, 0x7D] {
                var damaged = bytes
                damaged[position] = UInt8(byte)
                _ = scan(String(decoding: damaged, as: UTF8.self))
            }
        }
    }
}

@Suite("JSON in memory") struct JSONTreeTests {
    @Test("A tree has the members and elements of its text; the last of two equal names counts")
    func members() {
        let tree = JSONTree(Array(#"{"a": 1, "b": ["x", true, null, 1.5], "a": 2}"#.utf8)[...])
        #expect(tree?["a"]?.integer == 2)
        #expect(tree?["b"]?.array == [.string("x"), .bool(true), .null, .number("1.5")])
        #expect(tree?["c"] == nil)
        #expect(tree?["b"]?["a"] == nil)
    }

    @Test(
        "Bytes that are not one JSON value in UTF-8 make no tree",
        arguments: [
            [], [0xFF], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], Array("1 2".utf8), Array("[".utf8),
        ])
    func unreadable(bytes: [UInt8]) {
        #expect(JSONTree(bytes[...]) == nil)
    }

    @Test("A slice in the middle of a buffer is read alone")
    func slice() {
        #expect(JSONTree(Array(#"xx{"a":1}yy"#.utf8)[2..<9])?["a"]?.integer == 1)
    }

    @Test(
        "What the writer writes, the reader reads",
        arguments: ["", "a", "\"quoted\"", "back\\slash", "\u{0}\u{1}\u{1F}\u{7F}", "line\r\nbreak", "ü€😀", "a\u{301}"])
    func written(text: String) {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("text", text)
            writer.member("none", nil as String?)
            writer.member("least", Int64.min)
            writer.member("list", [1, 2]) { $0.integer($1) }
            writer.member("flag", true)
        }
        #expect(
            JSONTree(writer.bytes[...])
                == .object([
                    "text": .string(text), "none": .null, "least": .integer(.min),
                    "list": .array([.integer(1), .integer(2)]), "flag": .bool(true),
                ]))
    }
}
