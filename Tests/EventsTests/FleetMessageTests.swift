import Domain
import Events
import Testing

@Suite("Messages between workers") struct FleetMessageTests {
    private static let id = Identifier(0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF)
    private static let at = Timestamp(microsecondsSinceEpoch: 1_793_534_400_250_000)
    private static let euro = Currency(code: "EUR")

    private static func scored() throws -> AffiliateScored {
        let euro = try #require(euro)
        return AffiliateScored(
            affiliateID: "a \"1\"\u{1F}", programID: "pü", duplicateOrders: 2,
            conversions: [
                AffiliateScored.Conversion(
                    conversionID: Identifier(1), occurredAt: at, secondsFromClick: -3, ip: "2001:db8::1",
                    amountMinor: 1_000_000_000_000, commissionMinor: 0, currency: euro),
                AffiliateScored.Conversion(
                    conversionID: Identifier(.max), occurredAt: Timestamp(microsecondsSinceEpoch: 0),
                    secondsFromClick: nil, ip: nil, amountMinor: 0, commissionMinor: 5, currency: euro),
            ], observations: FraudObservationTests.samples)
    }

    private static let flags = FraudFlags(
        affiliateID: "a", verdict: .review, risk: BasisPoints(2_500),
        reasons: [
            FraudFlags.Reason(code: .topOrderAddress, value: 12, baseline: 10),
            FraudFlags.Reason(code: .fastOrders, value: 7, baseline: 0, sentence: "7 of 12"),
        ],
        conversions: [
            FraudFlags.Conversion(
                conversionID: Identifier(1), verdict: .hold, codes: [.fastOrders, .topOrderAddress]),
            FraudFlags.Conversion(conversionID: Identifier(2), verdict: .clear, codes: []),
        ])

    private static func requested() throws -> PayoutRequested {
        PayoutRequested(
            payoutID: id, affiliateID: "a", amount: Money(minorUnits: 12_345, currency: try #require(euro)),
            provider: "stripe")
    }

    private static func settled(_ outcome: PayoutSettled.Outcome, _ failureCode: String?) throws -> PayoutSettled {
        PayoutSettled(
            payoutID: id, affiliateID: "a", amount: Money(minorUnits: 1, currency: try #require(euro)),
            outcome: outcome, failureCode: failureCode)
    }

    /// Writes a message, reads it again and compares what both would write: bytes and all.
    private func goesRound<Message: FleetMessage>(_ message: Message) throws {
        let bytes = message.encoded(id: FleetMessageTests.id, at: FleetMessageTests.at)
        guard case .message(let id, let at, let data) = Envelope.read(bytes[...], schema: Message.topic) else {
            Issue.record("\(Message.topic) is not read")
            return
        }
        #expect(id == FleetMessageTests.id)
        #expect(at == FleetMessageTests.at)
        let again = try #require(Message(data))
        #expect(again.key == message.key)
        #expect(again.encoded(id: id, at: at) == bytes)
        #expect(message.encoded(id: id, at: at) == bytes)
    }

    @Test("Every message that is written is read as it was")
    func roundTrip() throws {
        try goesRound(FleetMessageTests.scored())
        try goesRound(FleetMessageTests.flags)
        try goesRound(FleetMessageTests.requested())
        for outcome in PayoutSettled.Outcome.allCases {
            try goesRound(FleetMessageTests.settled(outcome, outcome == .failed ? "account_closed" : nil))
        }
    }

    /// Takes each required member away, then gives it another type: neither is the message.
    private func needsItsMembers<Message: FleetMessage>(_ message: Message, optional: Set<String> = []) throws {
        let bytes = message.encoded(id: FleetMessageTests.id, at: FleetMessageTests.at)
        guard case .message(_, _, .object(let members)) = Envelope.read(bytes[...], schema: Message.topic) else {
            Issue.record("\(Message.topic) has no members")
            return
        }
        #expect(Message(.object(members)) != nil)
        for name in members.keys where !optional.contains(name) {
            #expect(Message(.object(members.filter { $0.key != name })) == nil, "\(Message.topic) without \(name)")
            #expect(Message(.object(members.merging([name: .bool(true)]) { $1 })) == nil, "\(Message.topic) \(name)")
            guard let elements = members[name]?.array else { continue }
            let spoilt = members.merging([name: .array(elements + [.bool(true)])]) { $1 }
            #expect(Message(.object(spoilt)) == nil, "\(Message.topic) with a strange element of \(name)")
        }
        #expect(Message(.array([])) == nil)
    }

    @Test("A message without one of its members, or with one of another type, is none")
    func members() throws {
        try needsItsMembers(FleetMessageTests.scored(), optional: ["observations"])
        try needsItsMembers(FleetMessageTests.flags)
        try needsItsMembers(FleetMessageTests.requested())
        try needsItsMembers(FleetMessageTests.settled(.failed, "x"), optional: ["failure_code"])
    }
}

@Suite("The envelope") struct EnvelopeTests {
    private static let id = "01234567-89ab-cdef-0123-456789abcdef"

    private static func reading(_ text: String) -> String {
        switch Envelope.read(Array(text.utf8)[...], schema: "s") {
        case .message: "message"
        case .unreadable(let code, _): "unreadable \(code.rawValue)"
        case .futureSchema(let major): "future \(major)"
        }
    }

    private static func text(_ change: (name: String, value: String?)) -> String {
        let members = [
            "schema": "\"s\"", "major": "1", "minor": "0", "id": "\"\(id)\"", "at": "\"2026-03-04T12:00:00Z\"",
            "data": "{}",
        ]
        let changed = members.filter { $0.key != change.name }.merging(change.value.map { [change.name: $0] } ?? [:]) {
            $1
        }
        return "{" + changed.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
    }

    @Test(
        "An envelope is read by its major version, and a later one waits for a later program",
        arguments: [
            ("minor", "7", "message"), ("minor", nil, "message"), ("extra", "[1]", "message"),
            ("major", "1", "message"),
            ("major", "2", "future 2"), ("major", "\"2\"", "unreadable 102"), ("major", "2.0", "unreadable 102"),
            ("major", nil, "unreadable 102"), ("schema", "\"t\"", "unreadable 102"), ("schema", nil, "unreadable 102"),
            ("id", "\"0123\"", "unreadable 101"), ("id", nil, "unreadable 101"), ("at", "\"noon\"", "unreadable 101"),
            ("at", nil, "unreadable 101"), ("data", nil, "unreadable 101"),
        ])
    func versions(name: String, value: String?, outcome: String) {
        #expect(EnvelopeTests.reading(EnvelopeTests.text((name, value))) == outcome)
    }

    @Test(
        "What is no JSON object is unreadable",
        arguments: [
            ("", "unreadable 193"), ("{", "unreadable 190"), ("[]", "unreadable 102"), ("null", "unreadable 102"),
            (String(repeating: "[", count: 100_000), "unreadable 190"),
        ])
    func unreadable(text: String, outcome: String) {
        #expect(EnvelopeTests.reading(text) == outcome)
    }

    @Test("Null, two megabytes and bytes that are not UTF-8 are unreadable")
    func bytes() {
        let cases: [(ArraySlice<UInt8>?, ReasonCode)] = [
            (nil, .emptyRecord), (ArraySlice(repeating: 0x20, count: 2_000_000), .recordTooLarge), ([0xFF], .notJSON),
        ]
        for (bytes, expected) in cases {
            guard case .unreadable(let code, let measured) = Envelope.read(bytes, schema: "s") else {
                Issue.record("\(expected) is read")
                continue
            }
            #expect(code == expected)
            #expect(measured.count <= 80)
        }
    }

    @Test("What a refused envelope repeats of itself is short")
    func measured() {
        let text = EnvelopeTests.text(("schema", "\"" + String(repeating: "x", count: 100_000) + "\""))
        guard case .unreadable(_, let measured) = Envelope.read(Array(text.utf8)[...], schema: "s") else {
            Issue.record("read")
            return
        }
        #expect(measured.count <= 100)
    }
}
