import Postgres

/// What a run of the demo came to. The keys are those of the README.
struct DemoSummary: Encodable, Sendable {
    struct Outcomes: Encodable, Sendable {
        var accepted: Int64 = 0
        var duplicate: Int64 = 0
        /// By reason code.
        var rejected: [String: Int64] = [:]
        /// Still waiting for the order they refer to.
        var parked: Int64 = 0
        var dead: Int64 = 0

        var total: Int64 { accepted + duplicate + rejected.values.reduce(0, +) + parked + dead }
    }

    struct Payouts: Encodable, Sendable {
        var paid: Int64 = 0
        var failed: Int64 = 0
        var awaitingApproval: Int64 = 0
        /// Of those paid, by currency.
        var amountMinor: [String: Int64] = [:]
        /// All of them, by provider and state.
        var states: [String: [String: Int64]] = [:]

        enum CodingKeys: String, CodingKey {
            case paid, failed, states
            case awaitingApproval = "awaiting_approval"
            case amountMinor = "amount_minor"
        }
    }

    var eventsPublished: Int64 = 0
    var outcomes = Outcomes()
    var clicks: Int64 = 0
    var conversions: Int64 = 0
    var refunds: Int64 = 0
    var revenueMinor: [String: Int64] = [:]
    var commissionMinor: [String: Int64] = [:]
    var payouts = Payouts()
    /// By invariant: `ok`, or what is broken.
    var verify: [String: String] = [:]
    var seconds: Double = 0

    enum CodingKeys: String, CodingKey {
        case outcomes, clicks, conversions, refunds, payouts, verify, seconds
        case eventsPublished = "events_published"
        case revenueMinor = "revenue_minor"
        case commissionMinor = "commission_minor"
    }

    /// Counts what the database holds.
    static func load(in transaction: borrowing Transaction) throws(PostgresError) -> DemoSummary {
        var summary = DemoSummary()
        try summary.loadIntake(in: transaction)
        try summary.loadMoney(in: transaction)
        try summary.loadPayouts(in: transaction)
        return summary
    }

    private mutating func loadIntake(in transaction: borrowing Transaction) throws(PostgresError) {
        let counts =
            try transaction.query(
                """
                SELECT (SELECT count(*) FROM event) - (SELECT count(*) FROM parked_event),
                    (SELECT count(*) FROM intake_exception WHERE outcome = 'duplicate'),
                    (SELECT count(*) FROM parked_event),
                    (SELECT count(*) FROM dead_letter WHERE topic = 'conversions.raw'),
                    (SELECT count(*) FROM click), (SELECT count(*) FROM conversion), (SELECT count(*) FROM refund)
                """
            ) { row in
                [
                    try row.int8(0), try row.int8(1), try row.int8(2), try row.int8(3), try row.int8(4),
                    try row.int8(5),
                    try row.int8(6),
                ]
            }.first ?? [Int64](repeating: 0, count: 7)
        outcomes.accepted = counts[0]
        outcomes.duplicate = counts[1]
        outcomes.parked = counts[2]
        outcomes.dead = counts[3]
        (clicks, conversions, refunds) = (counts[4], counts[5], counts[6])
        outcomes.rejected = try sums(
            "SELECT code::text, count(*) FROM intake_exception WHERE outcome = 'rejected' GROUP BY code",
            in: transaction)
    }

    private mutating func loadMoney(in transaction: borrowing Transaction) throws(PostgresError) {
        revenueMinor = try sums(
            "SELECT currency, sum(amount_minor)::int8 FROM conversion WHERE NOT is_test GROUP BY currency",
            in: transaction)
        commissionMinor = try sums(
            "SELECT currency, sum(amount_minor - reversed_minor)::int8 FROM commission GROUP BY currency",
            in: transaction)
    }

    private mutating func loadPayouts(in transaction: borrowing Transaction) throws(PostgresError) {
        let counts = try transaction.query(
            "SELECT provider, state, count(*) FROM payout GROUP BY provider, state"
        ) { row in (provider: try row.text(0), state: try row.text(1), count: try row.int8(2)) }
        for entry in counts { payouts.states[entry.provider, default: [:]][entry.state] = entry.count }
        let states = Dictionary(counts.map { ($0.state, $0.count) }) { $0 + $1 }
        payouts.paid = (states["paid"] ?? 0) + (states["final"] ?? 0)
        payouts.failed = ["failed", "returned", "canceled"].reduce(0) { $0 + (states[$1] ?? 0) }
        payouts.awaitingApproval = states["awaiting_approval"] ?? 0
        payouts.amountMinor = try sums(
            "SELECT currency, sum(amount_minor)::int8 FROM payout WHERE state IN ('paid', 'final') GROUP BY currency",
            in: transaction)
    }

    private func sums(
        _ statement: Statement, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: Int64] {
        let pairs = try transaction.query(statement) { row in (try row.text(0), try row.int8(1)) }
        return Dictionary(pairs) { $0 + $1 }
    }
}
