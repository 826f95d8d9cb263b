public import Domain
public import Postgres

/// Something between our books and a provider's that a person must look at.
public struct ReconciliationBreak: Hashable, Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// The provider has an object that names no payout of ours.
        case missingInLedger = "missing_in_ledger"
        /// Two objects for one step of a payout: page someone.
        case duplicateAtProvider = "duplicate_at_provider"
        case amountMismatch = "amount_mismatch"
        case currencyMismatch = "currency_mismatch"
        case destinationMismatch = "destination_mismatch"
        case livemodeMismatch = "livemode_mismatch"
        case statusRegression = "status_regression"
        /// It ended another way at the provider than here.
        case statusMismatch = "status_mismatch"
        /// The provider kept something for itself that the books do not have.
        case feeMismatch = "fee_mismatch"
        /// A transfer was taken back, and nobody here asked for that.
        case unexpectedReversal = "unexpected_reversal"
        case staleUnknown = "stale_unknown"
        case staleInTransit = "stale_in_transit"
        case lateReturn = "late_return"
        case missingAtProvider = "missing_at_provider"
        /// The stored request is not the one that the provider knows under its key.
        case requestDrift = "request_drift"
        /// What lies on an account, or is reserved, or on its way, is not what the books say.
        case balanceMismatch = "balance_mismatch"
        case reservationMismatch = "reservation_mismatch"
        /// A payout moved by asking, half an hour ago, and no webhook had told of it.
        case missingWebhook = "missing_webhook"
        /// A webhook names an object that the provider does not have.
        case unmatchedWebhook = "unmatched_webhook"

        public var severity: Severity {
            switch self {
            case .missingInLedger, .duplicateAtProvider, .amountMismatch, .currencyMismatch, .destinationMismatch,
                .balanceMismatch, .reservationMismatch, .requestDrift, .statusMismatch, .unexpectedReversal,
                .livemodeMismatch:
                .money
            case .statusRegression, .staleUnknown, .staleInTransit, .lateReturn, .missingAtProvider, .feeMismatch:
                .warning
            case .missingWebhook, .unmatchedWebhook: .notice
            }
        }

        /// No payout of the affiliate is planned or sent until people have looked.
        var freezesAffiliate: Bool {
            switch self {
            case .missingInLedger, .duplicateAtProvider, .amountMismatch, .currencyMismatch, .destinationMismatch,
                .statusMismatch, .unexpectedReversal, .livemodeMismatch:
                true
            default: false
            }
        }

        /// What a person may do about it.
        public var advice: String {
            switch self {
            case .missingInLedger:
                "Ask who made it at the provider; record it, or reverse it there, then lift the freeze."
            case .duplicateAtProvider: "Reverse or recover the second one at the provider, then lift the freeze."
            case .amountMismatch, .currencyMismatch: "Compare the stored request with the provider's object."
            case .destinationMismatch: "Find out which account has the money before anything else is sent."
            case .livemodeMismatch: "Check the mode and the keys of the payer."
            case .statusMismatch:
                "Find out where the money is before the affiliate is paid again, then lift the freeze."
            case .feeMismatch: "Post the fee with tributary ledger post, or ask the provider why there is one."
            case .unexpectedReversal: "Ask who took it back at the provider; correct the books, then lift the freeze."
            case .statusRegression: "Ask the provider what happened to it; nothing was changed here."
            case .staleUnknown: "Search at the provider; two people may say what became of it."
            case .staleInTransit: "Ask the provider for the trace of the bank payout."
            case .lateReturn: "The money is payable again; ask the affiliate for new bank details."
            case .missingAtProvider: "The provider does not show what it accepted: ask its support with the request id."
            case .requestDrift: "Compare the stored bytes with what the provider has under the key; never send again."
            case .balanceMismatch: "List the account's transactions at the provider and find the one that is not here."
            case .reservationMismatch: "Run tributary verify; the books contradict themselves."
            case .missingWebhook: "Check the webhook endpoint at the provider; polling found it anyway."
            case .unmatchedWebhook: "Nothing to do unless there are many: then check the webhook secrets."
            }
        }
    }

    /// How grave it is; raw values are those of the column `severity`.
    public enum Severity: String, Sendable {
        case notice
        case warning
        /// Two people resolve it.
        case money
    }

    public let kind: Kind
    public let payoutID: Identifier?
    /// The provider's object; empty if the break is about none.
    public let objectID: String
    public let detail: String
    /// Whose money it is about; empty if nobody's.
    public let affiliateID: String
    public let amount: Money?

    public init(
        kind: Kind, payoutID: Identifier?, objectID: String, detail: String, affiliateID: String = "",
        amount: Money? = nil
    ) {
        self.kind = kind
        self.payoutID = payoutID
        self.objectID = objectID
        self.detail = detail
        self.affiliateID = affiliateID
        self.amount = amount
    }
}

/// The open breaks: one row per kind, payout and object, however often it is seen.
public enum BreakStore {
    /// Opens breaks, or says that they are still there, and freezes the affiliates whose money does not add up. What
    /// people resolved and is found again just as it was stays resolved.
    public static func open(
        _ breaks: [ReconciliationBreak], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !breaks.isEmpty else { return }
        let open = try transaction.query(
            """
            INSERT INTO reconciliation_break AS b (kind, payout_id, object_id, detail, severity, affiliate_id,
                amount_minor, currency, first_seen, last_seen)
            SELECT DISTINCT ON (kind, n.payout_id, object_id) kind, n.payout_id, object_id, detail, severity,
                COALESCE(NULLIF(n.affiliate_id, ''), p.affiliate_id, ''), NULLIF(minor, 0), NULLIF(n.currency, ''),
                $5::timestamptz, $5
            FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $6::text[], $7::text[], $8::int8[], $9::text[])
                AS n (kind, payout_id, object_id, detail, severity, affiliate_id, minor, currency)
            LEFT JOIN payout p ON p.payout_id = n.payout_id
            WHERE NOT EXISTS (
                SELECT FROM reconciliation_break r WHERE r.kind = n.kind AND r.object_id = n.object_id
                    AND r.object_id <> '' AND r.payout_id IS NOT DISTINCT FROM n.payout_id AND r.detail = n.detail
                    AND r.resolver <> 'reconciler')
            ON CONFLICT (kind, object_id, COALESCE(payout_id, '00000000-0000-0000-0000-000000000000'::uuid))
                WHERE resolved_at IS NULL
            DO UPDATE SET last_seen = excluded.last_seen, detail = excluded.detail
            RETURNING kind, affiliate_id
            """, .texts(breaks.map(\.kind.rawValue)), .optionalUUIDs(breaks.map { $0.payoutID?.value }),
            .texts(breaks.map(\.objectID)), .texts(breaks.map(\.detail)), .moment(now),
            .texts(breaks.map(\.kind.severity.rawValue)), .texts(breaks.map(\.affiliateID)),
            .int8s(breaks.map { $0.amount?.minorUnits ?? 0 }), .texts(breaks.map { $0.amount?.currency.code ?? "" })
        ) { row in (kind: ReconciliationBreak.Kind(rawValue: try row.text(0)), affiliateID: try row.text(1)) }
        let grave = open.filter { $0.kind?.freezesAffiliate == true && !$0.affiliateID.isEmpty }
        try PayoutFreezeStore.freeze(
            grave.map { .affiliate($0.affiliateID) }, reason: "a break between books and provider", by: "reconciler",
            at: now, in: transaction)
    }

    /// Closes breaks that time has mended: their payout has moved on.
    static func closeMended(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE reconciliation_break b SET resolved_at = $1, resolver = 'reconciler', resolution = 'no longer so'
            FROM payout p
            WHERE b.payout_id = p.payout_id AND b.resolved_at IS NULL AND (
                (b.kind = 'stale_unknown' AND p.state NOT IN ('unknown', 'manual'))
                OR (b.kind = 'stale_in_transit' AND p.state NOT IN ('submitted', 'canceling', 'in_transit'))
                OR (b.kind = 'missing_at_provider' AND p.state NOT IN ('submitted', 'canceling', 'in_transit', 'paid')))
            """, .moment(now))
    }

    /// Resolves an open break with a person's words; one about money when a second person repeats it.
    ///
    /// - Parameter resolution: what was done about it, 1 to 500 characters; of the first person where two are needed.
    public static func resolve(
        _ breakID: Int64, resolution: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> BreakResolution {
        let found = try transaction.query(
            """
            SELECT severity, proposed_by, resolved_at IS NOT NULL FROM reconciliation_break WHERE break_id = $1
            FOR UPDATE
            """, .int8(breakID)
        ) { row in
            (severity: try row.text(0), proposedBy: try row.textOrNull(1), isResolved: try row.bool(2))
        }
        guard let known = found.first else { return .notFound }
        guard !known.isResolved else { return .resolvedBefore }
        if known.severity == ReconciliationBreak.Severity.money.rawValue {
            guard let proposedBy = known.proposedBy else {
                _ = try transaction.run(
                    """
                    UPDATE reconciliation_break SET resolution = $2, proposed_by = $3, proposed_at = $4
                    WHERE break_id = $1
                    """, .int8(breakID), .text(resolution), .text(actor), .moment(now))
                return .proposed
            }
            guard proposedBy != actor else { return .samePerson }
        }
        _ = try transaction.run(
            """
            UPDATE reconciliation_break SET resolution = COALESCE(resolution, $2), resolver = $3, resolved_at = $4
            WHERE break_id = $1
            """, .int8(breakID), .text(resolution), .text(actor), .moment(now))
        return .resolved
    }
}

/// What became of a person's word on a break.
public enum BreakResolution: Hashable, Sendable {
    case resolved
    /// It is about money: somebody else has to agree.
    case proposed
    case notFound
    case resolvedBefore
    case samePerson
}
