import Domain

/// The queue of the fraud desk as its template shows it.
struct FraudQueuePage: Sendable {
    struct Row: Sendable {
        let id: String
        let affiliate: String
        let affiliateID: String
        let kind: String
        let verdict: StateLabel
        let status: StateLabel?
        let probability: String?
        let atRisk: [FraudAmount]
        let measured: String
        let sentence: String
        let programs: String
        let days: String
        let appeal: String?
        let isDecidable: Bool

        init(_ row: FraudFlagRow, canDecide: Bool) {
            id = String(row.fraudFlagId)
            affiliate = row.affiliateName
            affiliateID = row.affiliateId
            kind = StateLabel.words(row.kind)
            verdict = StateLabel(fraudVerdict: row.verdict)
            status = row.status == "open" ? nil : StateLabel(fraudStatus: row.status)
            probability = row.probability.map(Figures.percent)
            atRisk = row.atRisk.map(FraudAmount.init)
            measured = row.measured
            sentence = row.sentence
            programs = row.programs.joined(separator: ", ")
            days = FraudQueuePage.days(row)
            appeal = row.openAppeals > 0 ? "Appeal waits" : nil
            isDecidable = canDecide && row.status == "open"
        }
    }

    struct Choice: Sendable {
        let value: String
        let label: String
        let isSelected: Bool
    }

    /// A decision that can still be taken back.
    struct Undoable: Sendable {
        let id: String
        let what: String
        let by: String
        let until: String
    }

    let rows: [Row]
    let canDecide: Bool
    let statuses: [Choice]
    let kinds: [Choice]
    let verdicts: [Choice]
    let orders: [Choice]
    let program: String
    let affiliate: String
    let isFiltered: Bool
    let undoable: [Undoable]
    let csv: String
    let next: String?
    let allowanceDays: String
    let csrfToken: String

    static func choices(
        _ words: [String], _ all: (value: String, label: String)?, selected: String?
    ) -> [Choice] {
        (all.map { [Choice(value: $0.value, label: $0.label, isSelected: selected == nil)] } ?? [])
            + words.map { Choice(value: $0, label: StateLabel.words($0), isSelected: $0 == selected) }
    }

    /// As in `3 days, 2026-03-01 to 2026-03-04`.
    static func days(_ row: FraudFlagRow) -> String {
        guard let first = row.firstDay, let last = row.lastDay else { return Figures.moment(row.openedAt) }
        return first == last ? first : "\(first) to \(last)"
    }
}

/// An amount with its currency.
struct FraudAmount: Sendable {
    let amount: String
    let currency: String

    init(_ risk: FraudFlagRow.Risk) {
        amount = Figures.amount(risk.amountMinor, risk.currency)
        currency = risk.currency
    }
}

extension StateLabel {
    init(fraudVerdict: String) {
        switch fraudVerdict {
        case "hold": self.init("Hold", tone: .bad)
        case "review": self.init("Review", tone: .waiting)
        default: self.init("Conversions only", tone: .moving)
        }
    }

    init(fraudStatus: String) {
        switch fraudStatus {
        case "confirmed": self.init("Confirmed", tone: .bad)
        case "dismissed": self.init("Dismissed", tone: .good)
        case "withdrawn": self.init("Withdrawn", tone: .moving)
        default: self.init("Open", tone: .waiting)
        }
    }
}
