public import Domain
import Events
public import Postgres

/// One business event in the ledger: its postings are recorded together, once.
public struct LedgerTransaction: Hashable, Sendable {
    /// Names the event; a second transaction of the same key is refused by the database.
    public let key: String
    public let kind: String
    /// A hash of what the postings were computed from.
    public let inputHash: Identifier
    public let postings: [Posting]
    /// The hash of the key.
    public let transactionID: Identifier

    public init(key: String, kind: String, inputHash: Identifier, postings: [Posting]) {
        transactionID = LedgerTransaction.transactionID(of: key)
        self.key = key
        self.kind = kind
        self.inputHash = inputHash
        self.postings = postings
    }

    /// The id of the transaction that `key` names.
    public static func transactionID(of key: String) -> Identifier { Identifier(hashing: "ledger", key) }
}

/// The append-only ledger and the balances kept beside it.
public enum LedgerStore {
    /// Records `transactions` and moves the balances of their affiliates, in three statements however many they are.
    ///
    /// - Parameter moment: when they are recorded; the same for all.
    /// - Throws: `PostgresError` of class `data` if a key was recorded before, or if a balance would fall below zero.
    public static func append(
        _ transactions: [LedgerTransaction], in transaction: borrowing Transaction, at moment: Timestamp
    ) throws(PostgresError) {
        guard !transactions.isEmpty else { return }
        _ = try transaction.copy(
            into: """
                COPY ledger_transaction (transaction_id, key, kind, input_hash, recorded_at)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for entry in transactions {
                rows.beginRow(columns: 5)
                rows.uuid(entry.transactionID.value)
                rows.text(entry.key)
                rows.text(entry.kind)
                rows.uuid(entry.inputHash.value)
                rows.timestamp(moment.microsecondsSinceEpoch)
            }
        }
        _ = try transaction.copy(
            into: """
                COPY ledger_posting (transaction_id, line, affiliate_id, currency, debit, credit, amount_minor)
                FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for entry in transactions { LedgerStore.write(entry, to: &rows) }
        }
        try move(BalanceDelta.sums(of: transactions.flatMap(\.postings)), in: transaction)
    }

    private static func write(_ entry: LedgerTransaction, to rows: inout CopyWriter) {
        let transactionID = entry.transactionID.value
        for (line, posting) in entry.postings.enumerated() {
            rows.beginRow(columns: 7)
            rows.uuid(transactionID)
            rows.int4(Int32(line))
            rows.text(posting.affiliateID)
            rows.text(posting.currency.code)
            // An enumeration's binary form is its label.
            rows.text(posting.debit.rawValue)
            rows.text(posting.credit.rawValue)
            rows.int8(posting.amountMinor)
        }
    }

    /// A plain upsert would not do: the row it proposes is checked before the conflict is found, and a proposed row
    /// with a negative delta fails `>= 0`. So existing rows are updated and only missing ones inserted; between the
    /// two, another session may insert the same row, which the conflict clause adds to.
    private static func move(_ deltas: [BalanceDelta], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !deltas.isEmpty else { return }
        _ = try transaction.run(
            """
            WITH delta AS (
                SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[])
                    AS d (affiliate_id, currency, pending, payable, reserved, clawback, connected)
            ), moved AS (
                UPDATE affiliate_balance b
                SET pending = b.pending + d.pending, payable = b.payable + d.payable,
                    reserved = b.reserved + d.reserved, clawback = b.clawback + d.clawback,
                    connected = b.connected + d.connected
                FROM delta d WHERE b.affiliate_id = d.affiliate_id AND b.currency = d.currency
                RETURNING b.affiliate_id, b.currency
            )
            INSERT INTO affiliate_balance AS b
                (affiliate_id, currency, pending, payable, reserved, clawback, connected)
            SELECT * FROM delta d
            WHERE NOT EXISTS (
                SELECT FROM moved m WHERE m.affiliate_id = d.affiliate_id AND m.currency = d.currency)
            ON CONFLICT (affiliate_id, currency) DO UPDATE
            SET pending = b.pending + excluded.pending, payable = b.payable + excluded.payable,
                reserved = b.reserved + excluded.reserved, clawback = b.clawback + excluded.clawback,
                connected = b.connected + excluded.connected
            """,
            .texts(deltas.map(\.affiliateID)), .texts(deltas.map(\.currency.code)), .int8s(deltas.map(\.pending)),
            .int8s(deltas.map(\.payable)), .int8s(deltas.map(\.reserved)), .int8s(deltas.map(\.clawback)),
            .int8s(deltas.map(\.connected)))
    }
}

/// How an affiliate's balances in one currency change; minor units.
struct BalanceDelta {
    let affiliateID: String
    let currency: Currency
    var pending: Int64 = 0
    var payable: Int64 = 0
    var reserved: Int64 = 0
    var clawback: Int64 = 0
    var connected: Int64 = 0

    private struct Key: Hashable {
        let affiliateID: String
        let currency: Currency
    }

    private init(affiliateID: String, currency: Currency) {
        self.affiliateID = affiliateID
        self.currency = currency
    }

    /// One delta per affiliate and currency that the postings touch, in that order: two sessions that touch the same
    /// rows then lock them in the same order.
    static func sums(of postings: some Sequence<Posting>) -> [BalanceDelta] {
        var deltas: [Key: BalanceDelta] = [:]
        for posting in postings where !posting.affiliateID.isEmpty {
            let key = Key(affiliateID: posting.affiliateID, currency: posting.currency)
            deltas[key, default: BalanceDelta(affiliateID: key.affiliateID, currency: key.currency)].add(posting)
        }
        return deltas.values.filter(\.movesBalance).sorted {
            ($0.affiliateID, $0.currency) < ($1.affiliateID, $1.currency)
        }
    }

    private var movesBalance: Bool {
        pending != 0 || payable != 0 || reserved != 0 || clawback != 0 || connected != 0
    }

    private mutating func add(_ posting: Posting) {
        add(debit: posting.amountMinor, to: posting.debit)
        add(debit: -posting.amountMinor, to: posting.credit)
    }

    /// A liability grows by credits, an asset by debits.
    private mutating func add(debit: Int64, to account: LedgerAccount) {
        switch account {
        case .pending: pending -= debit
        case .payable: payable -= debit
        case .reserved: reserved -= debit
        case .clawback: clawback += debit
        case .stripeConnected: connected += debit
        case .commissionExpense, .payoutFeeExpense, .badDebtExpense, .bank, .stripe, .stripeInTransit, .circle,
            .circleInTransit:
            break
        }
    }
}
