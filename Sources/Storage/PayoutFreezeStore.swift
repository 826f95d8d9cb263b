public import Domain
public import Postgres

/// What a freeze stops.
public enum FreezeScope: Hashable, Sendable {
    case all
    case provider(String)
    case affiliate(String)

    /// - Returns: nil for a scope that is none, or whose subject is missing or too long.
    public init?(_ scope: String, subject: String) {
        switch scope {
        case "all" where subject.isEmpty: self = .all
        case "provider" where ["stripe", "circle", "manual"].contains(subject): self = .provider(subject)
        case "affiliate" where !subject.isEmpty && subject.utf8.count <= 255: self = .affiliate(subject)
        default: return nil
        }
    }

    public var name: String {
        switch self {
        case .all: "all"
        case .provider: "provider"
        case .affiliate: "affiliate"
        }
    }

    public var subject: String {
        switch self {
        case .all: ""
        case .provider(let subject), .affiliate(let subject): subject
        }
    }
}

/// Freezes: while one is in force, no payout within its scope is planned, and none of their requests is sent, not even
/// again.
public enum PayoutFreezeStore {
    /// - Returns: whether it is new; a scope that is frozen stays as it was.
    @discardableResult
    public static func freeze(
        _ scopes: [FreezeScope], reason: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        guard !scopes.isEmpty else { return false }
        return try transaction.run(
            """
            INSERT INTO payout_freeze (scope, subject, reason, frozen_by, frozen_at)
            SELECT DISTINCT scope, subject, $3, $4, $5::timestamptz
            FROM unnest($1::text[], $2::text[]) AS s (scope, subject)
            ON CONFLICT (scope, subject) WHERE lifted_at IS NULL DO NOTHING
            """, .texts(scopes.map(\.name)), .texts(scopes.map(\.subject)), .text(reason), .text(actor), .moment(now))
            > 0
    }

    /// - Returns: false if there is no such freeze in force.
    public static func lift(
        _ freezeID: Int64, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.run(
            """
            UPDATE payout_freeze SET lifted_by = $2, lifted_at = $3 WHERE payout_freeze_id = $1 AND lifted_at IS NULL
            """, .int8(freezeID), .text(actor), .moment(now)) == 1
    }

    static func allAreFrozen(in transaction: borrowing Transaction) throws(PostgresError) -> Bool {
        try !transaction.query("SELECT 1 FROM payout_freeze WHERE scope = 'all' AND lifted_at IS NULL") { row in
            try row.int4(0)
        }.isEmpty
    }
}

/// Why balances that reach their minimum are not paid.
enum PayoutWithholding {
    /// Keeps the reasons of those that are withheld, and forgets those of the others.
    static func keep(
        _ decisions: [(candidate: PayoutCandidate, decision: PayoutDecision)], batchKey: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let paid = decisions.filter { !$0.decision.isWithheld }.map(\.candidate)
        if !paid.isEmpty {
            _ = try transaction.run(
                """
                DELETE FROM payout_withheld w USING unnest($1::text[], $2::text[]) AS p (affiliate_id, currency)
                WHERE w.affiliate_id = p.affiliate_id AND w.currency = p.currency
                """, .texts(paid.map(\.affiliateID)), .texts(paid.map(\.currency.code)))
        }
        let withheld = decisions.filter(\.decision.isWithheld)
        guard !withheld.isEmpty else { return }
        _ = try transaction.run(
            """
            INSERT INTO payout_withheld AS w (affiliate_id, currency, payable_minor, batch_key, decision, at)
            SELECT affiliate_id, currency, minor, $5, decision::jsonb, $6
            FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[]) AS n (affiliate_id, currency, minor, decision)
            ON CONFLICT (affiliate_id, currency) DO UPDATE
            SET payable_minor = excluded.payable_minor, batch_key = excluded.batch_key,
                decision = excluded.decision, at = excluded.at
            """, .texts(withheld.map(\.candidate.affiliateID)), .texts(withheld.map(\.candidate.currency.code)),
            .int8s(withheld.map(\.candidate.payableMinor)), .texts(withheld.map(\.decision.json)), .text(batchKey),
            .moment(now))
    }
}
