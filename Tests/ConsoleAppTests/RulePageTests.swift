import Domain
import Postgres
import Storage
import Testing

@testable import ConsoleApp

/// The pages of outcomes and rules: what they say, and the simulator in a real browser.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RulePageTests {
    private static let rules = """
        {"program_id": "shoes", "rules": [{"id": "standard", "action": {"percent": 800}},
            {"id": "german", "priority": 5, "conditions": {"countries": ["DE"], "minimum_order_minor": 5000},
             "action": {"fixed": 1250}, "caps": [{"scope": "affiliate", "period": "month", "limit_minor": 2000}]},
            {"id": "referral", "action": {"second_tier": 1000}}]}
        """

    /// Outcomes, and rules of both tiers.
    static func seed(_ console: TestConsole) async throws {
        try await OutcomeAPITests.feed(console)
        let client = try await console.program(scopes: [.readRules, .changeRules])
        #expect(try await client.post("/rules", json: rules, key: "rules").status == 200)
    }

    /// The words of a page, without its markup.
    private static func text(_ page: TestReply) -> String {
        page.body.replacing(#/<[^>]*>/#, with: " ").replacing("&#39;", with: "'").replacing("&quot;", with: "\"")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    @Test("Without JavaScript a person asks which rule prices an order, why the others lose, and the money")
    func simulates() async throws {
        try await TestConsole.with { console in
            try await Self.seed(console)
            let email = try await console.addUser(.viewer)
            try await Browser.with { browser in
                try await browser.allowScripts(false)
                try await browser.open("http://127.0.0.1:\(console.port)/console")
                try await browser.type(email, into: "input[name=email]")
                try await browser.type(TestConsole.password, into: "input[name=password]")
                try await browser.follow("button")
                try await browser.follow("a[href='/console/rules']")
                try await browser.follow("a[href='/console/rules?program_id=shoes']")
                try await browser.type("aff-2", into: "#simulation input[name=affiliate_id]")
                try await browser.type("120.00", into: "#simulation input[name=amount]")
                try await browser.type("de", into: "#simulation input[name=country]")
                try await browser.follow("#simulation button")
                let german = try await browser.text("#result")
                #expect(german.contains("german version 1 pays 12.50 USD to aff-2"), "\(german)")
                #expect(german.contains("It is for the order, but the rule german goes first."))
                try await browser.follow("a[href='/console/rules']")
                try await browser.follow("a[href='/console/rules?program_id=shoes']")
                try await browser.type("aff-2", into: "#simulation input[name=affiliate_id]")
                try await browser.type("40", into: "#simulation input[name=amount]")
                try await browser.follow("#simulation button")
                let french = try await browser.text("#result")
                #expect(french.contains("standard version 1 pays 3.20 USD to aff-2"), "\(french)")
                #expect(french.contains("Its condition countries does not hold: the order has none."))
                let complaints = await browser.complaints
                #expect(complaints == [])
            }
            #expect(try await console.count("SELECT count(*) FROM conversion") == 3)
        }
    }

    @Test(
        "What cannot be simulated is said on the page, with what was sent",
        arguments: [
            ("&amount=x&affiliate_id=aff-2", "The amount is a number with at most 2 digits behind the point. x"),
            (
                "&amount=1.005&affiliate_id=aff-2",
                "The amount is a number with at most 2 digits behind the point. 1.005"
            ),
            ("&amount=1", "Say which affiliate brings the order."),
            ("&amount=1&affiliate_id=nobody", "There is no such affiliate. nobody"),
            ("&amount=1&affiliate_id=aff-2&currency=XXX", "The currency is an ISO 4217 code in use. XXX"),
            ("&amount=1&affiliate_id=aff-2&quantity=0", ReasonCode.notPositive.sentence),
            ("&amount=1&affiliate_id=aff-2&date=soon", ReasonCode.unreadableDate.sentence),
            ("&conversion_id=x", "There is no such conversion. x"),
        ])
    func refusals(query: String, sentence: String) async throws {
        try await TestConsole.with { console in
            try await Self.seed(console)
            let page = try await console.browser(.viewer).get("/console/rules?program_id=shoes" + query)
            #expect(page.status == 200)
            #expect(Self.text(page).contains(sentence), "\(Self.text(page))")
        }
    }

    @Test("A programme's page has its terms and its rules in words, in the order in which they are asked")
    func rules() async throws {
        try await TestConsole.with { console in
            try await Self.seed(console)
            let client = try await console.browser(.viewer)
            let page = Self.text(try await client.get("/console/rules?program_id=shoes"))
            for words in [
                "1 german version 1, priority 5 12.50 USD for each conversion at most 20.00 USD per affiliate",
                "country DE orders from 50.00 USD In force", "2 standard version 1, priority 0 8.00 % of the order",
                "all orders In force Always", "10.00 % of the commission, to whoever referred the affiliate",
                "Hold 7 days", "rules for named affiliates before rules for groups before rules for all",
            ] { #expect(page.contains(words), "\(words) is not in \(page)") }
            #expect(Self.text(try await client.get("/console/rules")).contains("books Books EUR 0 days 30 days"))
            #expect(try await client.get("/console/rules?program_id=none").status == 404)
        }
    }

    @Test("The page of outcomes says each with its reason, and leads to the first of a duplicate and to the money")
    func outcomes() async throws {
        try await TestConsole.with { console in
            try await Self.seed(console)
            let client = try await console.browser(.viewer)
            let reply = try await client.get("/console/conversions")
            for code in [ReasonCode.duplicateOrder, .conflictingContent, .affiliateBlocked, .orderUnknown, .notJSON] {
                #expect(Self.text(reply).contains("code \(code.rawValue) \(code.sentence)"), "\(code)")
            }
            #expect(reply.body.contains("/console/conversions?order_id=o-1&amp;program_id=shoes"))
            #expect(Self.text(reply).contains("8.00 USD Pending payable from"))
            let filtered = Self.text(try await client.get("/console/conversions?order_id=none"))
            #expect(filtered.contains("No record of these days matches."))
            #expect(try await client.get("/console/conversions?outcome=lost").status == 400)
        }
    }

    @Test("A commission's page tells it from the record to the ledger, to its affiliate too")
    func commission() async throws {
        try await TestConsole.with { console in
            try await Self.seed(console)
            try await ScorerFeed(console: console).take(
                [
                    ScorerFeed(console: console).event(
                        "refund", "e-back", minutes: 5, #""order_id": "o-1", "amount_minor": 2500, "currency": "USD""#)
                ], from: 20)
            let id = try await console.text("SELECT conversion_id::text FROM conversion WHERE order_id = 'o-1'")
            let path = "/console/commissions/\(id)"
            let page = try await console.browser(.viewer).get(path)
            let order = console.clock.now.adding(seconds: -3_000)
            for words in [
                "8.00 USD commission for aff-2", "Pending",
                "Payable from \(Timestamp.dayText(order.day + 7)), once it is judged: the order is of "
                    + "\(Timestamp.dayText(order.day)), and the programme held commissions for 7 days",
                "The order amounts to 100.00 USD. The rule pays 8.00 % of it.", "conversions.raw/0 @ 1",
                "Taken back 2.00 USD ; 6.00 is left", "Refund of 25.00 USD", "-2.00 refund",
                "liab:affiliate:pending exp:commission aff-2 2.00 USD", "Attributed by Click",
                "1 standard version 1, priority 0 8.00 % of the order",
            ] { #expect(Self.text(page).contains(words), "\(words) is not in \(Self.text(page))") }
            #expect(page.body.contains("/console/rules?program_id=shoes&amp;conversion_id=\(id)#simulation"))
            let own = try await console.browser(.affiliate, affiliateID: "aff-2").get(path)
            #expect(own.status == 200)
            #expect(!own.body.contains("/console/rules") && !own.body.contains("/ledger/transactions"))
            #expect(try await console.browser(.affiliate, affiliateID: "aff-3").get(path).status == 404)
        }
    }
}
