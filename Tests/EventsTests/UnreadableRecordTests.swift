import Domain
import Events
import Testing

@Suite("Records that are no event") struct UnreadableRecordTests {
    @Test(
        "Bytes that no rule could read become a dead letter with their code",
        arguments: [
            ("", "dead 193"), (" ", "dead 190"), ("WARN queue full", "dead 190"), ("{", "dead 190"), ("}", "dead 190"),
            ("{\"event_id\": \"e\"", "dead 190"), ("{\"event_id\": \"e", "dead 190"),
            ("{\"a\": 1} {\"b\": 2}", "dead 190"),
            ("{\"a\": 1}x", "dead 190"), ("\u{FEFF}{}", "dead 190"), ("null", "dead 192"), ("[1, 2, 3]", "dead 192"),
            ("5", "dead 192"), ("\"text\"", "dead 192"), ("{}", "rejected 101"),
        ])
    func unreadable(text: String, outcome: String) {
        #expect(Array(text.utf8).outcome == outcome)
    }

    @Test("Kafka's null is an empty record")
    func null() {
        guard case .unreadable(.emptyRecord, _) = TrackingEventReader.read(nil) else {
            Issue.record("not unreadable")
            return
        }
    }

    @Test(
        "Bytes that are not UTF-8 are refused as such, wherever they stand",
        arguments: [
            [0xFF], [0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        let good = EventText.conversion.bytes
        #expect((bytes + good).outcome == "dead 191")
        #expect((good + bytes).outcome == "dead 191")
        #expect((Array(good.prefix(15)) + bytes + Array(good.dropFirst(15))).outcome == "dead 191")
    }

    @Test("No beginning of an event is taken for one")
    func truncated() {
        let good = EventText.conversion.bytes
        for end in 1..<good.count { #expect(Array(good[..<end]).outcome == "dead 190") }
        #expect(good.outcome == "accepted")
    }

    @Test(
        "A record may have 1 MiB and not a byte more",
        arguments: [(0, "accepted"), (1, "dead 194"), (1_000_000, "dead 194")])
    func large(excess: Int, outcome: String) {
        let plain = EventText.conversion.with("extra", "\"\"").bytes.count
        let filling = String(repeating: "x", count: TrackingEventReader.recordBytesMaximum - plain + excess)
        #expect(EventText.conversion.with("extra", "\"\(filling)\"").outcome == outcome)
    }

    @Test("A record nested without end is refused, in a field that nobody reads too", arguments: [40, 1_000, 400_000])
    func nesting(levels: Int) {
        #expect(Array(repeating: UInt8(ascii: "["), count: levels).outcome == "dead 195")
        let bomb = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        #expect(EventText.conversion.with("extra", bomb).outcome == "dead 195")
        let objects = String(repeating: "{\"a\":", count: levels / 2)
        #expect(Array(objects.utf8).outcome == (levels / 2 > 32 ? "dead 195" : "dead 190"))
    }

    @Test(
        "A later major version waits for a later program, whatever else the record holds",
        arguments: [
            ("2", "future 2"), ("9223372036854775807", "future 9223372036854775807"), ("1", "accepted"),
            ("null", "accepted"), ("0", "rejected 102"), ("-1", "rejected 102"), ("\"2\"", "rejected 102"),
            ("2.0", "rejected 102"), ("99999999999999999999", "rejected 102"),
        ])
    func major(version: String, outcome: String) {
        #expect(EventText.conversion.with("major", version).outcome == outcome)
        guard outcome.hasPrefix("future") else { return }
        #expect(EventText.conversion.with("major", version).with("amount_minor", "-1").outcome == outcome)
    }

    @Test("A CloudEvents record is read as its data")
    func cloudEvents() {
        func wrapped(_ data: String, version: String = "\"1.0\"") -> String {
            """
            {"specversion": \(version), "id": "x", "source": "/shop", "type": "com.example.order", "data": \(data)}
            """
        }
        let good = EventText.conversion
        #expect(Array(wrapped(good.text).utf8).outcome == "accepted")
        #expect(Array(wrapped(good.with("amount_minor", "-1").text).utf8).outcome == "rejected 601")
        #expect(Array(wrapped(good.with("major", "2").text).utf8).outcome == "future 2")
        #expect(Array(wrapped("{}").utf8).outcome == "rejected 101")
        #expect(Array(wrapped("[]").utf8).outcome == "rejected 101")
        #expect(Array(wrapped("\"e30=\"").utf8).outcome == "rejected 101")
        #expect(Array(wrapped(good.text, version: "1.0").utf8).outcome == "rejected 101")
        #expect(Array(wrapped(wrapped(good.text)).utf8).outcome == "rejected 101")
    }

    @Test("The last of two members of one name counts, as in most readers")
    func twice() {
        let text = EventText.conversion.text.dropLast() + ", \"amount_minor\": -5}"
        #expect(Array(text.utf8).outcome == "rejected 601")
    }

    @Test("No byte changed in an event traps the reader")
    func damaged() {
        let good = EventText.conversion.with("sub_id", "\"ü\\ud83d\\ude00\"").bytes
        for position in good.indices {
            for byte in [0, 0x22, 0x2C, 0x2D, 0x30, 0x39, 0x5B, 0x5C, 0x7B, 0x7D, 0x80, 0xC3, 0xFF] as [UInt8] {
                var damaged = good
                damaged[position] = byte
                _ = damaged.outcome
            }
        }
    }
}
