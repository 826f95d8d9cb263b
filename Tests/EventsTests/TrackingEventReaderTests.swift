import Domain
import Events
import Testing

@Suite("Reading tracking events") struct TrackingEventReaderTests {
    private static let required = [
        ("click", ["event_id", "type", "occurred_at", "program_id", "affiliate_id", "click_id"]),
        ("conversion", ["event_id", "type", "occurred_at", "program_id", "order_id", "amount_minor", "currency"]),
        ("refund", ["event_id", "type", "occurred_at", "program_id", "order_id", "amount_minor", "currency"]),
        ("chargeback", ["event_id", "type", "occurred_at", "program_id", "order_id", "amount_minor", "currency"]),
    ]

    @Test("A well-formed event of each kind is read", arguments: ["click", "conversion", "refund", "chargeback"])
    func accepted(kind: String) {
        #expect(EventText.of(kind).outcome == "accepted")
    }

    @Test("Each required field that is absent, null or empty is missing: 101", arguments: required)
    func missing(kind: String, fields: [String]) {
        for field in fields {
            #expect(EventText.of(kind).with(field, nil).outcome == "rejected 101", "\(field)")
            #expect(EventText.of(kind).with(field, "null").outcome == "rejected 101", "\(field)")
            guard field != "amount_minor" else { continue }
            #expect(EventText.of(kind).with(field, "\"\"").outcome == "rejected 101", "\(field)")
        }
    }

    @Test("Each field of the wrong type is mistyped: 102", arguments: ["1", "1.5", "true", "[]", "{\"a\": \"b\"}"])
    func mistyped(value: String) {
        let texts = [
            "event_id", "type", "occurred_at", "program_id", "affiliate_id", "click_id", "order_id", "currency",
            "refund_id", "customer_id", "coupon", "sub_id", "ip", "device_id", "country",
        ]
        for field in texts { #expect(EventText.conversion.with(field, value).outcome == "rejected 102", "\(field)") }
        if value != "1" {
            for field in ["amount_minor", "quantity", "major"] {
                #expect(EventText.conversion.with(field, value).outcome == "rejected 102", "\(field)")
            }
        }
        guard value != "true" else { return }
        #expect(EventText.conversion.with("is_test", value).outcome == "rejected 102")
    }

    @Test(
        "A text is counted in characters, and one too many is too long: 105",
        arguments: [("event_id", 64), ("program_id", 256), ("affiliate_id", 256), ("sub_id", 256), ("coupon", 256)])
    func tooLong(field: String, limit: Int) {
        for character in ["x", "ü", "😀"] {
            let fitting = String(repeating: character, count: limit)
            #expect(EventText.conversion.with(field, "\"\(fitting)\"").outcome == "accepted")
            #expect(EventText.conversion.with(field, "\"\(fitting)x\"").outcome == "rejected 105")
        }
        let stacked = "e" + String(repeating: "\u{301}", count: 10_000)
        #expect(EventText.conversion.with(field, "\"\(stacked)\"").outcome == "rejected 105")
    }

    @Test(
        "An amount is a whole number from 0 to 10^12",
        arguments: [
            ("0", "accepted"), ("-0", "accepted"), ("1000000000000", "accepted"), ("-1", "rejected 601"),
            ("-9223372036854775808", "rejected 601"), ("-99999999999999999999", "rejected 601"),
            ("1000000000001", "rejected 602"), ("9223372036854775807", "rejected 602"),
            ("9223372036854775808", "rejected 602"), (String(repeating: "9", count: 5_000), "rejected 602"),
            ("12.50", "rejected 102"), ("1.0", "rejected 102"), ("1e3", "rejected 102"), ("-1e3", "rejected 102"),
            ("\"1250\"", "rejected 102"), ("01", "dead 190"), ("+1", "dead 190"),
        ])
    func amounts(amount: String, outcome: String) {
        #expect(EventText.conversion.with("amount_minor", amount).outcome == outcome)
        #expect(EventText.refund.with("amount_minor", amount).outcome == outcome)
    }

    @Test(
        "Each other field says what is wrong with it",
        arguments: [
            ("type", "\"impression\"", "rejected 104"), ("type", "\"Click\"", "rejected 104"),
            ("currency", "\"QQQ\"", "rejected 603"), ("currency", "\"eur\"", "rejected 603"),
            ("currency", "\"XAU\"", "rejected 603"), ("currency", "\"EURO\"", "rejected 603"),
            ("currency", "\"JPY\"", "accepted"), ("occurred_at", "\"2026-02-30T00:00:00Z\"", "rejected 106"),
            ("occurred_at", "\"1793534400\"", "rejected 106"), ("occurred_at", "\"9999-12-31T23:59:59Z\"", "accepted"),
            ("occurred_at", "\"10000-01-01T00:00:00Z\"", "rejected 106"),
            ("quantity", "0", "rejected 107"), ("quantity", "-1", "rejected 107"),
            ("quantity", "1000001", "rejected 107"), ("quantity", "1000000", "accepted"),
            ("quantity", "99999999999999999999", "rejected 102"), ("quantity", "null", "accepted"),
            ("is_test", "false", "accepted"), ("is_test", "null", "accepted"), ("coupon", "\"\"", "accepted"),
            ("event_id", "\"a\\u0000b\"", "rejected 102"), ("sub_id", "\"\\u0000\"", "rejected 102"),
            ("items", "[{\"sku\": \"a\", \"quantity\": 2, \"amount_minor\": 5, \"x\": 1}]", "accepted"),
            ("items", "[{}]", "accepted"), ("items", "[]", "accepted"), ("items", "null", "accepted"),
            ("items", "[{\"sku\": 1}]", "rejected 102"), ("items", "{}", "rejected 102"),
            ("items", "[1]", "rejected 102"), ("items", "[{\"quantity\": 0}]", "rejected 102"),
            ("items", "[{\"quantity\": 1000000}, {}]", "rejected 102"),
            ("items", "[{\"amount_minor\": -1}]", "rejected 102"), ("is_new_customer", "1", "rejected 102"),
            ("user_agent", "7", "accepted"),
        ])
    func fields(field: String, value: String, outcome: String) {
        #expect(EventText.conversion.with(field, value).outcome == outcome)
    }

    @Test("A record with several faults gets the code of the first in the documented order")
    func order() {
        let event = EventText.conversion.with("currency", "\"QQQ\"").with("amount_minor", "-1")
        #expect(event.outcome == "rejected 601")
        #expect(event.with("order_id", nil).outcome == "rejected 101")
        #expect(event.with("occurred_at", "\"soon\"").outcome == "rejected 106")
        #expect(event.with("occurred_at", "\"soon\"").with("type", "\"x\"").outcome == "rejected 104")
        #expect(event.with("event_id", "7").with("type", "\"x\"").outcome == "rejected 102")
    }

    @Test("A rejection repeats what it could read, and no more than 80 characters of it")
    func measured() throws {
        let long = String(repeating: "y", count: 300)
        let event = EventText.conversion.with("type", "\"\(long.prefix(100))\"")
        guard case .rejected(let rejection) = TrackingEventReader.read(event.bytes[...]) else {
            Issue.record("not rejected")
            return
        }
        #expect(rejection.eventID == "e-2")
        #expect(rejection.affiliateID == "a")
        #expect(rejection.measured == "type: " + long.prefix(80))
    }

    @Test("A conversion of several needs no order, and is then known by its event")
    func quantity() throws {
        let several = EventText.conversion.with("order_id", nil).with("quantity", "3")
        guard case .event(let event) = TrackingEventReader.read(several.bytes[...]) else {
            Issue.record("not read")
            return
        }
        #expect(event.quantity == 3)
        #expect(event.conversionID == Identifier(hashing: "conversion", "e-2"))
    }

    @Test("What an event says is what is read, and what it leaves out has its default")
    func content() throws {
        let full = EventText.refund.with("ip", "\"192.0.2.1\"").with("is_test", "true").with("refund_id", "\"r\"")
        guard case .event(let event) = TrackingEventReader.read(full.bytes[...]),
            case .event(let plain) = TrackingEventReader.read(EventText.refund.bytes[...])
        else {
            Issue.record("not read")
            return
        }
        #expect(event.kind == .refund)
        #expect(event.occurredAt == Timestamp(rfc3339: "2026-03-04T12:00:00Z"))
        #expect((event.amountMinor, event.currency?.code) == (1_250, "EUR"))
        #expect((event.ip, event.isTest, event.refundID) == ("192.0.2.1", true, "r"))
        #expect((plain.ip, plain.isTest, plain.refundID, plain.quantity) == (nil, false, "e-3", 1))
        #expect(plain.conversionID == Identifier(hashing: "order", "p", "o-1"))
        #expect(event.eventKey == plain.eventKey)
        #expect(event.contentHash != plain.contentHash)
    }
}
