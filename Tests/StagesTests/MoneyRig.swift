import DevKit
import Domain
import Events
import Kafka
import Logging
import Outbox
import Postgres
import Stages
import Storage
import Testing
import WorkerRuntime

/// A world in a database.
struct MoneyRig {
    let world: MoneyWorld
    let database: TestDatabase

    func conversionID(_ order: String) -> Identifier { Identifier(hashing: "order", world.program, order) }

    /// When a step happens: behind all events, far enough from each other that nothing that waits is left out.
    func moment(_ number: Int) -> Timestamp {
        Timestamp(secondsSinceEpoch: Int64(MoneyWorld.start + 20 * MoneyWorld.day + number * 120))
    }

    func prepare() async throws {
        let names = PostgresValue.texts(world.affiliates)
        try await database.pool.transaction { [world] t throws(PostgresError) in
            try t.run(
                """
                INSERT INTO program (program_id, name, currency, pays_in, coupon_beats_click, attribution_window_days,
                    minimum_payout_minor, rules_version) VALUES ($1, $1, 'EUR', $2, $3, $4, 1, 0)
                """, .text(world.program), .text(world.paysInEuro ? "program" : "order"),
                .bool(world.couponBeatsClick), .int4(Int32(MoneyOracle.windowDays)))
            try t.run(
                """
                INSERT INTO affiliate (affiliate_id, name, provider_account, payout_provider, referred_by, group_id)
                SELECT id, id, 'acct_' || id, 'manual', CASE n WHEN 2 THEN ($1::text[])[1] END,
                    CASE n WHEN 3 THEN 'g' END
                FROM unnest($1::text[]) WITH ORDINALITY AS a (id, n)
                """, names)
            try t.run(
                "INSERT INTO coupon (program_id, code, affiliate_id) VALUES ($1, 'K', ($2::text[])[3])",
                .text(world.program), names)
        }
    }

    func take(_ step: MoneyWorld.Step, number: Int) async throws {
        let now = moment(number)
        let pipeline = Pipeline(database: database)
        switch step {
        case .events(let events):
            _ = try await pipeline.apply(
                ScoringStage(registersUnknown: false), to: events.map { Array($0.json(in: world.program).utf8) },
                at: now, from: Int64(number * 1_000))
        case .rules(let rules): try await apply(rules, at: now)
        case .correct(let rules, let until):
            let trial = RuleTrial(
                programID: world.program, wanted: try wanted(rules),
                span: Timestamp(secondsSinceEpoch: 0)..<Timestamp(secondsSinceEpoch: Int64(until)))
            let digest = try await pipeline.tryOut(trial).digest
            try await pipeline.accept(
                RuleAcceptance(trial: trial, digest: digest, reason: "agreed", actor: "owner"), at: now)
            #expect(try await pipeline.irreproducible() == [], "seed \(world.seed)")
        case .quote(let currency, let mantissa, let scale, let at):
            try await quote(currency, mantissa, scale, at: at)
        case .release: try await release(at: now)
        case .approve: try await approve(at: now)
        case .lock: try await lock(number, at: now)
        case .pay: try await move(from: .reserved, through: [.manual, .submitted, .paid], at: now)
        case .giveBack: try await move(from: .paid, through: [.returned], at: now)
        }
    }

    private func wanted(_ rules: [MoneyWorld.Rule]) throws -> [WantedRule] {
        let json = "[" + rules.map(\.json).joined(separator: ",") + "]"
        return try RuleDocument.wanted(try #require(JSONTree(Array(json.utf8)[...])))
    }

    private func apply(_ rules: [MoneyWorld.Rule], at now: Timestamp) async throws {
        let wanted = try wanted(rules)
        let program = world.program
        let known = try await database.pool.transaction { t throws(PostgresError) in
            (
                try TrackingLoad.programs([program], in: t)[program]?.rulesVersion,
                try RuleStore.ruleSets(of: [program], in: t)[program]
            )
        }
        let plan = try RulePlan(
            current: try #require(known.1), rulesVersion: try #require(known.0), wanted: wanted, at: now)
        let version = try await database.pool.transaction { t throws(PostgresError) in
            try RuleStore.apply(plan, to: program, by: "test", at: now, in: t)
        }
        #expect(version != nil)
    }

    private func quote(_ currency: String, _ mantissa: Int, _ scale: Int, at seconds: Int) async throws {
        let quote = FXQuote(
            quoteID: 0, base: try #require(Currency(code: currency)), quote: try #require(Currency(code: "EUR")),
            mantissa: Int64(mantissa), scale: Int16(scale), quotedAt: Timestamp(secondsSinceEpoch: Int64(seconds)))
        _ = try await database.pool.transaction { t throws(PostgresError) in
            try FXQuoteStore.add(quote, source: "test", by: "test", in: t)
        }
    }

    func release(at now: Timestamp) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: KafkaSettings(bootstrapServers: "127.0.0.1:1"), clientID: "test"),
            logger: logger)
        let publisher = LanePublisher(
            ParkedRelease.lane, owner: "test", pool: database.pool, producer: producer, logger: logger)
        _ = try await ParkedRelease(
            pool: database.pool, publisher: publisher, every: .seconds(1), clock: { now }, logger: logger
        ).runOnce()
        await producer.close()
    }

    private func approve(at now: Timestamp) async throws {
        try await database.pool.transaction { t throws(PostgresError) in
            try t.run(
                """
                INSERT INTO fraud_conversion (conversion_id, affiliate_id, verdict, codes, judged_at)
                SELECT conversion_id, affiliate_id, 'clear', '{}', now() FROM conversion ON CONFLICT DO NOTHING
                """)
            _ = try CommissionStore.decide(
                try CommissionStore.due(at: now, maximum: 1_000, in: t), at: now, in: t)
        }
    }

    private func lock(_ number: Int, at now: Timestamp) async throws {
        let lane = Lane(emitter: "payout-planner")
        try await database.pool.transaction { t throws(PostgresError) in
            let planned = try PayoutStore.plan(
                batchKey: "b\(number)", at: now, submittedBy: "planner", lane: lane, in: t)
            let waiting = planned.filter { $0.payout.state == .awaitingApproval }.map(\.payout.payoutID)
            let first = try PayoutStore.approve(waiting, by: "owner", lane: lane, at: now, in: t)
            // Above the second limit it takes two.
            let large = first.filter { $0.result == .firstOfTwo }.map(\.payoutID)
            _ = try PayoutStore.approve(large, by: "second", lane: lane, at: now, in: t)
        }
    }

    private func move(from first: PayoutState, through states: [PayoutState], at now: Timestamp) async throws {
        try await database.pool.transaction { t throws(PostgresError) in
            let ids = try t.query("SELECT payout_id FROM payout WHERE state = $1", .text(first.rawValue)) { row in
                Identifier(try row.uuid(0))
            }
            for state in states {
                let payouts = try PayoutStore.lock(ids, in: t)
                if state == .returned { try OrderLife.sayReturned(ids, at: now, in: t) }
                try PayoutStore.move(
                    payouts.map { PayoutMove($0, to: state, evidence: "test") }, actor: "test", at: now, in: t)
            }
        }
    }

    /// What the tables say, as the oracle writes it; the balances twice, as they are kept and as postings add up.
    func facts() async throws -> [String] {
        try await database.pool.transaction { t throws(PostgresError) in
            try t.query(
                """
                WITH posted AS (
                    SELECT affiliate_id, currency,
                        COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:pending'), 0) AS pending,
                        COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:payable'), 0) AS payable,
                        COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:reserved'), 0) AS reserved,
                        COALESCE(-sum(minor) FILTER (WHERE account = 'asset:affiliate:clawback'), 0) AS clawback
                    FROM ledger_posting CROSS JOIN LATERAL
                        (VALUES (credit, amount_minor), (debit, -amount_minor)) AS s (account, minor)
                    GROUP BY affiliate_id, currency
                )
                SELECT line COLLATE "C" FROM (
                    SELECT concat_ws(' ', 'balance', affiliate_id, currency, p.pending, p.payable, p.reserved,
                        p.clawback, CASE WHEN (p.pending, p.payable, p.reserved, p.clawback)
                            <> (b.pending, b.payable, b.reserved, b.clawback) THEN 'and kept otherwise' END) AS line
                    FROM posted p JOIN affiliate_balance b USING (affiliate_id, currency)
                    WHERE (p.pending, p.payable, p.reserved, p.clawback) <> (0, 0, 0, 0)
                    UNION ALL SELECT concat_ws(' ', 'commission', c.order_id, m.tier, m.affiliate_id,
                        COALESCE(m.rule_id || '/' || m.rule_version, '-'), m.amount_minor, m.reversed_minor, m.currency,
                        m.status, CASE WHEN m.superseded THEN 'superseded' END)
                    FROM commission m JOIN conversion c USING (conversion_id)
                    UNION ALL SELECT concat_ws(' ', 'refused', code, count(*)) FROM intake_exception GROUP BY code
                    UNION ALL SELECT concat_ws(' ', 'parked', e.event_id, p.code)
                    FROM parked_event p JOIN event e USING (event_key)
                ) f ORDER BY 1
                """
            ) { row in try row.text(0) }
        }
    }
}

extension MoneyWorld.Event {
    func json(in program: String) -> String {
        var members = [
            #""event_id": "\#(id)""#, #""type": "\#(type)""#, #""program_id": "\#(program)""#,
            #""occurred_at": "\#(Timestamp(secondsSinceEpoch: Int64(at)).rfc3339)""#,
        ]
        func add(_ name: String, _ text: String?) {
            if let text { members.append(#""\#(name)": "\#(text)""#) }
        }
        add("affiliate_id", affiliate)
        add("click_id", click)
        add("order_id", order)
        add("refund_id", refund)
        add("customer_id", customer)
        add("coupon", coupon)
        add("country", country)
        if type != "click" { members += [#""amount_minor": \#(amount)"#, #""currency": "\#(currency)""#] }
        if type == "conversion" { members += [#""quantity": \#(quantity)"#, #""is_test": \#(isTest)"#] }
        if let isNewCustomer { members.append(#""is_new_customer": \#(isNewCustomer)"#) }
        if !items.isEmpty {
            let items = items.map {
                #"{"sku": "\#($0.sku)", "quantity": \#($0.quantity), "amount_minor": \#($0.amount)}"#
            }
            members.append(#""items": [\#(items.joined(separator: ", "))]"#)
        }
        return "{" + members.joined(separator: ", ") + "}"
    }
}

extension MoneyWorld.Rule {
    fileprivate var json: String {
        func list(_ texts: [String]) -> String { "[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]" }
        var named = conditions.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \(list($0.value))" }
        if let newCustomer { named.append("\"new_customer\": \(newCustomer)") }
        if let minimumOrder { named.append("\"minimum_order_minor\": \(minimumOrder)") }
        let action =
            switch kind {
            case "tiers":
                "["
                    + tiers.map { "{\"from_minor\": \($0.from), \"percent\": \($0.percent)}" }.joined(separator: ",")
                    + "]"
            case "recurring": "{\"percent\": \(value)\(months.map { ", \"months\": \($0)" } ?? "")}"
            default: String(value)
            }
        let limits = caps.map {
            "{\"scope\": \"\($0.scope)\", \"period\": \"\($0.period)\", \"limit_minor\": \($0.limit)}"
        }
        let start = Timestamp(secondsSinceEpoch: Int64(from)).rfc3339
        return "{\"id\": \"\(id)\", \"priority\": \(priority), \"valid_from\": \"\(start)\", \"conditions\": {"
            + named.joined(separator: ",") + "}, \"action\": {\"\(kind)\": \(action)}, \"caps\": ["
            + limits.joined(separator: ",") + "]}"
    }
}
