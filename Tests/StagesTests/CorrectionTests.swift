import DevKit
import Dispatch
import Domain
import Events
import Postgres
import Stages
import Storage
import Testing

/// What-ifs that are accepted: an order of 100.00 EUR that pays 10 %, what happens to it, and another rate for it.
@Suite("Accepted corrections")
struct CorrectionTests {
    /// Steps as of `RefundTests`, and: `correct N` (a what-if at N basis points is accepted), `again` (the same once
    /// more), `close` (the month is closed). Behind them the postings of corrections, and pending, payable, reserved,
    /// clawback at the end.
    static let scenarios: [(String, String, postings: String, balances: String)] = [
        ("pending, more", "order, correct 1500", "expense←pending 1500, pending←expense 1000", "1500 0 0 0"),
        ("pending, less", "order, correct 500", "expense←pending 500, pending←expense 1000", "500 0 0 0"),
        ("pending, nothing", "order, correct 0", "pending←expense 1000", "0 0 0 0"),
        ("as it is", "order, correct 1000", "", "1000 0 0 0"),
        (
            "the same twice", "order, correct 1500, again", "expense←pending 1500, pending←expense 1000", "1500 0 0 0"
        ),
        (
            "corrected before", "order, correct 1500, correct 500",
            "expense←pending 1500, pending←expense 1000, expense←pending 500, pending←expense 1500", "500 0 0 0"
        ),
        (
            "corrected back", "order, correct 0, correct 1000", "pending←expense 1000, expense←pending 1000",
            "1000 0 0 0"
        ),
        ("held", "fast, correct 1500, approve", "expense←pending 1500, pending←expense 1000", "1500 0 0 0"),
        (
            "approved: the new one is approved in its turn", "order, approve, correct 1500",
            "expense←pending 1500, payable←expense 1000", "1500 0 0 0"
        ),
        (
            "approved, more", "order, approve, correct 1500, approve", "expense←pending 1500, payable←expense 1000",
            "0 1500 0 0"
        ),
        (
            "approved, less", "order, approve, correct 500, approve", "expense←pending 500, payable←expense 1000",
            "0 500 0 0"
        ),
        (
            "locked: what is reserved is never touched", "order, approve, lock, correct 1500",
            "expense←pending 1500, clawback←expense 1000", "1500 0 1000 1000"
        ),
        (
            "locked, then paid: the rest is payable", "order, approve, lock, correct 1500, pay, approve",
            "expense←pending 1500, clawback←expense 1000", "0 500 0 0"
        ),
        (
            "locked, then returned", "order, approve, lock, correct 1500, pay, return, approve",
            "expense←pending 1500, clawback←expense 1000", "0 1500 0 0"
        ),
        (
            "paid, more: a top-up", "order, approve, lock, pay, correct 1500, approve",
            "expense←pending 1500, clawback←expense 1000", "0 500 0 0"
        ),
        (
            "paid, less: a debt", "order, approve, lock, pay, correct 500, approve",
            "expense←pending 500, clawback←expense 1000", "0 0 0 500"
        ),
        (
            "refunded in part before", "order, refund r 5000, correct 1500",
            "expense←pending 1500, pending←expense 500, pending←expense 750", "750 0 0 0"
        ),
        (
            "refunded in part after", "order, correct 1500, refund r 5000",
            "expense←pending 1500, pending←expense 1000", "750 0 0 0"
        ),
        (
            "refunded in all before, and undone after", "order, refund r 10000, correct 1500, undo r 10000",
            "expense←pending 1500, pending←expense 1500", "1500 0 0 0"
        ),
        (
            "paid, refunded in part, corrected", "order, approve, lock, pay, refund r 5000, correct 1500, approve",
            "expense←pending 1500, clawback←expense 500, pending←expense 750", "0 0 0 250"
        ),
        (
            "in a closed month", "order, close, correct 1500", "expense←pending 1500, pending←expense 1000",
            "1500 0 0 0"
        ),
    ]

    @Test("Each leaves the postings at the end of its line", arguments: scenarios)
    func scenario(name: String, steps: String, postings: String, balances: String) async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.run("UPDATE affiliate SET payout_provider = 'manual'")
            var life = OrderLife(pipeline: pipeline)
            for step in steps.split(separator: ", ") {
                try await life.take(step.split(separator: " ").map(String.init))
            }
            #expect(try await pipeline.texts(Self.postings).joined(separator: ", ") == postings, "\(name)")
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', pending, payable, reserved, clawback) FROM affiliate_balance") == [balances],
                "\(name)")
            #expect(try await pipeline.texts(Self.broken) == [], "\(name)")
            #expect(try await pipeline.irreproducible() == [], "\(name)")
            let paid = try await pipeline.texts(
                "SELECT (sum(amount_minor) - 1000)::text FROM commission WHERE NOT superseded")
            #expect(paid == [String(life.seenMinor)], "\(name): the what-if said otherwise")
            let labelled = try await pipeline.texts(
                "SELECT concat_ws(' ', month, concerns, amount_minor, reason) FROM period_correction ORDER BY 1")
            let lines = ["2026-05-01 2026-03-01 -1500 agreed", "2026-05-01 2026-03-01 1000 correction 1: agreed"]
            #expect(labelled.filter { $0.contains("agreed") } == (steps.contains("close") ? lines : []), "\(name)")
        }
    }

    private static let postings: Statement = """
        SELECT regexp_replace(replace(debit::text, 'exp:commission', 'expense'), '^.*:', '') || '←'
            || regexp_replace(replace(credit::text, 'exp:commission', 'expense'), '^.*:', '') || ' ' || amount_minor
        FROM ledger_posting JOIN ledger_transaction USING (transaction_id) WHERE kind = 'correction'
        ORDER BY recorded_at, line
        """

    /// What must hold whatever was corrected: histories add up, so do the ledger and the balances, an order counts once
    /// for its affiliate's volume, and one commission of each tier stands.
    private static let broken: Statement = """
        SELECT 'history ' || commission_id::text FROM commission m
        WHERE reversed_minor <> (SELECT COALESCE(sum(amount_minor), 0) FROM commission_event e
            WHERE e.commission_id = m.commission_id)
        UNION ALL SELECT 'superseded ' || commission_id::text FROM commission
        WHERE superseded AND reversed_minor <> amount_minor
        UNION ALL SELECT 'standing ' || conversion_id::text FROM commission WHERE NOT superseded
        GROUP BY conversion_id, tier HAVING count(*) > 1
        UNION ALL SELECT 'volume ' || volume_minor::text FROM approved_volume v WHERE volume_minor
            > (SELECT sum(amount_minor) FROM conversion c WHERE c.affiliate_id = v.affiliate_id)
        UNION ALL SELECT 'expense ' || m.affiliate_id FROM (
            SELECT affiliate_id, currency, sum(amount_minor - reversed_minor) AS minor FROM commission GROUP BY 1, 2) m
        JOIN (SELECT affiliate_id, currency,
                sum(CASE WHEN debit = 'exp:commission' THEN amount_minor WHEN credit = 'exp:commission'
                    THEN -amount_minor ELSE 0 END) AS minor
            FROM ledger_posting GROUP BY 1, 2) l USING (affiliate_id, currency) WHERE l.minor <> m.minor
        UNION ALL SELECT 'day ' || d.affiliate_id FROM (
            SELECT affiliate_id, program_id, currency, sum(commission_minor) AS minor FROM affiliate_day
            GROUP BY 1, 2, 3) d
        JOIN (SELECT affiliate_id, program_id, currency, sum(amount_minor - reversed_minor) AS minor FROM commission
            GROUP BY 1, 2, 3) m USING (affiliate_id, program_id, currency) WHERE d.minor <> m.minor
        """

    // MARK: Many orders

    private static let standing: Statement = """
        SELECT concat_ws(' ', order_id, m.affiliate_id, rule_id || '/' || rule_version, m.amount_minor, m.currency,
            NULLIF(array_to_string(codes, ','), ''))
        FROM commission m JOIN conversion USING (conversion_id) WHERE NOT superseded ORDER BY order_id, tier
        """

    private static let midnight = Pipeline.moment("2026-03-05T00:00:00Z")

    private static func order(
        _ id: String, of affiliate: String, _ amountMinor: Int, _ currency: String = "EUR",
        at moment: String = "2026-03-04T10:00:00Z"
    ) -> String {
        """
        {"event_id": "e-\(id)", "type": "conversion", "occurred_at": "\(moment)", "program_id": "p-hold",
         "affiliate_id": "\(affiliate)", "order_id": "\(id)", "amount_minor": \(amountMinor),
         "currency": "\(currency)"}
        """
    }

    private static func trial(_ rules: String) throws -> RuleTrial {
        RuleTrial(
            programID: "p-hold",
            wanted: try RuleDocument.wanted(try #require(JSONTree(Array(rules.utf8)[...]))),
            span: Timestamp(secondsSinceEpoch: 0)..<midnight)
    }

    @Test("Caps, referrers and currencies come out as the what-if said, and rules count for their time alone")
    func shared() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.run("UPDATE affiliate SET referred_by = 'a' WHERE affiliate_id = 'b'")
            try await pipeline.add(
                rules: """
                    [{"id": "standard", "action": {"percent": 1000}, "valid_from": "1970-01-01T00:00:00Z"},
                     {"id": "friend", "action": {"second_tier": 1000}, "valid_from": "1970-01-01T00:00:00Z"}]
                    """)
            try await pipeline.take([
                Self.order("1", of: "a", 10_000), Self.order("2", of: "b", 10_000), Self.order("3", of: "a", 10_000),
                Self.order("4", of: "b", 5_000), Self.order("5", of: "a", 10_000, "JPY"),
            ])
            let trial = try Self.trial(
                """
                [{"id": "standard", "priority": 1, "action": {"percent": 2000},
                  "caps": [{"scope": "program", "period": "total", "limit_minor": 5000}]},
                 {"id": "other", "action": {"percent": 1000}}, {"id": "friend", "action": {"second_tier": 1000}}]
                """)
            let seen = try await pipeline.tryOut(trial)
            let acceptance = RuleAcceptance(trial: trial, digest: seen.digest, reason: "agreed", actor: "owner")
            let (_, count) = try await pipeline.accept(acceptance)
            #expect(count.corrected == 4 && count.overtaken == 0)
            let money = seen.whatIf.differences.mapValues(\.changedMinor).map {
                "\($0.key.affiliateID) \($0.key.currency.code) \($0.value)"
            }
            #expect(money.sorted() == ["a EUR 1050", "a JPY 0", "b EUR 500"])
            #expect(
                try await pipeline.texts(Self.standing) == [
                    "1 a standard/2 2000 EUR", "2 b standard/2 2000 EUR", "2 a friend/2 200 EUR",
                    "3 a standard/2 1000 EUR 310", "4 b standard/2 0 EUR 310", "5 a standard/1 1000 JPY",
                ])
            #expect(try await pipeline.texts("SELECT used_minor::text FROM cap_usage") == ["5000"])
            // One order of the time that comes late, and one behind it.
            _ = try await pipeline.apply(
                ScoringStage(registersUnknown: false),
                to: [
                    Self.order("6", of: "a", 10_000), Self.order("7", of: "b", 10_000, at: "2026-03-05T00:00:00Z"),
                ].map { Array($0.utf8) }, at: Self.midnight.adding(seconds: 60), from: 100)
            #expect(
                try await pipeline.texts(Self.standing).suffix(3) == [
                    "6 a standard/2 0 EUR 310", "7 b standard/1 1000 EUR", "7 a friend/1 100 EUR",
                ])
            #expect(try await pipeline.irreproducible() == [])
            #expect(try await pipeline.texts(Self.broken) == [])
            let known = try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
                try RuleStore.ruleSets(of: ["p-hold"], in: transaction)["p-hold"]
            }
            let plan = try RulePlan(
                current: try #require(known), rulesVersion: 3, wanted: trial.wanted, at: Self.midnight)
            #expect(
                plan.changes.map { "\($0.ruleID) \($0.version?.version ?? 0)" } == [
                    "friend 0", "other 2", "standard 3",
                ])
        }
    }

    @Test("What is not what was seen, or was corrected since, stays as it is")
    func overtaken() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([Self.order("1", of: "a", 10_000), Self.order("2", of: "a", 10_000)])
            let first = try Self.trial(#"[{"id": "standard", "action": {"percent": 1500}}]"#)
            let seen = try await pipeline.tryOut(first)
            try await pipeline.take([Self.order("3", of: "b", 10_000)])
            let stale = RuleAcceptance(trial: first, digest: seen.digest, reason: "agreed", actor: "owner")
            let (differs, _) = try await pipeline.accept(stale)
            let now = try await pipeline.tryOut(first).digest
            guard case .differs(let digest) = differs else {
                Issue.record("\(differs)")
                return
            }
            #expect(digest == now && digest != seen.digest)
            #expect(try await pipeline.texts("SELECT 1::text FROM rule_correction") == [])

            // Accepted and not begun; another is accepted and done meanwhile.
            let slow = RuleAcceptance(trial: first, digest: digest, reason: "slow", actor: "owner")
            let outcome = try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
                try slow.accept(at: Pipeline.now, in: transaction)
            }
            guard case .accepted(let waiting) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            let second = try Self.trial(#"[{"id": "standard", "action": {"percent": 2000}}]"#)
            let fast = RuleAcceptance(
                trial: second, digest: try await pipeline.tryOut(second).digest, reason: "fast", actor: "owner")
            try await pipeline.accept(fast)
            let left = try await RuleAcceptance.finish(
                waiting, on: pipeline.database.pool, clock: { Pipeline.now.adding(seconds: 60) })
            #expect(left.corrected == 0 && left.overtaken == 3)
            #expect(
                try await pipeline.texts(Self.standing)
                    == ["1 a standard/3 2000 EUR", "2 a standard/3 2000 EUR", "3 b standard/3 2000 EUR"])
            #expect(try await pipeline.texts(Self.broken) == [])
        }
    }

    @Test("An order of nothing that was not refunded keeps what a correction gives it")
    func lead() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.add(rules: #"[{"id": "standard", "action": {"fixed": 500}}]"#)
            try await pipeline.take([Self.order("1", of: "a", 0)])
            let trial = try Self.trial(#"[{"id": "standard", "action": {"fixed": 700}}]"#)
            try await pipeline.accept(
                RuleAcceptance(
                    trial: trial, digest: try await pipeline.tryOut(trial).digest, reason: "agreed", actor: "owner"))
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', amount_minor, reversed_minor, status) FROM commission WHERE NOT superseded")
                    == ["700 0 pending"])
        }
    }

    @Test("An explanation says who accepted what, why, and from how much to how much")
    func explained() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([Self.order("1", of: "a", 10_000)])
            let trial = try Self.trial(#"[{"id": "standard", "action": {"percent": 1500}}]"#)
            try await pipeline.accept(
                RuleAcceptance(
                    trial: trial, digest: try await pipeline.tryOut(trial).digest, reason: "agreed", actor: "owner"))
            let ids = try await pipeline.texts("SELECT commission_id::text FROM commission ORDER BY superseded DESC")
            let told = try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
                var told: [CommissionExplanation] = []
                for id in ids.compactMap({ Identifier(text: $0) }) {
                    if let explanation = try CommissionExplanation.load(id, in: transaction) {
                        told.append(explanation)
                    }
                }
                return told
            }
            let (old, new) = (try #require(told.first), try #require(told.last))
            for correction in [old.corrections.first, new.corrections.first] {
                #expect(correction?.reason == "agreed" && correction?.actor == "owner")
                #expect(correction?.beforeMinor == 1_000 && correction?.afterMinor == 1_500)
                #expect(correction?.commissionId == new.commissionId && correction?.rulesVersion == 2)
            }
            #expect(old.isSuperseded && old.history.map(\.reason) == ["correction 1: agreed"])
            #expect(new.amountMinor == 1_500 && new.ledger.map(\.kind) == ["correction"])
            #expect(new.ledger.first.map { Set($0.commissionIds) } == Set(ids))
            #expect(new.rules.first { $0.lost == nil }.map { "\($0.ruleId) \($0.version)" } == "standard 2")
            #expect(
                try await pipeline.texts("SELECT actor || ' ' || (detail ->> 'reason') FROM audit_log") == [
                    "owner agreed"
                ])
        }
    }

    @Test("A refund that waits for a correction takes back what the correction put in place")
    func meeting() async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.take([Self.order("1", of: "a", 10_000)])
            let trial = try Self.trial(#"[{"id": "standard", "action": {"percent": 1500}}]"#)
            let digest = try await pipeline.tryOut(trial).digest
            let release = DispatchSemaphore(value: 0)
            try await withThrowingDiscardingTaskGroup { group in
                // Holds the affiliate's balance, for which the correction waits with the commission in its hands.
                group.addTask {
                    try await pipeline.database.pool.transaction { transaction throws(PostgresError) in
                        try transaction.run("SELECT FROM affiliate_balance FOR UPDATE")
                        release.wait()
                    }
                }
                try await pipeline.waitUntilBalancesAreHeld()
                group.addTask {
                    try await pipeline.accept(
                        RuleAcceptance(trial: trial, digest: digest, reason: "agreed", actor: "owner"))
                }
                try await pipeline.waitUntilWaiting(1)
                group.addTask {
                    let refund = """
                        {"event_id": "r", "type": "refund", "occurred_at": "2026-03-04T11:00:00Z", "order_id": "1",
                         "program_id": "p-hold", "amount_minor": 5000, "currency": "EUR"}
                        """
                    _ = try await pipeline.apply(
                        ScoringStage(registersUnknown: false), to: [Array(refund.utf8)], from: 10)
                }
                try await pipeline.waitUntilWaiting(2)
                release.signal()
            }
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', amount_minor, reversed_minor) FROM commission ORDER BY superseded")
                    == ["1500 750", "1000 1000"])
            #expect(try await pipeline.texts(Self.broken) == [])
        }
    }
}

extension Pipeline {
    /// Waits until so many sessions wait for a lock.
    fileprivate func waitUntilWaiting(_ sessions: Int) async throws {
        try await wait(for: "sessions to wait", within: .seconds(20)) {
            try await texts(
                """
                SELECT count(*)::text FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """) == [String(sessions)]
        }
    }

    /// Waits until somebody holds rows of a table.
    fileprivate func waitUntilBalancesAreHeld() async throws {
        try await wait(for: "a session to hold rows", within: .seconds(20)) {
            try await texts(
                """
                SELECT count(*)::text FROM pg_locks
                WHERE mode = 'RowShareLock' AND relation = 'affiliate_balance'::regclass
                """) != ["0"]
        }
    }
}
