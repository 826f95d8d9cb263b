public import Domain
public import Postgres

/// What one affiliate was owed before and after a month, in one currency, and why it changed.
public struct AffiliateStatement: Hashable, Sendable {
    /// Its first day.
    public let month: CivilDate
    /// nil: the month is open, and the statement may still change.
    public let closedAt: Timestamp?
    public let sums: PeriodStatement
}

/// Something that changed what an affiliate is owed: one movement of the ledger, or many of one kind.
public struct StatementLine: Hashable, Sendable {
    /// Raw values are the words of the API and of files; in the order in which a statement has them.
    public enum Kind: String, CaseIterable, Sendable {
        case commission
        /// Given back, as a refund did not happen after all.
        case restored
        case reversed
        case paid
        case returned
        /// A debt that was given up.
        case writtenOff = "written_off"
        case fee
    }

    public let kind: Kind
    public let currency: Currency
    /// nil where no programme is behind it.
    public let programID: String?
    /// Of commissions: 1, or 2 for what the affiliate's referrals earned it.
    public let tier: Int32?
    /// Of what was taken or given back.
    public let reason: String?
    /// The month of the books that it corrects; nil: its own.
    public let concerns: CivilDate?
    public let payoutID: Identifier?
    public let provider: String?
    /// The payment's id at the provider or the bank, or what an operator recorded.
    public let reference: String?
    /// Of the account that was paid, as far as it is known.
    public let last4: String?
    /// nil for many movements.
    public let at: Timestamp?
    public let count: Int64
    /// What it adds to the balance.
    public let amountMinor: Int64
}

/// An affiliate's statements, from the ledger alone; what the ledger does not say, such as programmes, is looked up.
public enum StatementStore {
    /// Lines that are told one by one; those behind them are summed up.
    public static let linesMaximum: Int64 = 2_000

    /// Where a list goes on: behind this month and currency.
    public struct Place: Hashable, Sendable {
        public let month: CivilDate
        public let currency: String

        public init(month: CivilDate, currency: String) {
            self.month = month
            self.currency = currency
        }
    }

    /// The statements of an affiliate, newest month first: as they were closed, or as they stand.
    ///
    /// - Parameters:
    ///   - month: any day of the only month that is asked for; nil: all.
    ///   - now: months up to this one have a statement where there is a balance or a movement.
    public static func list(
        of affiliateID: String, month: CivilDate? = nil, upTo now: Timestamp, after: Place? = nil, limit: Int,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AffiliateStatement] {
        try transaction.query(
            """
            WITH open AS (
                SELECT COALESCE(max(month) + interval '1 month', '-infinity')::date AS first, max(month) AS base
                FROM accounting_period
            ), moved AS (
                SELECT m.currency, date_trunc('month', m.recorded_at AT TIME ZONE 'UTC')::date AS month,
                    COALESCE(sum(minor) FILTER (WHERE sort = 'accrued'), 0) AS accrued,
                    COALESCE(-sum(minor) FILTER (WHERE sort = 'reversed'), 0) AS reversed,
                    COALESCE(-sum(minor) FILTER (WHERE sort IN ('paid', 'returned')), 0) AS paid,
                    COALESCE(sum(minor) FILTER (WHERE sort IN ('written_off', 'fee')), 0) AS other,
                    sum(minor) AS minor
                FROM affiliate_movement m, open
                WHERE m.affiliate_id = $1 AND m.recorded_at >= open.first::timestamp AT TIME ZONE 'UTC'
                GROUP BY 1, 2
            ), carried AS (
                SELECT currency, closing_minor FROM period_statement JOIN open ON month = base WHERE affiliate_id = $1
            ), calendar AS (
                SELECT month::date, currency
                FROM open, (SELECT min(month) AS first FROM moved) m, generate_series(
                    (CASE WHEN isfinite(open.first) THEN open.first ELSE m.first END)::timestamp, $3::date::timestamp,
                    interval '1 month') AS c (month), (SELECT currency FROM moved UNION SELECT currency FROM carried) k
            ), standing AS (
                SELECT c.month, c.currency, COALESCE(m.accrued, 0) AS accrued, COALESCE(m.reversed, 0) AS reversed,
                    COALESCE(m.paid, 0) AS paid, COALESCE(m.other, 0) AS other,
                    m.month IS NOT NULL AS is_moved, COALESCE(m.minor, 0) AS minor, COALESCE(b.closing_minor, 0)
                        + sum(COALESCE(m.minor, 0)) OVER (PARTITION BY c.currency ORDER BY c.month) AS closing
                FROM calendar c LEFT JOIN moved m USING (month, currency) LEFT JOIN carried b USING (currency)
            )
            SELECT * FROM (
                SELECT month, currency, opening_minor, accrued_minor, reversed_minor, paid_minor, other_minor,
                    closing_minor, closed_at
                FROM period_statement JOIN accounting_period USING (month) WHERE affiliate_id = $1
                UNION ALL
                SELECT month, currency, (closing - minor)::bigint, accrued::bigint, reversed::bigint, paid::bigint,
                    other::bigint, closing::bigint, NULL
                FROM standing WHERE is_moved OR closing <> 0
            ) every
            WHERE ($2::date IS NULL OR month = $2)
                AND ($4::date IS NULL OR month < $4 OR (month = $4 AND currency > $5))
            ORDER BY month DESC, currency LIMIT $6
            """, .text(affiliateID), month?.firstOfMonth.value ?? .null,
            CivilDate(daysSinceEpoch: now.day).firstOfMonth.value, after?.month.value ?? .null,
            .optionalText(after?.currency), .int8(Int64(limit))
        ) { row throws(PostgresError) in
            AffiliateStatement(
                month: CivilDate(daysSinceEpoch: try row.date(0)),
                closedAt: try row.timestampOrNull(8).map(Timestamp.init(microsecondsSinceEpoch:)),
                sums: PeriodStatement(
                    affiliateID: affiliateID, currency: try row.currency(1), openingMinor: try row.int8(2),
                    accruedMinor: try row.int8(3), reversedMinor: try row.int8(4), paidMinor: try row.int8(5),
                    otherMinor: try row.int8(6), closingMinor: try row.int8(7)))
        }
    }

    /// Why a month changed an affiliate's balances; the lines of a currency add up to its change, to the minor unit.
    ///
    /// Commissions and payouts tell what the ledger's movements were for. What they do not account for is a line of its
    /// own, without a programme or a payout: nothing is left out.
    ///
    /// - Parameter month: any day of it.
    public static func lines(
        of affiliateID: String, month: CivilDate, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [StatementLine] {
        let first = month.firstOfMonth
        let span = [first, first.adding(months: 1)].map { PostgresValue.moment($0.midnight) }
        let told = try told(to: affiliateID, first, span, in: transaction)
        let sums = try transaction.query(
            """
            SELECT currency, sort, count(*), sum(minor)::bigint FROM affiliate_movement
            WHERE affiliate_id = $1 AND recorded_at >= $2 AND recorded_at < $3 GROUP BY 1, 2
            """, .text(affiliateID), span[0], span[1]
        ) { row throws(PostgresError) in
            (currency: try row.currency(0), sort: try row.text(1), count: try row.int8(2), minor: try row.int8(3))
        }
        let rest = sums.compactMap { sum -> StatementLine? in
            let lines = told.filter { $0.currency == sum.currency && $0.kind.sort == sum.sort }
            let missing = sum.minor - lines.reduce(0) { $0 + $1.amountMinor }
            guard missing != 0, let kind = StatementLine.Kind.allCases.first(where: { $0.sort == sum.sort }) else {
                return nil
            }
            return StatementLine(
                kind: kind, currency: sum.currency, programID: nil, tier: nil, reason: nil, concerns: nil,
                payoutID: nil, provider: nil, reference: nil, last4: nil, at: nil,
                count: max(1, sum.count - Int64(lines.count)), amountMinor: missing)
        }
        return (told + rest).sorted { $0.place.lexicographicallyPrecedes($1.place) }
    }

    private static func told(
        to affiliateID: String, _ first: CivilDate, _ span: [PostgresValue], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [StatementLine] {
        try transaction.query(
            """
            WITH movement AS MATERIALIZED (
                SELECT * FROM affiliate_movement WHERE affiliate_id = $1 AND recorded_at >= $2 AND recorded_at < $3
            ), recorded AS (
                SELECT 'commission' AS kind, m.currency, m.program_id, m.tier::int4 AS tier, NULL::text AS reason,
                    date_trunc('month', o.recorded_at AT TIME ZONE 'UTC')::date AS concerns, m.amount_minor AS minor
                FROM commission m LEFT JOIN commission o ON o.commission_id = m.conversion_id
                WHERE m.affiliate_id = $1 AND m.recorded_at >= $2 AND m.recorded_at < $3 AND m.amount_minor > 0
                    AND m.transaction_id IN (SELECT transaction_id FROM movement)
                UNION ALL
                SELECT CASE WHEN e.amount_minor > 0 THEN 'reversed' ELSE 'restored' END, m.currency, m.program_id,
                    m.tier::int4, e.reason, date_trunc('month', m.recorded_at AT TIME ZONE 'UTC')::date,
                    -e.amount_minor
                FROM commission_event e JOIN commission m USING (commission_id)
                WHERE m.affiliate_id = $1 AND e.at >= $2 AND e.at < $3 AND e.amount_minor <> 0
                    AND e.transaction_id IN (SELECT transaction_id FROM movement)
            ), single AS (
                SELECT m.*, CASE WHEN m.kind IN ('payout_paid', 'payout_returned')
                    THEN split_part(m.key, ':', 2)::uuid END AS payout_id
                FROM movement m WHERE m.sort NOT IN ('accrued', 'reversed')
            )
            SELECT kind, currency, program_id, tier, reason, NULLIF(concerns, $4::date), NULL::uuid AS payout_id,
                NULL::text AS provider, NULL::text AS reference, NULL::text AS last4, NULL::timestamptz AS at, count(*),
                sum(minor)::bigint
            FROM recorded GROUP BY 1, 2, 3, 4, 5, 6
            UNION ALL
            SELECT s.sort, s.currency, NULL, NULL, NULL, NULL, s.payout_id, p.provider,
                COALESCE(a.provider_object_id, e.evidence,
                    CASE s.kind WHEN 'operator' THEN substr(s.key, length('operator:') + 1) END),
                COALESCE(d.last4, CASE p.provider WHEN 'circle' THEN right(d.account, 4) END), s.recorded_at, 1, s.minor
            FROM single s LEFT JOIN payout p ON p.payout_id = s.payout_id
            LEFT JOIN payout_attempt a
                ON a.payout_id = s.payout_id AND a.operation = 'payout' AND a.state = 'accepted'
            LEFT JOIN payout_event e ON e.payout_id = s.payout_id AND e.to_state = 'paid' AND p.provider = 'manual'
            LEFT JOIN LATERAL (
                SELECT last4, account FROM payout_method
                WHERE affiliate_id = $1 AND provider_account = p.destination ORDER BY payout_method_id DESC LIMIT 1
            ) d ON true
            ORDER BY 11 NULLS FIRST, 1, 2, 3, 4, 5, 6 LIMIT $5
            """, .text(affiliateID), span[0], span[1], first.value, .int8(linesMaximum),
            decode: line)
    }

    private static func line(_ row: borrowing Row) throws(PostgresError) -> StatementLine {
        guard let kind = StatementLine.Kind(rawValue: try row.text(0)) else {
            throw PostgresError(code: .decoding, message: "a kind of movement is unknown")
        }
        return StatementLine(
            kind: kind, currency: try row.currency(1), programID: try row.textOrNull(2), tier: try row.int4OrNull(3),
            reason: try row.textOrNull(4),
            concerns: try row.isNull(5) ? nil : CivilDate(daysSinceEpoch: try row.date(5)),
            payoutID: try row.uuidOrNull(6).map { Identifier($0) }, provider: try row.textOrNull(7),
            reference: try row.textOrNull(8), last4: try row.textOrNull(9),
            at: try row.timestampOrNull(10).map(Timestamp.init(microsecondsSinceEpoch:)), count: try row.int8(11),
            amountMinor: try row.int8(12))
    }
}

extension CivilDate {
    fileprivate var value: PostgresValue { .date(daysSinceEpoch: daysSinceEpoch) }
}

extension StatementLine.Kind {
    /// The word of `affiliate_movement.sort` for it.
    fileprivate var sort: String {
        switch self {
        case .commission, .restored: "accrued"
        case .reversed, .paid, .returned, .writtenOff, .fee: rawValue
        }
    }
}

extension StatementLine {
    /// By currency, then as a statement has them, what has no programme last.
    fileprivate var place: [String] {
        let kind = Kind.allCases.firstIndex(of: kind) ?? 0
        return [
            currency.code, String(kind), at?.rfc3339 ?? "", programID.map { "a" + $0 } ?? "b", String(tier ?? 0),
            concerns?.text ?? "", reason ?? "",
        ]
    }
}
