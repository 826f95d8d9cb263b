import DevKit
import Postgres
import Testing

extension PaymentBench {
    /// Proves that the books balance.
    func checkBalances(_ location: SourceLocation) async throws {
        let unequal = try await texts(PaymentRig.unequalBalances)
        #expect(unequal == [], "balances differ from their postings", sourceLocation: location)
        let unreserved = try await texts(PaymentRig.unreserved)
        #expect(unreserved == [], "reserved money differs from open payouts", sourceLocation: location)
    }
}

extension PaymentRig {
    /// Proves that the books balance, and that the provider says the same about the money that lies with it.
    ///
    /// - Precondition: no send is under way or unknown.
    func checkBooks(_ location: SourceLocation = #_sourceLocation) async throws {
        let differences = try await differences()
        #expect(differences == [], sourceLocation: location)
    }

    /// What the books say otherwise than their own postings, the payouts or the provider.
    func differences() async throws -> [String] {
        var found = try await texts(PaymentRig.unequalBalances).map { "the balance of \($0) differs from its postings" }
        found += try await texts(PaymentRig.unreserved).map { "the reserve of \($0) differs from its open payouts" }
        found += try await texts(PaymentRig.inTransit).map { "\($0) is in transit" }
        for line in try await texts(PaymentRig.connected) {
            let words = line.split(separator: " ")
            let there = await fake.balance(of: String(words[0]))["usd"] ?? 0
            if there != Int64(words[1]) { found.append("\(line) here, \(there) there") }
        }
        let acceptances = await fake.acceptances
        let transferred = acceptances.filter { $0.object == "transfer" }.reduce(0) { $0 + $1.amount }
        let recorded = try await texts(
            """
            SELECT COALESCE(sum(amount_minor), 0)::text FROM ledger_posting WHERE credit = 'asset:provider:stripe'
            """)
        if recorded != [String(transferred)] { found.append("transfers: \(recorded) here, \(transferred) there") }
        let steps = acceptances.map { "\($0.payoutID) \($0.object)" }
        if Set(steps).count != steps.count { found.append("a step was executed twice") }
        return found
    }

    /// Money on its way to banks, and the payouts that are said to be on their way.
    private static let inTransit: Statement =
        """
        SELECT posted || ' of ' || owed FROM (
            SELECT COALESCE(sum(CASE 'asset:in_transit:stripe' WHEN debit::text THEN amount_minor
                    WHEN credit::text THEN -amount_minor ELSE 0 END), 0) AS posted, (
                SELECT COALESCE(sum(amount_minor), 0) FROM payout
                WHERE state IN ('submitted', 'canceling', 'in_transit') AND provider = 'stripe') AS owed
            FROM ledger_posting) s
        WHERE posted <> owed
        """

    static let unequalBalances: Statement =
        """
        WITH side AS (
            SELECT affiliate_id, credit AS account, amount_minor AS minor FROM ledger_posting
            UNION ALL SELECT affiliate_id, debit, -amount_minor FROM ledger_posting
        ), ledger AS (
            SELECT affiliate_id,
                COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:payable'), 0) AS payable,
                COALESCE(sum(minor) FILTER (WHERE account = 'liab:affiliate:reserved'), 0) AS reserved,
                COALESCE(-sum(minor) FILTER (WHERE account = 'asset:provider:stripe:account'), 0) AS connected
            FROM side GROUP BY affiliate_id
        )
        SELECT affiliate_id FROM ledger l JOIN affiliate_balance b USING (affiliate_id)
        WHERE (l.payable, l.reserved, l.connected)
            IS DISTINCT FROM (b.payable::numeric, b.reserved::numeric, b.connected::numeric)
        """

    static let unreserved: Statement =
        """
        SELECT b.affiliate_id FROM affiliate_balance b
        WHERE b.reserved <> COALESCE((
            SELECT sum(p.amount_minor) FROM payout p WHERE p.affiliate_id = b.affiliate_id AND p.state IN
                ('awaiting_approval', 'reserved', 'submitting', 'unknown', 'manual', 'declined', 'submitted',
                'canceling', 'in_transit')), 0)
        """

    private static let connected: Statement =
        """
        SELECT a.provider_account || ' ' || b.connected
        FROM affiliate_balance b JOIN affiliate a USING (affiliate_id)
        """
}
