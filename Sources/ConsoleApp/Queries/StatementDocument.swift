import Domain
import Storage

/// A month of an affiliate in one currency, as lists show it.
struct StatementRow: Encodable, Sendable {
    let month: String
    let affiliateId: String
    let currency: String
    let openingMinor: Int64
    let accruedMinor: Int64
    let reversedMinor: Int64
    /// Less what came back.
    let paidMinor: Int64
    /// Debts that were given up, less fees.
    let otherMinor: Int64
    let closingMinor: Int64
    /// nil: it may still change.
    let closedAt: String?

    init(_ statement: AffiliateStatement) {
        let sums = statement.sums
        month = statement.month.monthText
        affiliateId = sums.affiliateID
        currency = sums.currency.code
        openingMinor = sums.openingMinor
        accruedMinor = sums.accruedMinor
        reversedMinor = sums.reversedMinor
        paidMinor = sums.paidMinor
        otherMinor = sums.otherMinor
        closingMinor = sums.closingMinor
        closedAt = statement.closedAt?.rfc3339
    }

    var cursor: Cursor { Cursor(month, currency) }
}

/// What a line of a statement says.
struct StatementLineRow: Encodable, Sendable {
    let kind: String
    let description: String
    let programId: String?
    let tier: Int32?
    let reason: String?
    /// The earlier month that it corrects.
    let concerns: String?
    let payoutId: String?
    let provider: String?
    let reference: String?
    let last4: String?
    /// nil: there were many.
    let at: String?
    let count: Int64
    /// What it adds to the balance.
    let amountMinor: Int64

    init(_ line: StatementLine) {
        kind = line.kind.rawValue
        description = line.title
        programId = line.programID
        tier = line.tier
        reason = line.reason
        concerns = line.concerns?.monthText
        payoutId = line.payoutID?.description
        provider = line.provider
        reference = line.reference
        last4 = line.last4
        at = line.at?.rfc3339
        count = line.count
        amountMinor = line.amountMinor
    }
}

/// A month of an affiliate, line by line.
struct StatementDocument: Encodable, Sendable {
    /// In one currency: the opening balance and the lines are the closing balance.
    struct Account: Encodable, Sendable {
        let currency: String
        let openingMinor: Int64
        let lines: [StatementLineRow]
        let closingMinor: Int64
    }

    let month: String
    let affiliateId: String
    let affiliateName: String
    /// Its first and last day, UTC.
    let from: String
    let to: String
    /// nil: it may still change.
    let closedAt: String?
    let data: [Account]

    /// - Parameters:
    ///   - statements: of that month, one for each currency; at least one.
    ///   - lines: of all currencies.
    init(
        _ affiliate: AffiliateHead, _ month: CivilDate, _ statements: [AffiliateStatement], _ lines: [StatementLine]
    ) {
        self.month = month.monthText
        affiliateId = affiliate.id
        affiliateName = affiliate.name
        from = month.text
        to = CivilDate(daysSinceEpoch: month.adding(months: 1).daysSinceEpoch - 1).text
        closedAt = statements.first?.closedAt?.rfc3339
        data = statements.map { statement in
            Account(
                currency: statement.sums.currency.code, openingMinor: statement.sums.openingMinor,
                lines: lines.filter { $0.currency == statement.sums.currency }.map(StatementLineRow.init),
                closingMinor: statement.sums.closingMinor)
        }
    }
}

/// A line of the file of a statement.
struct StatementFileRow: Encodable, Sendable {
    static let columns = [
        "month", "affiliate_id", "currency", "kind", "description", "date", "program_id", "tier", "reason", "concerns",
        "payout_id", "provider", "reference", "last4", "count", "amount",
    ]

    let cells: [String]
}

extension StatementDocument {
    /// The lines between the two balances, for each currency: their amounts add up to the closing balance.
    var fileRows: [StatementFileRow] {
        data.flatMap { account in
            [balance("opening", "Opening balance", from, account.openingMinor, account.currency)]
                + account.lines.map { line in
                    StatementFileRow(
                        cells: [
                            month, affiliateId, account.currency, line.kind, line.description, line.at ?? "",
                            line.programId ?? "", line.tier.map { String($0) } ?? "", line.reason ?? "",
                            line.concerns ?? "", line.payoutId ?? "", line.provider ?? "", line.reference ?? "",
                            line.last4 ?? "", String(line.count),
                            OutcomeRoutes.decimal(line.amountMinor, account.currency),
                        ])
                } + [balance("closing", "Closing balance", to, account.closingMinor, account.currency)]
        }
    }

    private func balance(
        _ kind: String, _ words: String, _ date: String, _ minor: Int64, _ currency: String
    ) -> StatementFileRow {
        let blank = Array(repeating: "", count: StatementFileRow.columns.count - 7)
        return StatementFileRow(
            cells: [month, affiliateId, currency, kind, words, date] + blank + [OutcomeRoutes.decimal(minor, currency)])
    }
}

extension StatementLine {
    /// In a few words.
    fileprivate var title: String {
        switch kind {
        case .commission where programID == nil: "Other commissions"
        case .commission: tier == 2 ? "Commissions of referred affiliates" : "Commissions"
        case .restored: "Given back: \(words)"
        case .reversed: "Taken back: \(words)"
        case .paid: "Payout"
        case .returned: "Payout that came back"
        case .writtenOff: "Debt given up"
        case .fee: "Fee"
        }
    }

    private var words: String { (reason ?? "other").replacing("_", with: " ") }
}
