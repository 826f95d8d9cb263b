import DevKit
import Domain
import Postgres
import Storage
import Testing

/// Postings of a few affiliates over half a year, at random, and what a naive reader makes of them.
private struct StatementWorld {
    static let months: Int32 = 6
    /// 2026-02-01.
    static let first = CivilDate(daysSinceEpoch: 20_485)

    struct Account: Hashable {
        let affiliate: String
        let currency: Currency
    }

    /// What a posting is for the affiliate: what it adds to which sum of a statement, and on whose costs.
    private struct Move {
        let debit: LedgerAccount
        let credit: LedgerAccount
        /// What must be there before; nil for what comes from outside.
        let source: LedgerAccount?
        let kind: StatementLine.Kind?
        let sign: Int64
    }

    private static let moves = [
        Move(debit: .commissionExpense, credit: .pending, source: nil, kind: .commission, sign: 1),
        Move(debit: .commissionExpense, credit: .payable, source: nil, kind: .commission, sign: 1),
        Move(debit: .pending, credit: .payable, source: .pending, kind: nil, sign: 0),
        Move(debit: .pending, credit: .commissionExpense, source: .pending, kind: .reversed, sign: -1),
        Move(debit: .clawback, credit: .commissionExpense, source: nil, kind: .reversed, sign: -1),
        Move(debit: .payable, credit: .reserved, source: .payable, kind: nil, sign: 0),
        Move(debit: .reserved, credit: .payable, source: .reserved, kind: nil, sign: 0),
        Move(debit: .reserved, credit: .stripeInTransit, source: .reserved, kind: .paid, sign: -1),
        Move(debit: .reserved, credit: .circle, source: .reserved, kind: .paid, sign: -1),
        Move(debit: .reserved, credit: .bank, source: .reserved, kind: .paid, sign: -1),
        Move(debit: .circleInTransit, credit: .reserved, source: nil, kind: .returned, sign: 1),
        Move(debit: .badDebtExpense, credit: .clawback, source: .clawback, kind: .writtenOff, sign: 1),
        Move(debit: .payable, credit: .payoutFeeExpense, source: .payable, kind: .fee, sign: -1),
    ]

    let entries: [(transaction: LedgerTransaction, at: Timestamp)]
    /// Each month's change by account and kind.
    private(set) var changes: [Int32: [Account: [StatementLine.Kind: Int64]]] = [:]

    init(seed: UInt64, currencies: [Currency]) {
        var random = SplitMix64(seed: seed)
        var standing: [Account: [LedgerAccount: Int64]] = [:]
        var entries: [(LedgerTransaction, Timestamp)] = []
        for number in 0..<(20 + random.below(120)) {
            let account = Account(affiliate: random.pick(["a", "b", "c"]), currency: random.pick(currencies))
            let move = random.pick(Self.moves)
            let wanted = Int64(1 + random.below(10_000))
            let amount = move.source.map { min(wanted, standing[account]?[$0] ?? 0) } ?? wanted
            // Some months pass without anything for one account, and some for all.
            let month = min(Self.months - 1, Int32(number / 24))
            guard amount > 0 else { continue }
            for (side, minor) in [(move.debit, -amount), (move.credit, amount)] {
                standing[account, default: [:]][side, default: 0] += side == .clawback ? -minor : minor
            }
            if let kind = move.kind {
                changes[month, default: [:]][account, default: [:]][kind, default: 0] += move.sign * amount
            }
            let posting = Posting(
                affiliateID: account.affiliate, currency: account.currency, debit: move.debit, credit: move.credit,
                amountMinor: amount)
            let day = Self.first.adding(months: month).daysSinceEpoch + Int32(number % 24)
            entries.append(
                (
                    LedgerTransaction(
                        key: "\(number)", kind: "test", inputHash: Identifier(UInt128(number)), postings: [posting]),
                    CivilDate(daysSinceEpoch: day).midnight
                ))
        }
        self.entries = entries
    }

    /// Statements of an affiliate as text, oldest first: a month has one where there is a balance or a movement.
    func statements(of affiliate: String, currencies: [Currency]) -> [String] {
        var balances: [Currency: Int64] = [:]
        var texts: [String] = []
        for month in 0..<Self.months {
            for currency in currencies.sorted() {
                let change = changes[month]?[Account(affiliate: affiliate, currency: currency)] ?? [:]
                let opening = balances[currency, default: 0]
                let closing = opening + change.values.reduce(0, +)
                balances[currency] = closing
                guard opening != 0 || closing != 0 || !change.isEmpty else { continue }
                texts.append(
                    "\(Self.first.adding(months: month).text) \(currency.code) \(opening)"
                        + Self.text(change.filter { $0.value != 0 }) + " = \(closing)")
            }
        }
        return texts
    }

    static func text(_ change: [StatementLine.Kind: Int64]) -> String {
        change.sorted { $0.key.rawValue < $1.key.rawValue }.map { " \($0.key.rawValue) \($0.value)" }.joined()
    }
}

@Suite("Statements", .timeLimit(.minutes(10)))
struct StatementTests {
    private static let seeds = WorldSeeds("STATEMENT_WORLDS", otherwise: 1...6)

    @Test("Statements chain and add up to what a naive reader finds and to the balances, months closed or not")
    func chain() async throws {
        let currencies = try ["USD", "EUR"].map { try #require(Currency(code: $0)) }
        for seed in Self.seeds.range {
            let world = StatementWorld(seed: seed, currencies: currencies)
            try await TestDatabase.with { database in
                for entry in world.entries {
                    try await database.pool.transaction { transaction throws(PostgresError) in
                        try LedgerStore.append([entry.transaction], in: transaction, at: entry.at)
                    }
                }
                for closed in 0..<StatementWorld.months {
                    for affiliate in ["a", "b", "c"] {
                        #expect(
                            try await read(affiliate, in: database)
                                == world.statements(of: affiliate, currencies: currencies),
                            "seed \(seed), \(closed) months closed, \(affiliate)")
                    }
                    try await agreesWithTheBooks(database, "seed \(seed), \(closed) months closed")
                    let month = StatementWorld.first.adding(months: closed)
                    try await database.pool.transaction { transaction throws(PostgresError) in
                        _ = try PeriodStore.close(
                            month, by: "test", at: month.adding(months: 2).midnight, in: transaction)
                    }
                }
            }
        }
        Self.seeds.report(steps: "read with no month closed, one, and so on", differing: 0)
    }

    /// Three at a time, as a reader with a small window would.
    private func read(_ affiliate: String, in database: TestDatabase) async throws -> [String] {
        try await database.pool.transaction(isolation: .repeatableRead) { transaction throws(PostgresError) in
            var texts: [String] = []
            var place: StatementStore.Place?
            while true {
                let page = try StatementStore.list(
                    of: affiliate, upTo: StatementWorld.first.adding(months: StatementWorld.months - 1).midnight,
                    after: place, limit: 3, in: transaction)
                for statement in page {
                    let lines = try StatementStore.lines(of: affiliate, month: statement.month, in: transaction)
                    let sums = statement.sums
                    let own = lines.filter { $0.currency == sums.currency }
                    let change = Dictionary(grouping: own, by: \.kind).mapValues {
                        $0.reduce(0) { $0 + $1.amountMinor }
                    }
                    texts.append(
                        "\(statement.month.text) \(sums.currency.code) \(sums.openingMinor)"
                            + StatementWorld.text(change) + " = \(sums.openingMinor + change.values.reduce(0, +))")
                    #expect(sums.closingMinor == sums.openingMinor + change.values.reduce(0, +))
                }
                guard page.count == 3, let last = page.last else { break }
                place = StatementStore.Place(month: last.month, currency: last.sums.currency.code)
            }
            return texts.sorted()
        }
    }

    /// The last closing is what the balances say, and each month's is what the month's own statements say.
    private func agreesWithTheBooks(_ database: TestDatabase, _ which: String) async throws {
        let last = StatementWorld.first.adding(months: StatementWorld.months - 1)
        try await database.pool.transaction(isolation: .repeatableRead) { transaction throws(PostgresError) in
            let balances = try transaction.query(
                """
                SELECT affiliate_id, currency, pending + payable + reserved - clawback FROM affiliate_balance
                WHERE pending + payable + reserved - clawback <> 0 ORDER BY affiliate_id, currency
                """
            ) { row throws(PostgresError) in "\(try row.text(0)) \(try row.text(1)) \(try row.int8(2))" }
            var closings: [String] = []
            for affiliate in ["a", "b", "c"] {
                let own = try StatementStore.list(
                    of: affiliate, upTo: last.midnight, limit: 100, in: transaction)
                closings += own.filter { $0.month == last && $0.sums.closingMinor != 0 }
                    .map { "\(affiliate) \($0.sums.currency.code) \($0.sums.closingMinor)" }
                for month in (0..<StatementWorld.months).map({ StatementWorld.first.adding(months: $0) }) {
                    let found = own.filter { $0.month == month }.map(\.sums)
                    // A month without a movement and without a balance may be listed by one and not by the other.
                    let wanted = try PeriodStore.statements(of: month, in: transaction).filter { sums in
                        sums.affiliateID == affiliate
                            && (found.contains(sums) || sums.openingMinor != 0 || sums.closingMinor != 0)
                    }
                    #expect(found == wanted, "\(which), \(affiliate), \(month.text)")
                }
            }
            #expect(closings == balances, "\(which)")
        }
    }
}
