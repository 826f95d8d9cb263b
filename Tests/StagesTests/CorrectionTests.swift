import DevKit
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
            SELECT affiliate_id, program_id, currency, sum(commission_minor) AS minor FROM affiliate_day GROUP BY 1, 2, 3) d
        JOIN (SELECT affiliate_id, program_id, currency, sum(amount_minor - reversed_minor) AS minor FROM commission
            GROUP BY 1, 2, 3) m USING (affiliate_id, program_id, currency) WHERE d.minor <> m.minor
        """
}
