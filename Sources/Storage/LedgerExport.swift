public import Domain
import Events
public import Postgres

/// The ledger as text: rows for a spreadsheet, or a journal that plain-text accounting reads.
public enum LedgerExport {
    public enum Format: String, CaseIterable, Sendable {
        /// A line per posting.
        case csv
        /// A journal as hledger reads it, which asserts our balances at its end.
        case hledger
    }

    private static let pageRows = 5_000

    private struct Line {
        let transactionID: Identifier
        let key: String
        let kind: String
        let recordedAt: Timestamp
        let posting: Posting
    }

    /// Writes the transactions that were recorded from one day up to, not including, another.
    ///
    /// The journal asserts balances only if it begins with the first transaction, as they rest on all before them.
    ///
    /// - Parameters:
    ///   - first: nil: from the first transaction on.
    ///   - last: exclusive; nil: to the last one.
    ///   - emit: takes the text, piece by piece.
    public static func write(
        _ format: Format, from first: CivilDate?, to last: CivilDate?, in transaction: borrowing Transaction,
        _ emit: (String) -> Void
    ) throws(PostgresError) {
        try transaction.run(
            """
            DECLARE ledger_export NO SCROLL CURSOR FOR
            SELECT t.transaction_id, t.key, t.kind, t.recorded_at, p.affiliate_id, p.currency, p.debit::text,
                p.credit::text, p.amount_minor
            FROM ledger_transaction t JOIN ledger_posting p USING (transaction_id)
            WHERE ($1::timestamptz IS NULL OR t.recorded_at >= $1) AND ($2::timestamptz IS NULL OR t.recorded_at < $2)
            ORDER BY t.recorded_at, t.transaction_id, p.line
            """, moment(first), moment(last))
        emit(format == .csv ? csvHead : journalHead)
        var sums = Sums()
        while true {
            let lines = try page(in: transaction)
            var text = ""
            for line in lines {
                text += format == .csv ? csv(line) : journal(line, isFirst: line.transactionID != sums.transactionID)
                sums.add(line)
            }
            emit(text)
            guard lines.count == pageRows else { break }
        }
        try transaction.run("CLOSE ledger_export")
        guard format == .hledger, first == nil, let lastDay = sums.day else { return }
        let stored = last == nil ? try storedBalances(in: transaction) : [:]
        emit(assertions(sums.balances.merging(stored) { _, stored in stored }, on: lastDay))
    }

    /// What was written so far.
    private struct Sums {
        var balances: [String: [Currency: Int64]] = [:]
        var transactionID: Identifier?
        var day: CivilDate?

        mutating func add(_ line: Line) {
            transactionID = line.transactionID
            day = CivilDate(daysSinceEpoch: line.recordedAt.day)
            for (account, minor) in line.posting.sides {
                balances[account, default: [:]][line.posting.currency, default: 0] += minor
            }
        }
    }

    private static func moment(_ day: CivilDate?) -> PostgresValue {
        day.map { .timestamp(microsecondsSinceEpoch: $0.midnight.microsecondsSinceEpoch) } ?? .null
    }

    private static func page(in transaction: borrowing Transaction) throws(PostgresError) -> [Line] {
        try transaction.query("FETCH 5000 FROM ledger_export") { row throws(PostgresError) in
            guard let debit = LedgerAccount(rawValue: try row.text(6)),
                let credit = LedgerAccount(rawValue: try row.text(7))
            else { throw PostgresError(code: .decoding, message: "a stored account is unknown") }
            return Line(
                transactionID: try row.identifier(0), key: try row.text(1), kind: try row.text(2),
                recordedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(3)),
                posting: Posting(
                    affiliateID: try row.text(4), currency: try row.currency(5), debit: debit, credit: credit,
                    amountMinor: try row.int8(8)))
        }
    }

    /// What the balances say that are kept beside the postings: the journal's reader checks the one against the other.
    private static func storedBalances(
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: [Currency: Int64]] {
        let rows = try transaction.query(
            "SELECT affiliate_id, currency, pending, payable, reserved, clawback, connected FROM affiliate_balance"
        ) { row throws(PostgresError) in
            let accounts: [LedgerAccount] = [.pending, .payable, .reserved, .clawback, .stripeConnected]
            var minors: [(LedgerAccount, Int64)] = []
            for (column, account) in accounts.enumerated() {
                let minor = try row.int8(column + 2)
                minors.append((account, account.isLiability ? -minor : minor))
            }
            return (affiliateID: try row.text(0), currency: try row.currency(1), minors: minors)
        }
        var balances: [String: [Currency: Int64]] = [:]
        for row in rows {
            for (account, minor) in row.minors where minor != 0 {
                balances[account.journalName(row.affiliateID), default: [:]][row.currency] = minor
            }
        }
        return balances
    }

    // MARK: Text

    private static let csvHead =
        "recorded_at,transaction_id,kind,key,affiliate_id,currency,debit,credit,amount,amount_minor\n"

    private static func csv(_ line: Line) -> String {
        let posting = line.posting
        let amount = Money(minorUnits: posting.amountMinor, currency: posting.currency)
        return CSVText.row([
            line.recordedAt.rfc3339, line.transactionID.description, line.kind, line.key, posting.affiliateID,
            posting.currency.code, posting.debit.rawValue, posting.credit.rawValue, amount.decimal,
            String(posting.amountMinor),
        ])
    }

    private static let journalHead = "; The ledger of Tributary. Check it with: hledger --file FILE check\n"

    private static func journal(_ line: Line, isFirst: Bool) -> String {
        let day = CivilDate(daysSinceEpoch: line.recordedAt.day).text
        let title = isFirst ? "\n\(day) \(line.kind) ; \(line.key), \(line.transactionID)\n" : ""
        return line.posting.sides.reduce(into: title) { text, side in
            let amount = Money(minorUnits: side.minor, currency: line.posting.currency)
            text += "    \(side.account)  \(amount.journalText)\n"
        }
    }

    private static func assertions(_ balances: [String: [Currency: Int64]], on day: CivilDate) -> String {
        var text = "\n\(day.text) balances ; as they are kept\n"
        for (account, sums) in balances.sorted(by: { $0.key < $1.key }) {
            for (currency, minor) in sums.sorted(by: { $0.key < $1.key }) {
                let zero = Money(minorUnits: 0, currency: currency).journalText
                text += "    \(account)  \(zero) = \(Money(minorUnits: minor, currency: currency).journalText)\n"
            }
        }
        return text
    }
}

extension Money {
    fileprivate var journalText: String { "\(decimal) \(currency.code)" }
}

extension Posting {
    /// Both sides as a journal has them: debits above zero.
    fileprivate var sides: [(account: String, minor: Int64)] {
        [(debit.journalName(affiliateID), amountMinor), (credit.journalName(affiliateID), -amountMinor)]
    }
}

extension LedgerAccount {
    fileprivate var isLiability: Bool { rawValue.hasPrefix("liab:") }

    /// The account's name in a journal, where the first part says its type; an affiliate's own has its id.
    func journalName(_ affiliateID: String) -> String {
        let id = affiliateID.accountPart
        return switch self {
        case .commissionExpense: "expenses:commission"
        case .payoutFeeExpense: "expenses:payout_fee"
        case .badDebtExpense: "expenses:bad_debt"
        case .pending: "liabilities:affiliate:\(id):pending"
        case .payable: "liabilities:affiliate:\(id):payable"
        case .reserved: "liabilities:affiliate:\(id):reserved"
        case .clawback: "assets:affiliate:\(id):clawback"
        case .bank: "assets:bank:operating"
        case .stripe: "assets:provider:stripe"
        case .stripeConnected: "assets:provider:stripe:account:\(id)"
        case .stripeInTransit: "assets:in_transit:stripe"
        case .circle: "assets:provider:circle"
        case .circleInTransit: "assets:in_transit:circle"
        }
    }
}

extension String {
    /// As a part of an account's name: whatever could end or divide a name is written as its bytes.
    fileprivate var accountPart: String {
        let isPlain: (UInt8) -> Bool = { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default: false
            }
        }
        return utf8.map { byte in
            isPlain(byte)
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
