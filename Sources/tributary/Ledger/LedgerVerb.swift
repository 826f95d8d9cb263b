import ArgumentParser
import Domain
import Foundation
import Postgres
import Storage

struct LedgerVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ledger", abstract: "Exports the books, and closes their months.",
        subcommands: [LedgerExportVerb.self, LedgerPeriods.self, LedgerClose.self, LedgerPost.self])
}

/// A month as the command line has it: `2026-11`.
struct MonthArgument: ExpressibleByArgument {
    let first: CivilDate

    init?(argument: String) {
        guard argument.count == 7, let start = Timestamp(rfc3339: argument + "-01T00:00:00Z") else { return nil }
        first = CivilDate(daysSinceEpoch: start.day)
    }
}

/// A day as the command line has it: `2026-11-24`.
struct DayArgument: ExpressibleByArgument {
    let day: CivilDate

    init?(argument: String) {
        guard argument.count == 10, let start = Timestamp(rfc3339: argument + "T00:00:00Z") else { return nil }
        day = CivilDate(daysSinceEpoch: start.day)
    }
}

extension LedgerExport.Format: ExpressibleByArgument {}

struct LedgerExportVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes the ledger as CSV or as a journal for hledger.",
        discussion: """
            A whole journal (without --from and --to) ends with the balances that are kept beside the postings, as
            assertions: `hledger --file ledger.journal check` compares them with its own sums.
            """)

    @OptionGroup var database: DatabaseOptions
    @Option(help: "csv or hledger.") var format = LedgerExport.Format.csv
    @Option(help: "The first day, UTC, as 2026-11-01.") var from: DayArgument?
    @Option(help: "The day behind the last one.") var to: DayArgument?
    @Option(help: "The file to write; standard output without it.") var output: String?

    func run() async throws {
        let file = try handle()
        try await database.withPool(size: 1) { pool in
            try await pool.transaction(isolation: .repeatableRead) {
                [format, from, to] transaction throws(PostgresError) in
                try LedgerExport.write(format, from: from?.day, to: to?.day, in: transaction) { text in
                    file.write(Data(text.utf8))
                }
            }
        }
    }

    private func handle() throws -> FileHandle {
        guard let output else { return .standardOutput }
        guard FileManager.default.createFile(atPath: output, contents: nil),
            let file = FileHandle(forWritingAtPath: output)
        else { throw ValidationError("\(output) cannot be written") }
        return file
    }
}

struct LedgerPeriods: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "periods", abstract: "Lists the months of the books, or shows one of them.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "A month, as 2026-11: shows what each affiliate was owed before and after it, and why.")
    var month: MonthArgument?

    func run() async throws {
        try await database.withPool(size: 1) { pool in
            let text = try await pool.transaction { [month] transaction throws(PostgresError) in
                if let month { return try LedgerPeriods.statements(of: month.first, in: transaction) }
                return try LedgerPeriods.list(in: transaction)
            }
            print(text)
        }
    }

    private static func list(in transaction: borrowing Transaction) throws(PostgresError) -> String {
        let periods = try PeriodStore.periods(in: transaction)
        return Table(
            columns: ["month", "transactions", "closed", "by"],
            rows: periods.map { period in
                [
                    String(period.month.text.prefix(7)), String(period.transactions),
                    period.closedAt.map { CivilDate(daysSinceEpoch: $0.day).text } ?? "open", period.closedBy ?? "",
                ]
            }
        ).text
    }

    private static func statements(
        of month: CivilDate, in transaction: borrowing Transaction
    ) throws(PostgresError) -> String {
        let statements = try PeriodStore.statements(of: month, in: transaction)
        return Table(
            columns: ["affiliate", "currency", "opening", "accrued", "reversed", "paid", "other", "closing"],
            rows: statements.map { statement in
                let minors = [
                    statement.openingMinor, statement.accruedMinor, -statement.reversedMinor, -statement.paidMinor,
                    statement.otherMinor, statement.closingMinor,
                ]
                return [statement.affiliateID, statement.currency.code]
                    + minors.map { Money(minorUnits: $0, currency: statement.currency).decimal }
            }
        ).text
    }
}

struct LedgerClose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close", abstract: "Closes a month for good.",
        discussion: """
            Its statements are kept and nothing is recorded in it any more: what concerns its orders later is recorded
            in the month that is open then.
            """)

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The month, as 2026-10.") var month: MonthArgument

    func run() async throws {
        let now = Timestamp(microsecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1_000_000))
        let actor = "tributary (\(NSUserName()))"
        try await database.withPool(size: 1) { pool in
            let refusal = try await pool.transaction { [month] transaction throws(PostgresError) in
                try PeriodStore.close(month.first, by: actor, at: now, in: transaction)
            }
            if let refusal { throw ValidationError(refusal.sentence) }
            print("\(month.first.text.prefix(7)) is closed")
        }
    }
}

extension LedgerOccasion: ExpressibleByArgument {
    public init?(argument: String) {
        switch argument {
        case "top-up": self = .topUp
        case "payout-fee": self = .payoutFee
        case "write-off": self = .writeOff
        default: return nil
        }
    }
}

struct LedgerPost: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "post", abstract: "Records what moved money without a conversion or a payout.")

    @OptionGroup var database: DatabaseOptions
    @Argument(
        help: "top-up (bank to provider), payout-fee (kept by the provider) or write-off (of an affiliate's debt).")
    var occasion: LedgerOccasion
    @Argument(help: "Minor units, as 2500 for 25.00.") var amountMinor: Int64
    @Argument(help: "The currency, as EUR.") var currency: String
    @Option(help: "Names it: the same reference is recorded once.") var reference: String
    @Option(help: "Whose debt is written off.") var affiliate: String?

    func validate() throws {
        guard amountMinor > 0 else { throw ValidationError("the amount is \(amountMinor), not more than 0") }
        guard Currency(code: currency) != nil else { throw ValidationError("\(currency) is no ISO 4217 code in use") }
        guard (occasion == .writeOff) == (affiliate != nil) else {
            throw ValidationError("--affiliate goes with write-off, and only with it")
        }
    }

    func run() async throws {
        guard let currency = Currency(code: currency) else { return }
        let now = Timestamp(microsecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1_000_000))
        let posting = occasion.posting(affiliateID: affiliate ?? "", currency: currency, amountMinor: amountMinor)
        let entry = LedgerTransaction(
            key: "operator:\(reference)", kind: "operator",
            inputHash: Identifier(hashing: reference, affiliate ?? "", currency.code, String(amountMinor)),
            postings: [posting])
        try await database.withPool(size: 1) { pool in
            try await pool.transaction { transaction throws(PostgresError) in
                try LedgerStore.append([entry], in: transaction, at: now)
            }
            let amount = Money(minorUnits: amountMinor, currency: currency)
            print("recorded \(amount.decimal) \(currency.code) as \(entry.transactionID)")
        }
    }
}
