import DevKit
import Domain
import Outbox
import Postgres
import Stages
import Storage
import Testing

/// An order of 100.00 EUR that pays 10 %, and what happens to it; a week passes before it is approved.
@Suite("Refunds and chargebacks")
struct RefundTests {
    /// Steps: `fast` (an order that is held), `order`, `approve`, `lock`, `pay`, `return`, `other N` (another approved
    /// order of N), `refund ID N`, `chargeback ID N`, `undo ID N` (a refund that did not happen after all).
    /// Behind them the postings of what was taken and given back, and pending, payable, reserved, clawback at the end.
    static let scenarios: [(String, String, postings: String, balances: String)] = [
        ("pending, all", "order, refund r 10000", "pending←expense 1000", "0 0 0 0"),
        ("pending, a part", "order, refund r 2500", "pending←expense 250", "750 0 0 0"),
        (
            "pending, parts that add up", "order, refund r 3333, refund s 3333, refund t 3334",
            "pending←expense 333, pending←expense 334, pending←expense 333", "0 0 0 0"
        ),
        ("pending, more than there was", "order, refund r 6000, refund s 6000", "pending←expense 600", "400 0 0 0"),
        ("pending, the same one twice", "order, refund r 2500, refund r 2500", "pending←expense 250", "750 0 0 0"),
        ("held, all", "fast, refund r 10000", "pending←expense 1000", "0 0 0 0"),
        (
            "held, a chargeback on top of a part", "fast, refund r 5000, chargeback c 5000",
            "pending←expense 500, pending←expense 500", "0 0 0 0"
        ),
        ("approved, all", "order, approve, refund r 10000", "payable←expense 1000", "0 0 0 0"),
        ("approved, a part", "order, approve, refund r 4000", "payable←expense 400", "0 600 0 0"),
        (
            "locked: what is reserved is never touched", "order, approve, lock, refund r 10000",
            "clawback←expense 1000", "0 0 1000 1000"
        ),
        (
            "locked, then paid", "order, approve, lock, chargeback c 5000, pay", "clawback←expense 500",
            "0 0 0 500"
        ),
        (
            "locked, then returned: the debt is still there", "order, approve, lock, refund r 10000, pay, return",
            "clawback←expense 1000", "0 1000 0 1000"
        ),
        ("paid, all", "order, approve, lock, pay, refund r 10000", "clawback←expense 1000", "0 0 0 1000"),
        (
            "paid, in parts", "order, approve, lock, pay, refund r 2500, chargeback c 7500",
            "clawback←expense 250, clawback←expense 750", "0 0 0 1000"
        ),
        (
            "paid, and netted from the next approval", "order, approve, lock, pay, refund r 10000, other 4000",
            "clawback←expense 1000", "0 0 0 600"
        ),
        (
            "pending, undone", "order, refund r 10000, undo r 10000", "pending←expense 1000, expense←pending 1000",
            "1000 0 0 0"
        ),
        (
            "approved, undone: it is judged again", "order, approve, refund r 10000, undo r 10000",
            "payable←expense 1000, expense←pending 1000", "1000 0 0 0"
        ),
        (
            "approved, a part undone", "order, approve, refund r 4000, undo r 4000",
            "payable←expense 400, expense←payable 400", "0 1000 0 0"
        ),
        (
            "paid, a chargeback that is won settles the debt",
            "order, approve, lock, pay, chargeback c 10000, undo c 10000",
            "clawback←expense 1000, expense←clawback 1000", "0 0 0 0"
        ),
        (
            "paid, won after the debt was netted: it is payable",
            "order, approve, lock, pay, chargeback c 10000, other 10000, undo c 10000",
            "clawback←expense 1000, expense←payable 1000", "0 1000 0 0"
        ),
        (
            "undone once only, and refunded again", "order, refund r 10000, undo r 10000, undo r 10000, refund s 5000",
            "pending←expense 1000, expense←pending 1000, pending←expense 500", "500 0 0 0"
        ),
        ("undone with another amount", "order, refund r 5000, undo r 4000", "pending←expense 500", "500 0 0 0"),
    ]

    @Test("Each leaves the postings at the end of its line", arguments: scenarios)
    func scenario(name: String, steps: String, postings: String, balances: String) async throws {
        try await Pipeline.with { pipeline in
            try await pipeline.run("UPDATE affiliate SET payout_provider = 'manual'")
            var life = OrderLife(pipeline: pipeline)
            for step in steps.split(separator: ", ") {
                try await life.take(step.split(separator: " ").map(String.init))
            }
            #expect(try await pipeline.texts(RefundTests.returned).joined(separator: ", ") == postings, "\(name)")
            #expect(
                try await pipeline.texts(
                    "SELECT concat_ws(' ', pending, payable, reserved, clawback) FROM affiliate_balance") == [balances],
                "\(name)")
            #expect(try await pipeline.texts(RefundTests.disagreements) == [], "\(name)")
        }
    }

    /// Postings by which commission was taken back or given back: neither accruals nor what payouts did.
    private static let returned: Statement = """
        SELECT regexp_replace(debit::text, '^.*:', '') || '←' || regexp_replace(credit::text, '^.*:', '') || ' '
            || amount_minor
        FROM (SELECT recorded_at, line, replace(debit::text, 'exp:commission', 'expense') AS debit,
                replace(credit::text, 'exp:commission', 'expense') AS credit, amount_minor
            FROM ledger_posting JOIN ledger_transaction USING (transaction_id)
            WHERE credit = 'exp:commission' OR debit = 'exp:commission' AND transaction_id IN
                (SELECT transaction_id FROM refund_reversal)) p
        ORDER BY recorded_at, line
        """

    /// Commissions whose history does not add up to what is reversed of them.
    static let disagreements: Statement = """
        SELECT commission_id::text FROM commission m
        WHERE reversed_minor <> (SELECT COALESCE(sum(amount_minor), 0) FROM commission_event e
            WHERE e.commission_id = m.commission_id)
        """
}
