public import Domain
import Events
public import Postgres

/// Where a commission comes from and what became of it, down to the records and the ledger.
public struct CommissionExplanation: Encodable, Sendable {
    /// A record of `conversions.raw`.
    public struct Source: Encodable, Sendable {
        public let eventId: String?
        public let topic: String
        public let partition: Int32?
        public let offset: Int64?
        public let occurredAt: String
    }

    public struct Signal: Encodable, Sendable {
        public let code: Int32
        public let sentence: String

        public init(_ code: Int32) {
            self.code = code
            sentence = ReasonCode(rawValue: code)?.sentence ?? "This code is not known to this version."
        }
    }

    public struct Attribution: Encodable, Sendable {
        /// click, coupon or affiliate.
        public let decidedBy: String
        public let clickId: String?
        public let coupon: String?
        /// nil if no click counted. Its record is nil if it was dropped since.
        public let click: Source?
        public let signals: [Signal]
    }

    public struct Rule: Encodable, Sendable {
        public let ruleId: String
        public let version: Int32
        public let priority: Int32
        public let definition: String
        /// nil for the one that won.
        public let lost: String?

        static func list(_ contest: [RuleContestant], for order: OrderFacts) -> [Rule] {
            contest.map { contestant in
                Rule(
                    ruleId: contestant.rule.ruleID, version: contestant.rule.version,
                    priority: contestant.rule.priority, definition: contestant.rule.terms.json,
                    lost: contestant.loss.map { PriceNarrative.sentence($0, of: contestant.rule, for: order) })
            }
        }
    }

    public struct Part: Encodable, Sendable {
        public let sku: String?
        public let amountMinor: Int64
    }

    public struct Refund: Encodable, Sendable {
        public let kind: String
        public let source: Source
        /// Of the order.
        public let amountMinor: Int64
        /// Of all commissions of the order.
        public let reversedMinor: Int64
        /// Whether it did not happen after all.
        public let isReversed: Bool
    }

    public struct Change: Encodable, Sendable {
        public let at: String
        public let from: String
        public let to: String
        public let reversedMinor: Int64
        public let actor: String
        public let reason: String
        public let transactionId: String?
    }

    public struct Correction: Encodable, Sendable {
        public let at: String
        public let kind: String
        public let from: String
        public let to: String
        public let actor: String
        /// The first of the commissions that it brought.
        public let commissionId: String
        /// Of an accepted replay: why, by which change of the programme's rules, and what the order's commissions
        /// amounted to before it and behind it.
        public let reason: String?
        public let rulesVersion: Int32?
        public let beforeMinor: Int64?
        public let afterMinor: Int64?
    }

    public let commissionId: String
    public let conversionId: String
    public let affiliateId: String
    public let programId: String
    public let orderId: String?
    /// What the order amounts to, and what its refunds are in.
    public let orderMinor: Int64
    public let orderCurrency: String
    /// 1, or 2 for the affiliate who referred the first.
    public let tier: Int16
    public let status: String
    public let currency: String
    public let amountMinor: Int64
    public let reversedMinor: Int64
    /// Whether a correction put another in its place.
    public let isSuperseded: Bool
    public let source: Source
    public let attribution: Attribution
    /// In the order in which they were asked, those that were known then.
    public let rules: [Rule]
    public let calculation: [String]
    public let codes: [Signal]
    /// The amount over the order's items; empty without items.
    public let parts: [Part]
    public let payableFrom: String
    public let refunds: [Refund]
    public let history: [Change]
    public let corrections: [Correction]
    public let ledger: [LedgerExplanation]
    public let payoutId: String?
}

extension CommissionExplanation {
    /// - Returns: nil if there is no such commission.
    public static func load(
        _ commissionID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> CommissionExplanation? {
        guard let entry = try RecordedPriceStore.price(of: commissionID, in: transaction),
            let head = try Head.load(commissionID, in: transaction),
            let rules = try RuleStore.ruleSets(
                of: [entry.programID], knownUpTo: [entry.price.rulesVersion], in: transaction)[entry.programID]
        else { return nil }
        let price = entry.price
        let history = try changes(of: commissionID, in: transaction)
        let transactionIDs = [head.transactionID] + history.map { $0.transactionId.flatMap { Identifier(text: $0) } }
        let contest = price.tier == 1 ? rules.contest(for: price.facts) : rules.secondTierContest(for: price.facts)
        let items = price.facts.items
        let parts = LargestRemainder.split(price.amountMinor, by: items.map(\.amountMinor))
        return CommissionExplanation(
            commissionId: commissionID.description, conversionId: price.conversionID.description,
            affiliateId: price.affiliateID, programId: entry.programID, orderId: head.orderID,
            orderMinor: price.facts.amountMinor, orderCurrency: price.facts.currency.code, tier: price.tier,
            status: head.status, currency: price.facts.commissionCurrency.code, amountMinor: price.amountMinor,
            reversedMinor: head.reversedMinor, isSuperseded: head.isSuperseded, source: head.source,
            attribution: head.attribution,
            rules: Rule.list(contest, for: price.facts),
            calculation: PriceNarrative.steps(price, contest.first { $0.loss == nil }?.rule),
            codes: head.codes.map { Signal($0) },
            parts: zip(items, parts).map { Part(sku: $0.sku, amountMinor: $1) }, payableFrom: head.holdUntil,
            refunds: try refunds(of: price.conversionID, in: transaction), history: history,
            corrections: try corrections(of: price.conversionID, in: transaction),
            ledger: try LedgerExplanation.load(transactionIDs.compactMap { $0 }, in: transaction),
            payoutId: head.payoutID)
    }

    private struct Head {
        let orderID: String?
        let status: String
        let reversedMinor: Int64
        let isSuperseded: Bool
        let source: Source
        let attribution: Attribution
        let codes: [Int32]
        let holdUntil: String
        let transactionID: Identifier?
        let payoutID: String?

        static func load(
            _ commissionID: Identifier, in transaction: borrowing Transaction
        ) throws(PostgresError) -> Head? {
            try transaction.query(
                """
                SELECT c.order_id, m.status, m.reversed_minor, m.superseded, e.event_id, e.topic_partition,
                    e.record_offset, c.occurred_at, c.attributed_by, c.click_id, c.coupon, c.signal_codes, c.click_at,
                    m.codes, m.hold_until, m.transaction_id, m.payout_id, k.event_id, k.topic_partition, k.record_offset
                FROM commission m JOIN conversion c USING (conversion_id)
                LEFT JOIN event e ON e.event_key = c.event_key AND e.occurred_at = c.occurred_at
                LEFT JOIN click l ON l.click_key = c.click_key AND l.occurred_at = c.click_at
                LEFT JOIN event k ON k.event_key = l.event_key AND k.occurred_at = l.occurred_at
                WHERE m.commission_id = $1
                """, .uuid(commissionID.value)
            ) { row throws(PostgresError) in try Head(row) }.first
        }

        private init(_ row: borrowing Row) throws(PostgresError) {
            orderID = try row.textOrNull(0)
            status = try row.text(1)
            reversedMinor = try row.int8(2)
            isSuperseded = try row.bool(3)
            source = Source(
                eventId: try row.textOrNull(4), topic: TopicName.conversionsRaw, partition: try row.int4OrNull(5),
                offset: try row.int8OrNull(6),
                occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(7)).rfc3339)
            let click = try row.timestampOrNull(12).map { moment throws(PostgresError) in
                Source(
                    eventId: try row.textOrNull(17), topic: TopicName.conversionsRaw,
                    partition: try row.int4OrNull(18), offset: try row.int8OrNull(19),
                    occurredAt: Timestamp(microsecondsSinceEpoch: moment).rfc3339)
            }
            attribution = Attribution(
                decidedBy: try row.text(8), clickId: try row.textOrNull(9), coupon: try row.textOrNull(10),
                click: click, signals: try row.int4s(11).map { Signal($0) })
            codes = try row.int4s(13)
            holdUntil = Timestamp(microsecondsSinceEpoch: try row.timestamp(14)).rfc3339
            transactionID = try row.uuidOrNull(15).map { Identifier($0) }
            payoutID = try row.uuidOrNull(16).map { Identifier($0).description }
        }
    }

    private static func refunds(
        of conversionID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Refund] {
        try transaction.query(
            """
            SELECT r.kind::int4, e.event_id, e.topic_partition, e.record_offset, r.occurred_at, r.amount_minor,
                r.reversed_minor, EXISTS (SELECT FROM refund_reversal v WHERE v.refund_key = r.refund_key)
            FROM refund r LEFT JOIN event e ON e.event_key = r.event_key AND e.occurred_at = r.occurred_at
            WHERE r.conversion_id = $1 ORDER BY r.occurred_at, r.refund_key
            """, .uuid(conversionID.value)
        ) { row throws(PostgresError) in
            Refund(
                kind: try row.int4(0) == 3 ? "refund" : "chargeback",
                source: Source(
                    eventId: try row.textOrNull(1), topic: TopicName.conversionsRaw, partition: try row.int4OrNull(2),
                    offset: try row.int8OrNull(3),
                    occurredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(4)).rfc3339),
                amountMinor: try row.int8(5), reversedMinor: try row.int8(6), isReversed: try row.bool(7))
        }
    }

    private static func changes(
        of commissionID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Change] {
        try transaction.query(
            """
            SELECT at, from_status, to_status, amount_minor, actor, reason, transaction_id FROM commission_event
            WHERE commission_id = $1 ORDER BY commission_event_id
            """, .uuid(commissionID.value)
        ) { row throws(PostgresError) in
            Change(
                at: Timestamp(microsecondsSinceEpoch: try row.timestamp(0)).rfc3339, from: try row.text(1),
                to: try row.text(2), reversedMinor: try row.int8(3), actor: try row.text(4),
                reason: try row.text(5), transactionId: try row.uuidOrNull(6).map { Identifier($0).description })
        }
    }

    private static func corrections(
        of conversionID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Correction] {
        try transaction.query(
            """
            SELECT k.recorded_at, k.kind, k.from_affiliate, k.to_affiliate, k.actor, k.sequence, r.reason,
                r.rules_version, o.before_minor, o.after_minor
            FROM conversion_correction k LEFT JOIN rule_correction r USING (rule_correction_id)
            LEFT JOIN rule_correction_order o USING (rule_correction_id, conversion_id)
            WHERE k.conversion_id = $1 ORDER BY k.sequence
            """, .uuid(conversionID.value)
        ) { row throws(PostgresError) in
            Correction(
                at: Timestamp(microsecondsSinceEpoch: try row.timestamp(0)).rfc3339, kind: try row.text(1),
                from: try row.text(2), to: try row.text(3), actor: try row.text(4),
                commissionId: RefundSave.Correction.commissionID(of: conversionID, sequence: try row.int4(5))
                    .description,
                reason: try row.textOrNull(6), rulesVersion: try row.int4OrNull(7),
                beforeMinor: try row.int8OrNull(8), afterMinor: try row.int8OrNull(9))
        }
    }
}
