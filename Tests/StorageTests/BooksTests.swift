import DevKit
import Domain
import Foundation
import Postgres
import Storage
import Testing

/// Postings of one affiliate in US dollars, recorded step by step.
struct Books {
    static let affiliate = "a"
    let database: TestDatabase
    let currency: Currency

    static func with(_ body: (Books) async throws -> Void) async throws {
        let currency = try #require(Currency(code: "USD"))
        try await TestDatabase.with { try await body(Books(database: $0, currency: currency)) }
    }

    static func moment(day: Int32) -> Timestamp { CivilDate(daysSinceEpoch: day).midnight }

    func record(_ key: String, _ postings: [Posting], at moment: Timestamp = Books.moment(day: 20_500)) async throws {
        let entry = LedgerTransaction(
            key: key, kind: "test", inputHash: Identifier(hashing: key), postings: postings)
        try await database.pool.transaction { transaction throws(PostgresError) in
            try LedgerStore.append([entry], in: transaction, at: moment)
        }
    }

    func posting(_ debit: LedgerAccount, _ credit: LedgerAccount, _ amountMinor: Int64) -> Posting {
        Posting(
            affiliateID: Books.affiliate, currency: currency, debit: debit, credit: credit, amountMinor: amountMinor)
    }

    /// Each account that is not zero, debits above zero.
    func accounts() async throws -> [String] {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                """
                SELECT account || ' ' || sum(minor) FROM ledger_posting CROSS JOIN LATERAL
                    (VALUES (debit, amount_minor), (credit, -amount_minor)) AS s (account, minor)
                GROUP BY account HAVING sum(minor) <> 0 ORDER BY account::text
                """
            ) { row in try row.text(0) }
        }
    }

    func export(_ format: LedgerExport.Format) async throws -> String {
        try await database.pool.transaction { transaction throws(PostgresError) in
            var text = ""
            try LedgerExport.write(format, from: nil, to: nil, in: transaction) { text += $0 }
            return text
        }
    }
}

@Suite("The books")
struct BooksTests {
    static let balances: [(LedgerAccount, String)] = [
        (.pending, "pending"), (.payable, "payable"), (.reserved, "reserved"), (.clawback, "clawback"),
        (.stripeConnected, "connected"),
    ]

    @Test("No balance of an affiliate goes below nothing, and nothing is kept of what would")
    func belowNothing() async throws {
        try await Books.with { books in
            for (account, column) in BooksTests.balances {
                let isAsset = account == .clawback || account == .stripeConnected
                func posting(_ minor: Int64, isIn: Bool) -> [Posting] {
                    [isIn == isAsset ? books.posting(account, .bank, minor) : books.posting(.bank, account, minor)]
                }
                try await books.record("\(column) in", posting(100, isIn: true))
                try await books.record("\(column), a part", posting(60, isIn: false))
                // A second payout of the same balance, say.
                let refused = await #expect(throws: PostgresError.self) {
                    try await books.record("\(column), too much", posting(60, isIn: false))
                }
                #expect(refused?.constraint == "affiliate_balance_\(column)_check")
                #expect(try await books.accounts().contains("\(account.rawValue) \(isAsset ? 40 : -40)"))
                try await books.record("\(column), the rest", posting(40, isIn: false))
                #expect(try await books.accounts() == [])
            }
        }
    }

    @Test("The worked example ends where it should, posting by posting")
    func workedExample() async throws {
        try await Books.with { books in
            let usd = books.currency
            let payout = PayoutMoney(
                affiliateID: Books.affiliate, amount: Money(minorUnits: 5_000, currency: usd), rail: .stripe)
            func reversal(_ status: CommissionStatus, _ minor: Int64, payable: Int64 = 0) -> [Posting] {
                CommissionReversal.postings(
                    affiliateID: Books.affiliate, currency: usd, status: status, amountMinor: minor,
                    payableMinor: payable)
            }
            func approval(_ minor: Int64, owed: Int64 = 0) -> [Posting] {
                CommissionApproval.postings(
                    affiliateID: Books.affiliate, currency: usd, amountMinor: minor, owedMinor: owed)
            }
            let again = "a second payout of the same money"
            let steps: [(String, [Posting], String)] = [
                ("top-up", [LedgerOccasion.topUp.posting(currency: usd, amountMinor: 10_000)], "provider←bank 10000"),
                ("conversion 50.00", [books.posting(.commissionExpense, .pending, 5_000)], "expense←pending 5000"),
                ("conversion 30.00", [books.posting(.commissionExpense, .pending, 3_000)], "expense←pending 3000"),
                ("30.00 refunded before approval", reversal(.pending, 3_000), "pending←expense 3000"),
                ("50.00 approved", approval(5_000), "pending←payable 5000"),
                ("payout requested", payout.postingsForCreation(), "payable←reserved 5000"),
                ("transfer", payout.postingsForTransfer(amountMinor: 5_000), "connected←provider 5000"),
                ("accepted", payout.postings(from: .submitting, to: .submitted), "transit←connected 5000"),
                ("fee", [LedgerOccasion.payoutFee.posting(currency: usd, amountMinor: 25)], "fee←provider 25"),
                ("paid", payout.postings(from: .inTransit, to: .paid), "reserved←transit 5000"),
                (
                    "paid, then failed", payout.postings(from: .paid, to: .returned),
                    "transit←reserved 5000, connected←transit 5000, reserved←payable 5000"
                ),
                (again, payout.postingsForCreation(), "payable←reserved 5000"),
                ("accepted again", payout.postings(from: .submitting, to: .submitted), "transit←connected 5000"),
                ("paid again", payout.postings(from: .submitted, to: .paid), "reserved←transit 5000"),
                ("50.00 refunded after payout", reversal(.paid, 5_000), "clawback←expense 5000"),
                ("conversion 20.00", [books.posting(.commissionExpense, .pending, 2_000)], "expense←pending 2000"),
                (
                    "20.00 approved and netted", approval(2_000, owed: 5_000),
                    "pending←payable 2000, payable←clawback 2000"
                ),
                (
                    "30.00 written off",
                    [LedgerOccasion.writeOff.posting(affiliateID: "a", currency: usd, amountMinor: 3_000)],
                    "debt←clawback 3000"
                ),
            ]
            for (name, postings, expected) in steps {
                #expect(postings.map(\.shortText).joined(separator: ", ") == expected, "\(name)")
                try await books.record(name, postings)
                #expect(try await books.sumOfAccounts() == 0, "\(name)")
            }
            #expect(
                try await books.accounts() == [
                    "asset:bank:operating -10000", "asset:provider:stripe 4975", "exp:bad_debt 3000",
                    "exp:commission 2000", "exp:payout_fee 25",
                ])
        }
    }

    @Test("A month closes once, in order, when it is over, and takes nothing more")
    func periods() async throws {
        try await Books.with { books in
            // 20,486 is 2026-02-02, 20,516 is 2026-03-04.
            try await books.record(
                "feb", [books.posting(.commissionExpense, .pending, 900)], at: Books.moment(day: 20_486))
            try await books.record(
                "mar", [books.posting(.pending, .commissionExpense, 300), books.posting(.pending, .payable, 600)],
                at: Books.moment(day: 20_516))
            let february = CivilDate(daysSinceEpoch: 20_486)
            let march = CivilDate(daysSinceEpoch: 20_516)
            let soon = CivilDate(daysSinceEpoch: 20_544).midnight.adding(seconds: 60)
            let later = soon.adding(seconds: 3_600)
            #expect(try await books.close(march, at: soon) == .notOver)
            #expect(try await books.close(march, at: later) == .earlierOpen)
            #expect(try await books.close(february, at: later) == nil)
            #expect(try await books.close(february, at: later) == .alreadyClosed)
            #expect(try await books.statements(february) == ["a USD 0 + 900 - 0 - 0 + 0 = 900"])
            #expect(try await books.statements(march) == ["a USD 900 + 0 - 300 - 0 + 0 = 600"])
            let refused = await #expect(throws: PostgresError.self) {
                try await books.record(
                    "late", [books.posting(.commissionExpense, .pending, 1)], at: Books.moment(day: 20_487))
            }
            #expect(refused?.sqlState == "40001")
            try await books.record("open", [books.posting(.commissionExpense, .pending, 50)], at: later)
            #expect(try await books.close(march, at: later) == nil)
            #expect(
                try await books.statements(CivilDate(daysSinceEpoch: later.day)) == ["a USD 600 + 50 - 0 - 0 + 0 = 650"]
            )
        }
    }

    @Test("A closing waits for what was begun before it, and has it in its statements")
    func closingWaits() async throws {
        try await Books.with { books in
            let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
            let entry = LedgerTransaction(
                key: "slow", kind: "test", inputHash: Identifier(hashing: "slow"),
                postings: [books.posting(.commissionExpense, .pending, 700)])
            async let recording: Void = books.database.pool.transaction { transaction throws(PostgresError) in
                try LedgerStore.append([entry], in: transaction, at: Books.moment(day: 20_490))
                hasBegun.finish()
                // Ends once the closing waits for this transaction's lock; without a lock it would never.
                for _ in 0..<20_000 {
                    let waiting = try transaction.query(
                        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                    ) { row in try row.int8(0) }
                    if waiting != [0] { break }
                }
            }
            for await _ in begun {}
            let february = CivilDate(daysSinceEpoch: 20_490)
            #expect(try await books.close(february, at: Books.moment(day: 20_520)) == nil)
            try await recording
            #expect(try await books.statements(february) == ["a USD 0 + 700 - 0 - 0 + 0 = 700"])
        }
    }

    @Test("hledger accepts the journal, and its balances are ours")
    func journal() async throws {
        try await Books.with { books in
            let yen = try #require(Currency(code: "JPY"))
            let dinar = try #require(Currency(code: "KWD"))
            try await books.record("usd", [books.posting(.commissionExpense, .pending, 123_456)])
            try await books.record("approval", [books.posting(.pending, .payable, 23_456)])
            for currency in [yen, dinar] {
                try await books.record(
                    currency.code,
                    [
                        Posting(
                            affiliateID: "=odd: name; (x)  y", currency: currency, debit: .commissionExpense,
                            credit: .pending, amountMinor: 1_001)
                    ])
            }
            let journal = try await books.export(.hledger)
            #expect(try hledger(["check"], journal) == "")
            let odd = "liabilities:affiliate:%3Dodd%3A%20name%3B%20%28x%29%20%20y:pending"
            #expect(
                try hledger(["balance", "--flat", "--no-total", "--output-format", "csv", "not:expenses"], journal)
                    == """
                    "account","balance"
                    "\(odd)","-1001 JPY, -1.001 KWD"
                    "liabilities:affiliate:a:payable","-234.56 USD"
                    "liabilities:affiliate:a:pending","-1000.00 USD"

                    """)
            let forged = journal.split(separator: "1000.00 USD", maxSplits: 2, omittingEmptySubsequences: false)
                .joined(separator: "1000.01 USD")
            #expect(try hledger(["check"], forged) != "", "a journal that is not ours passes")
            let csv = try await books.export(.csv)
            #expect(csv.contains(",JPY,exp:commission,liab:affiliate:pending,1001,1001\n"))
            #expect(csv.contains(",'=odd: name; (x)  y,"))
        }
    }

    /// - Returns: what it prints, its complaints among it.
    private func hledger(_ arguments: [String], _ journal: String) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try journal.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }  // a leftover does no harm
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["hledger", "--file", file.path] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }
}

extension Books {
    fileprivate func sumOfAccounts() async throws -> Int64 {
        let accounts = try await accounts()
        return accounts.reduce(0) { $0 + (Int64($1.split(separator: " ")[1]) ?? .max) }
    }

    fileprivate func close(_ month: CivilDate, at now: Timestamp) async throws -> PeriodRefusal? {
        try await database.pool.transaction { transaction throws(PostgresError) in
            try PeriodStore.close(month, by: "test", at: now, in: transaction)
        }
    }

    fileprivate func statements(_ month: CivilDate) async throws -> [String] {
        let statements = try await database.pool.transaction { transaction throws(PostgresError) in
            try PeriodStore.statements(of: month.firstOfMonth, in: transaction)
        }
        return statements.map {
            "\($0.affiliateID) \($0.currency.code) \($0.openingMinor) + \($0.accruedMinor) - \($0.reversedMinor)"
                + " - \($0.paidMinor) + \($0.otherMinor) = \($0.closingMinor)"
        }
    }
}

extension Posting {
    /// Debit ← credit, and the amount.
    fileprivate var shortText: String { "\(debit.shortName)←\(credit.shortName) \(amountMinor)" }
}

extension LedgerAccount {
    fileprivate var shortName: String {
        switch self {
        case .commissionExpense: "expense"
        case .payoutFeeExpense: "fee"
        case .badDebtExpense: "debt"
        case .pending: "pending"
        case .payable: "payable"
        case .reserved: "reserved"
        case .clawback: "clawback"
        case .bank: "bank"
        case .stripe: "provider"
        case .stripeConnected: "connected"
        case .stripeInTransit: "transit"
        case .circle: "circle"
        case .circleInTransit: "circle transit"
        }
    }
}
