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
        case destinationMismatch = "destination_mismatch"
        case livemodeMismatch = "livemode_mismatch"
        case statusRegression = "status_regression"
        case staleUnknown = "stale_unknown"
        case staleInTransit = "stale_in_transit"
        case lateReturn = "late_return"
        case missingAtProvider = "missing_at_provider"
        /// The stored request is not the one that the provider knows under its key.
        case requestDrift = "request_drift"
    }

    public let kind: Kind
    public let payoutID: Identifier?
    /// The provider's object; empty if the break is about none.
    public let objectID: String
    public let detail: String

    public init(kind: Kind, payoutID: Identifier?, objectID: String, detail: String) {
        self.kind = kind
        self.payoutID = payoutID
        self.objectID = objectID
        self.detail = detail
    }
}

/// The open breaks: one row per kind, payout and object, however often it is seen.
public enum BreakStore {
    public static func open(
        _ breaks: [ReconciliationBreak], at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !breaks.isEmpty else { return }
        _ = try transaction.run(
            """
            INSERT INTO reconciliation_break AS b (kind, payout_id, object_id, detail, first_seen, last_seen)
            SELECT DISTINCT ON (kind, payout_id, object_id) kind, payout_id, object_id, detail, $5, $5
            FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[]) AS n (kind, payout_id, object_id, detail)
            ON CONFLICT (kind, object_id, COALESCE(payout_id, '00000000-0000-0000-0000-000000000000'::uuid))
                WHERE resolved_at IS NULL
            DO UPDATE SET last_seen = excluded.last_seen, detail = excluded.detail
            """, .texts(breaks.map(\.kind.rawValue)), .optionalUUIDs(breaks.map { $0.payoutID?.value }),
            .texts(breaks.map(\.objectID)), .texts(breaks.map(\.detail)), .moment(now))
    }
}
