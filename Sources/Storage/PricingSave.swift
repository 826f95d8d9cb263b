public import Domain
public import Postgres

/// A commission that was just priced.
public struct NewCommission: Sendable {
    public let commissionID: Identifier
    public let conversionID: Identifier
    /// 1, or 2 for the affiliate who referred the first.
    public let tier: Int16
    public let affiliateID: String
    public let programID: String
    public let currency: Currency
    public let price: Price
    /// The programme's, when it was priced.
    public let rulesVersion: Int32
    public let quoteID: Int64?
    /// The affiliate's, when it was priced.
    public let groupID: String?
    /// The approved volume that tiers looked at; nil if no rule of the programme asks for it.
    public let volumeMinor: Int64?
    /// The customer's first order; nil if no rule of the programme asks for it, or the customer is not known.
    public let customerSince: Timestamp?
    public let holdUntil: Timestamp
    /// nil if it came to nothing.
    public let transactionID: Identifier?

    public init(
        commissionID: Identifier, conversionID: Identifier, tier: Int16, affiliateID: String, programID: String,
        currency: Currency, price: Price, rulesVersion: Int32, quoteID: Int64?, groupID: String?,
        volumeMinor: Int64?, customerSince: Timestamp?, holdUntil: Timestamp, transactionID: Identifier?
    ) {
        self.commissionID = commissionID
        self.conversionID = conversionID
        self.tier = tier
        self.affiliateID = affiliateID
        self.programID = programID
        self.currency = currency
        self.price = price
        self.rulesVersion = rulesVersion
        self.quoteID = quoteID
        self.groupID = groupID
        self.volumeMinor = volumeMinor
        self.customerSince = customerSince
        self.holdUntil = holdUntil
        self.transactionID = transactionID
    }

    /// As a refund sees it.
    public var recorded: RecordedCommission {
        RecordedCommission(
            commissionID: commissionID, affiliateID: affiliateID, currency: currency, amountMinor: price.amountMinor,
            reversedMinor: 0, status: .pending)
    }
}

/// What pricing writes.
public enum PricingSave {
    public static func commissions(
        _ commissions: [NewCommission], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !commissions.isEmpty else { return }
        try transaction.copy(
            into: """
                COPY commission (commission_id, conversion_id, tier, affiliate_id, program_id, currency, basis_points,
                base_minor, amount_minor, status, hold_until, transaction_id, recorded_at, rule_id, rule_version,
                rules_version, uncapped_minor, cap_left_minor, fx_quote_id, volume_minor, customer_since, group_id,
                codes) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for index in commissions.order({ $0.commissionID }) { write(commissions[index], at: now, to: &rows) }
        }
    }

    private static func write(_ commission: NewCommission, at now: Timestamp, to rows: inout CopyWriter) {
        let price = commission.price
        rows.beginRow(columns: 23)
        rows.uuid(commission.commissionID.value)
        rows.uuid(commission.conversionID.value)
        rows.int2(commission.tier)
        rows.text(commission.affiliateID)
        rows.text(commission.programID)
        rows.text(commission.currency.code)
        rows.int4OrNull(price.rate?.value)
        rows.int8(price.baseMinor)
        rows.int8(price.amountMinor)
        rows.text(CommissionStatus.pending.rawValue)
        rows.timestamp(commission.holdUntil.microsecondsSinceEpoch)
        rows.uuidOrNull(commission.transactionID?.value)
        rows.timestamp(now.microsecondsSinceEpoch)
        rows.textOrNull(price.rule?.ruleID)
        rows.int4OrNull(price.rule?.version)
        rows.int4(commission.rulesVersion)
        rows.int8(price.uncappedMinor)
        rows.int8OrNull(price.capLeftMinor)
        rows.int8OrNull(commission.quoteID)
        rows.int8OrNull(commission.volumeMinor)
        rows.timestampOrNull(commission.customerSince?.microsecondsSinceEpoch)
        rows.textOrNull(commission.groupID)
        rows.value(.int4s(price.codes.map(\.rawValue)))
    }

    /// Commissions that refunds or corrections changed, as they stand now.
    public static func changes(
        _ commissions: [RecordedCommission], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !commissions.isEmpty else { return }
        try transaction.run(
            """
            UPDATE commission m SET reversed_minor = r.reversed_minor, status = r.status, superseded = r.superseded
            FROM unnest($1::uuid[], $2::int8[], $3::text[], $4::bool[])
                AS r(commission_id, reversed_minor, status, superseded)
            WHERE m.commission_id = r.commission_id
            """, .uuids(commissions.map(\.commissionID.value)), .int8s(commissions.map(\.reversedMinor)),
            .texts(commissions.map(\.status.rawValue)), .bools(commissions.map(\.isSuperseded)))
    }

    /// What caps have used, as the book says now; their rows are locked.
    public static func caps(_ book: CapBook, in transaction: borrowing Transaction) throws(PostgresError) {
        guard !book.changed.isEmpty else { return }
        let keys = book.changed.sorted()
        try transaction.run(
            """
            UPDATE cap_usage c SET used_minor = k.used_minor
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::date[], $6::text[], $7::int8[])
                AS k(program_id, rule_id, affiliate_id, period, starts_on, currency, used_minor)
            WHERE (c.program_id, c.rule_id, c.affiliate_id, c.period, c.starts_on, c.currency)
                = (k.program_id, k.rule_id, k.affiliate_id, k.period, k.starts_on, k.currency)
            """, .texts(keys.map(\.programID)), .texts(keys.map(\.ruleID)), .texts(keys.map(\.affiliateID)),
            .texts(keys.map(\.period.rawValue)), .dates(keys.map(\.startDay)), .texts(keys.map(\.currency.code)),
            .int8s(keys.map { book.usedMinor[$0] ?? 0 }))
    }

    /// Customers with their first order. Another worker may have met one meanwhile: its moment stays.
    public static func customers(
        _ customers: [Identifier: Timestamp], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !customers.isEmpty else { return }
        let sorted = customers.sorted { $0.key < $1.key }
        try transaction.run(
            """
            INSERT INTO customer (customer_key, first_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
            ON CONFLICT DO NOTHING
            """, .uuids(sorted.map(\.key.value)), .timestamps(sorted.map(\.value.microsecondsSinceEpoch)))
    }
}
