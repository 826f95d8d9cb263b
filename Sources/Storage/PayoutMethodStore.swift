public import Domain
public import Postgres

/// An entered payout method, as clients see it.
public struct PayoutMethodRecord: Hashable, Sendable, Encodable {
    public let affiliateId: String
    public let provider: String
    public let chain: String?
    public let account: String
    public let last4: String?
    /// `cooling`, `active`, `replaced` or `refused`.
    public let state: String
    public let refusal: String?
    public let usableFrom: String
    public let enteredBy: String
    public let enteredAt: String
}

/// An address that the provider's address book does not have yet, or does not pay yet.
public struct PendingAddress: Sendable {
    public let methodID: Int64
    public let address: USDCAddress
    /// nil: it was not entered there.
    public let recipientID: String?
}

/// The payout methods of affiliates. A new one replaces the old one at once, and is paid only after its cooling time:
/// who took over a login must not be able to take the next payout.
public enum PayoutMethodStore {
    /// From the entry of a method to its first payout.
    public static let coolingSeconds: Int64 = 48 * 3_600

    /// Enters a method in place of the affiliate's current one; an account that another affiliate has, or had, is
    /// flagged at both.
    ///
    /// - Returns: false if there is no such affiliate.
    public static func enter(
        _ method: PayoutMethod, of affiliateID: String, by actor: String, coolingSeconds: Int64, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        // One after the other per account: two affiliates that enter the same one see each other.
        _ = try transaction.run(
            "SELECT pg_advisory_xact_lock(hashtextextended('payout method:' || $1, 0))", .text(method.account))
        let known = try transaction.run(
            """
            UPDATE affiliate SET payout_provider = $2, provider_account = NULL, payout_block = NULL,
                payout_method_usable_at = $3
            WHERE affiliate_id = $1
            """, .text(affiliateID), .text(method.provider), .moment(now.adding(seconds: coolingSeconds)))
        guard known == 1 else { return false }
        _ = try transaction.run(
            """
            UPDATE payout_method SET state = 'replaced', ask_at = NULL
            WHERE affiliate_id = $1 AND state IN ('cooling', 'active')
            """, .text(affiliateID))
        _ = try transaction.run(
            """
            INSERT INTO payout_method (affiliate_id, provider, chain, account, last4, provider_account, state, ask_at,
                usable_from, entered_by, entered_at)
            VALUES ($1, $2, $3, $4, $5, $6, 'cooling', $7, $8, $9, $10)
            """, .text(affiliateID), .text(method.provider), .optionalText(method.chain?.rawValue),
            .text(method.account), .optionalText(method.lastDigits),
            .text(method.chain == nil ? method.account : ""),
            .optionalTimestamp(method.chain == nil ? nil : now.microsecondsSinceEpoch),
            .moment(now.adding(seconds: coolingSeconds)), .text(actor), .moment(now))
        try flagShared(method, of: affiliateID, at: now, in: transaction)
        return true
    }

    private static func flagShared(
        _ method: PayoutMethod, of affiliateID: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let others = try transaction.query(
            """
            SELECT affiliate_id FROM payout_method WHERE account = $2 AND affiliate_id <> $1
            UNION SELECT affiliate_id FROM affiliate WHERE provider_account = $2 AND affiliate_id <> $1
            ORDER BY 1 LIMIT 100
            """, .text(affiliateID), .text(method.account)
        ) { row in try row.text(0) }
        guard let first = others.first else { return }
        let hits = others.map { ($0, affiliateID) } + [(affiliateID, first)]
        try FraudCaseStore.accuse(
            hits.map { affiliate, other in (affiliateID: affiliate, measured: "shared with \(other)") },
            of: .sharedPayoutAccount, kind: "payout_account", at: now, in: transaction)
    }

    /// The method that counts, or the one that was refused last; nil: none was entered.
    public static func current(
        of affiliateID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> PayoutMethodRecord? {
        try transaction.query(
            """
            SELECT affiliate_id, provider, chain, account, last4, state, refusal, usable_from, entered_by, entered_at
            FROM payout_method WHERE affiliate_id = $1 ORDER BY payout_method_id DESC LIMIT 1
            """, .text(affiliateID)
        ) { row in
            PayoutMethodRecord(
                affiliateId: try row.text(0), provider: try row.text(1), chain: try row.textOrNull(2),
                account: try row.text(3), last4: try row.textOrNull(4), state: try row.text(5),
                refusal: try row.textOrNull(6),
                usableFrom: Timestamp(microsecondsSinceEpoch: try row.timestamp(7)).rfc3339,
                enteredBy: try row.text(8),
                enteredAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(9)).rfc3339)
        }.first
    }

    /// Lets methods be paid whose cooling time is over and whose provider takes them.
    ///
    /// - Returns: how many.
    public static func activateDue(
        limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int {
        try transaction.run(
            """
            WITH due AS MATERIALIZED (
                SELECT m.payout_method_id FROM payout_method m JOIN affiliate a ON a.affiliate_id = m.affiliate_id
                WHERE m.state = 'cooling' AND m.usable_from <= $1 AND m.provider_account <> ''
                ORDER BY m.usable_from LIMIT $2 FOR UPDATE OF a, m SKIP LOCKED
            ), active AS (
                UPDATE payout_method m SET state = 'active', ask_at = NULL FROM due d
                WHERE m.payout_method_id = d.payout_method_id RETURNING m.affiliate_id, m.provider, m.provider_account
            )
            UPDATE affiliate a SET payout_provider = m.provider, provider_account = m.provider_account
            FROM active m WHERE a.affiliate_id = m.affiliate_id
            """, .moment(now), .int8(Int64(limit)))
    }

    /// Takes addresses that the provider should be asked about, and sets when it is asked again: after a tenth of the
    /// time that an address is known, so often at first and rarely about one that is held back for a day.
    ///
    /// - Parameter askAgainSeconds: the least wait.
    public static func takePending(
        limit: Int, askAgainSeconds: Int64, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [PendingAddress] {
        try transaction.query(
            """
            WITH due AS MATERIALIZED (
                SELECT payout_method_id FROM payout_method WHERE state = 'cooling' AND ask_at <= $1
                ORDER BY ask_at LIMIT $2 FOR UPDATE SKIP LOCKED
            )
            UPDATE payout_method m SET ask_at = greatest($3, $1 + ($1 - m.entered_at) / 10)
            FROM due d WHERE m.payout_method_id = d.payout_method_id
            RETURNING m.payout_method_id, m.chain, m.account, m.recipient_id
            """, .moment(now), .int8(Int64(limit)), .moment(now.adding(seconds: askAgainSeconds))
        ) { row in
            guard let chain = USDCChain(rawValue: try row.text(1)),
                // What was stored was one; a list that grew since then may refuse it now.
                let address = try? USDCAddress(chain: chain, text: try row.text(2))
            else { return nil }
            return PendingAddress(methodID: try row.int8(0), address: address, recipientID: try row.textOrNull(3))
        }.compactMap { $0 }
    }

    /// Records what the provider says about an address.
    ///
    /// - Parameters:
    ///   - recipientID: its id in the address book.
    ///   - mayBePaid: the provider takes payouts to it.
    public static func record(
        recipientID: String, mayBePaid: Bool, of methodID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE payout_method SET recipient_id = $2, provider_account = CASE WHEN $3 THEN $2 ELSE '' END,
                ask_at = CASE WHEN $3 THEN NULL ELSE ask_at END
            WHERE payout_method_id = $1 AND state = 'cooling'
            """, .int8(methodID), .text(recipientID), .bool(mayBePaid))
    }

    /// The provider does not take an address: the affiliate has no method until another is entered.
    public static func refuse(
        _ methodID: Int64, code: String, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        _ = try transaction.run(
            """
            UPDATE payout_method SET state = 'refused', refusal = $2, ask_at = NULL
            WHERE payout_method_id = $1 AND state = 'cooling'
            """, .int8(methodID), .text(code))
    }
}

extension PayoutMethod {
    fileprivate var chain: USDCChain? {
        guard case .usdc(let address) = self else { return nil }
        return address.chain
    }

    fileprivate var lastDigits: String? {
        guard case .bank(_, let lastDigits) = self else { return nil }
        return lastDigits
    }
}
