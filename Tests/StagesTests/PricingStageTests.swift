import DevKit
import Domain
import Events
import Kafka
import Logging
import Postgres
import Storage
import Testing
import WorkerRuntime

@testable import Stages

/// Prices as the scorer makes them, on a database.
@Suite("Pricing a batch")
struct PricingStageTests {
    private static let at = "2026-03-04T10:00:00Z"
    private static let commissions: Statement = """
        SELECT concat_ws(' ', order_id, m.affiliate_id, rule_id, m.amount_minor, m.currency, m.status,
            CASE WHEN tier = 2 THEN 'second tier' END, CASE WHEN superseded THEN 'superseded' END,
            NULLIF(array_to_string(codes, ','), ''))
        FROM commission m JOIN conversion USING (conversion_id) ORDER BY order_id, m.recorded_at, tier, m.affiliate_id
        """
    private static let pending: Statement =
        "SELECT concat_ws(' ', affiliate_id, currency, pending) FROM affiliate_balance WHERE pending > 0 ORDER BY 1"
    private static let reasons: Statement =
        "SELECT concat_ws(' ', event_id, outcome, code, measured) FROM intake_exception ORDER BY record_offset"

    /// A conversion in the programme `p-hold`, with members of its own.
    private static func order(_ id: String, _ members: String, affiliate: String? = "a", currency: String = "EUR")
        -> String
    {
        let affiliate = affiliate.map { #""affiliate_id": "\#($0)", "# } ?? ""
        return """
            {"event_id": "e-\(id)", "type": "conversion", "occurred_at": "\(at)", "program_id": "p-hold", \(affiliate)
             "order_id": "\(id)", "amount_minor": 10000, "currency": "\(currency)"\(members)}
            """
    }

    @Test("A programme is priced by the rules that it had when it was read, not by those that came since")
    func rulesSince() async throws {
        try await Pipeline.with { pipeline in
            let read = try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
                try TrackingLoad.programs(["p-hold"], in: transaction)["p-hold"]
            }
            let program = try #require(read)
            try await pipeline.add(rules: #"[{"id": "standard", "action": {"percent": 2000}}]"#)
            let rules = try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
                try RuleBook().rules(of: [program], in: transaction)["p-hold"]
            }
            #expect(rules?.versions.map(\.version) == [1])
        }
    }

    @Test("Rules of every kind price a batch, each order by its own")
    func kinds() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.add(
                rules: """
                    [{"id": "standard", "action": {"percent": 1000}, "valid_from": "1970-01-01T00:00:00Z"},
                     {"id": "german", "conditions": {"countries": ["DE"]}, "action": {"fixed": 333}},
                     {"id": "shoes", "priority": 1, "conditions": {"skus": ["shoe"]}, "action": {"per_item": 50}},
                     {"id": "gold", "conditions": {"groups": ["gold"]}, "action": {"percent": 1500}},
                     {"id": "friend", "action": {"second_tier": 1000}}]
                    """)
            try await pipeline.run("UPDATE affiliate SET group_id = 'gold', referred_by = 'a' WHERE affiliate_id = 'b'")
            try await pipeline.take([
                Self.order("1", ""), Self.order("2", #", "country": "DE""#),
                Self.order("3", #", "country": "DE", "items": [{"sku": "shoe", "quantity": 4, "amount_minor": 800}]"#),
                Self.order("4", "", affiliate: "b"), Self.order("5", #", "is_test": true"#),
            ])
            #expect(
                try await pipeline.texts(Self.commissions) == [
                    "1 a standard 1000 EUR pending", "2 a german 333 EUR pending", "3 a shoes 200 EUR pending",
                    "4 b gold 1500 EUR pending", "4 a friend 150 EUR pending second tier",
                ])
            #expect(try await pipeline.texts(Self.pending) == ["a EUR 1683", "b EUR 1500"])
        }
    }

    @Test("A coupon, a click and a name, in the programme's order")
    func attribution() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.run("INSERT INTO coupon (program_id, code, affiliate_id) VALUES ('p-hold', 'B5', 'b')")
            let click = Pipeline.click("c", affiliate: "a", program: "p-hold", at: Self.at)
            try await pipeline.take([
                click, Self.order("1", #", "coupon": "B5""#, affiliate: nil),
                Self.order("2", #", "coupon": "B5", "click_id": "c""#, affiliate: nil),
                Self.order("3", #", "click_id": "c""#, affiliate: "b"),
            ])
            try await pipeline.run("UPDATE program SET coupon_beats_click = true")
            try await pipeline.take([
                Self.order("4", #", "coupon": "B5", "click_id": "c""#), Self.order("5", #", "coupon": "X""#),
            ])
            #expect(
                try await pipeline.texts(
                    """
                    SELECT concat_ws(' ', order_id, affiliate_id, attributed_by,
                        NULLIF(array_to_string(signal_codes, ','), ''))
                    FROM conversion ORDER BY order_id
                    """) == [
                        "1 b coupon 202", "2 a click", "3 a click 203", "4 b coupon 207", "5 a affiliate 202,208",
                    ])
        }
    }

    @Test("An order without a rate waits for one, and is priced by it or refused")
    func quotes() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.run("UPDATE program SET pays_in = 'program'")
            try await pipeline.take([Self.order("1", "", currency: "JPY"), Self.order("2", "", currency: "USD")])
            #expect(try await pipeline.texts("SELECT code::text FROM parked_event") == ["606", "606"])
            try await pipeline.quote("USD", "EUR", "0.92345", at: "2026-03-01T00:00:00Z")
            try await pipeline.release(at: "2026-03-04T12:01:00Z")
            #expect(try await pipeline.texts(Self.commissions) == ["2 a standard 923 EUR pending"])
            try await pipeline.quote("JPY", "EUR", "0.006", at: "2026-02-20T00:00:00Z")
            try await pipeline.release(at: "2026-03-04T12:02:00Z")
            #expect(try await pipeline.texts("SELECT code::text FROM parked_event") == ["606"])
            try await pipeline.release(at: "2026-03-12T12:02:00Z")
            #expect(try await pipeline.texts(Self.reasons) == ["e-1 rejected 606 JPY to EUR"])
            #expect(try await pipeline.texts("SELECT event_id FROM event ORDER BY 1") == ["e-2"])
        }
    }

    @Test("An order that names nobody waits for its click, and is refused without one")
    func unknownClick() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([
                Self.order("1", #", "click_id": "c1""#, affiliate: nil),
                Self.order("2", #", "click_id": "c2""#, affiliate: nil),
                Self.order("3", "", affiliate: nil),
            ])
            #expect(try await pipeline.texts(Self.reasons) == ["e-3 rejected 201 no click"])
            try await pipeline.take([Pipeline.click("c1", affiliate: "b", program: "p-hold", at: Self.at)])
            try await pipeline.release(at: "2026-03-04T12:01:00Z")
            #expect(try await pipeline.texts(Self.commissions) == ["1 b standard 1000 EUR pending"])
            try await pipeline.release(at: "2026-03-11T12:01:00Z")
            #expect(try await pipeline.texts(Self.reasons) == ["e-2 rejected 201 c2", "e-3 rejected 201 no click"])
        }
    }

    @Test("A click that comes late moves the commission, its refunds and its figures by a correction")
    func lateClick() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([
                Self.order("1", #", "click_id": "c1""#), Self.order("2", #", "click_id": "c2""#),
                Self.order("3", #", "click_id": "c3""#),
            ])
            try await pipeline.take([
                """
                {"event_id": "r", "type": "refund", "occurred_at": "\(Self.at)", "program_id": "p-hold",
                 "order_id": "1", "amount_minor": 2500, "currency": "EUR"}
                """
            ])
            try await pipeline.take([
                Pipeline.click("c1", affiliate: "b", program: "p-hold", at: Self.at),
                Pipeline.click("c2", affiliate: "a", program: "p-hold", at: Self.at),
                Pipeline.click("c3", affiliate: "b", program: "p-hold", at: "2026-03-04T10:00:01Z"),
            ])
            try await pipeline.release(at: "2026-03-04T12:01:00Z")
            #expect(
                try await pipeline.texts(Self.commissions) == [
                    "1 a standard 1000 EUR reversed superseded", "1 b standard 1000 EUR pending",
                    "2 a standard 1000 EUR pending", "3 a standard 1000 EUR pending",
                ])
            #expect(try await pipeline.texts(Self.pending) == ["a EUR 2000", "b EUR 750"])
            #expect(
                try await pipeline.texts(
                    """
                    SELECT concat_ws(' ', affiliate_id, conversions, refunds, revenue_minor, refunded_minor)
                    FROM affiliate_day ORDER BY 1
                    """) == ["a 2 0 20000 0", "b 1 1 10000 2500"])
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', affiliate_id, commission_minor) FROM affiliate_day ORDER BY 1")
                    == ["a 2000", "b 750"])
            #expect(
                try await pipeline.texts(
                    """
                    SELECT concat_ws(' ', order_id, from_affiliate, to_affiliate) FROM conversion_correction
                    JOIN conversion USING (conversion_id) ORDER BY 1
                    """) == ["1 a b", "2 a a"])
            // What comes later concerns the one that counts.
            try await pipeline.take([
                """
                {"event_id": "r2", "type": "refund", "occurred_at": "\(Self.at)", "program_id": "p-hold",
                 "order_id": "1", "amount_minor": 7500, "currency": "EUR"}
                """
            ])
            #expect(try await pipeline.texts(Self.pending) == ["a EUR 2000"])
        }
    }

    @Test("Four workers at once pay a cap to the last cent and no further")
    func caps() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.add(
                rules: """
                    [{"id": "standard", "action": {"percent": 1000}, "valid_from": "1970-01-01T00:00:00Z",
                      "caps": [{"scope": "program", "period": "month", "limit_minor": 33333},
                               {"scope": "affiliate", "period": "day", "limit_minor": 20000}]}]
                    """)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<4 {
                    group.addTask {
                        for batch in 0..<5 {
                            let orders = (0..<10).map {
                                Self.order("\(worker)-\(batch)-\($0)", "", affiliate: worker < 2 ? "a" : "b")
                            }
                            _ = try await pipeline.apply(
                                ScoringStage(registersUnknown: false), to: orders.map { Array($0.utf8) },
                                from: Int64(worker * 1_000 + batch * 100))
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', sum(amount_minor), count(*)) FROM commission") == ["33333 200"])
            #expect(
                try await pipeline.texts("SELECT concat_ws(' ', max(used_minor)) FROM cap_usage WHERE period = 'day'")
                    == ["20000"])
            #expect(
                try await pipeline.texts(
                    "SELECT count(*)::text FROM commission WHERE amount_minor < 1000 AND codes <> '{310}'") == ["0"])
        }
    }

    @Test("Tiers look at what was approved, customers at their first order")
    func memory() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.add(
                rules: """
                    [{"id": "standard", "action": {"tiers": [{"from_minor": 0, "percent": 100},
                        {"from_minor": 15000, "percent": 500}]}, "valid_from": "1970-01-01T00:00:00Z"},
                     {"id": "loyal", "priority": 1, "conditions": {"affiliates": ["b"]},
                      "action": {"recurring": {"percent": 2000, "months": 1}}}]
                    """)
            try await pipeline.take([Self.order("1", ""), Self.order("2", "")])
            try await pipeline.approve(at: "2026-03-12T00:00:00Z")
            try await pipeline.take([Self.order("3", "")])
            try await pipeline.take(
                [
                    Self.order("4", #", "customer_id": "k""#, affiliate: "b"),
                    Self.order("5", #", "customer_id": "k""#, affiliate: "b").replacing(
                        "2026-03-04", with: "2026-04-03"),
                    Self.order("6", #", "customer_id": "k""#, affiliate: "b").replacing(
                        "2026-03-04", with: "2026-04-04"),
                ], at: Pipeline.moment("2026-05-01T00:00:00Z"))
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', rule_id, amount_minor, volume_minor) FROM commission ORDER BY 1") == [
                        "loyal 2000 0", "loyal 2000 0", "standard 100 0", "standard 100 0", "standard 100 0",
                        "standard 500 20000",
                    ])
        }
    }
}

extension Pipeline {
    /// Makes these the rules of `p-hold`, from the beginning of time on.
    func add(rules: String) async throws {
        let tree = try #require(JSONTree(Array(rules.utf8)[...]))
        let wanted = try RuleDocument.wanted(tree)
        let plan = try await database.pool.transaction { transaction throws(PostgresError) -> RulePlan? in
            let current = try RuleStore.ruleSets(of: ["p-hold"], in: transaction)["p-hold"]
            guard let current else { return nil }
            // The test's rules are well-formed: a refusal is its own mistake.
            return try? RulePlan(
                current: current, rulesVersion: 1, wanted: wanted, at: Timestamp(secondsSinceEpoch: 0))
        }
        let found = try #require(plan)
        let version = try await database.pool.transaction { transaction throws(PostgresError) in
            try RuleStore.apply(found, to: "p-hold", by: "test", at: Pipeline.now, in: transaction)
        }
        #expect(version == 2)
    }

    fileprivate func quote(_ base: String, _ quote: String, _ rate: String, at text: String) async throws {
        let (mantissa, scale) = try #require(FXQuote.parse(rate))
        let quote = FXQuote(
            quoteID: 0, base: try #require(Currency(code: base)), quote: try #require(Currency(code: quote)),
            mantissa: mantissa, scale: scale, quotedAt: Pipeline.moment(text))
        let isNew = try await database.pool.transaction { transaction throws(PostgresError) in
            try FXQuoteStore.add(quote, source: "test", by: "test", in: transaction)
        }
        #expect(isNew)
    }

    /// One look of the scorer's timer.
    fileprivate func release(at text: String) async throws {
        let moment = Pipeline.moment(text)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: KafkaSettings(bootstrapServers: "127.0.0.1:1"), clientID: "test"),
            logger: logger)
        let publisher = LanePublisher(
            ParkedRelease.lane, owner: "test", pool: database.pool, producer: producer, logger: logger)
        _ = try await ParkedRelease(
            pool: database.pool, publisher: publisher, every: .seconds(1), clock: { moment }, logger: logger
        ).runOnce()
        await producer.close()
    }

    fileprivate func approve(at text: String) async throws {
        let moment = Pipeline.moment(text)
        try await database.pool.transaction { transaction throws(PostgresError) in
            let due = try CommissionStore.due(at: moment, maximum: 100, in: transaction)
            _ = try CommissionStore.decide(due, at: moment, in: transaction)
        }
    }
}
