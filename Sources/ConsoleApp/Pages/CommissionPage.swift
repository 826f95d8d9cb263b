import Domain
import Storage

/// A commission told from its record to the ledger.
struct CommissionPage: Sendable {
    struct Refund: Sendable {
        let kind: String
        let at: String
        let event: String
        let position: String
        let amount: String
        let reversed: String
        let isReversed: Bool
    }

    struct Change: Sendable {
        let at: String
        let from: StateLabel
        /// nil where only the amount changed.
        let to: StateLabel?
        /// Given or taken back; a dash where only the state changed.
        let moved: String
        let actor: String
        let reason: String
        /// nil: no money moved.
        let transaction: String?
    }

    struct Correction: Sendable {
        let at: String
        let kind: String
        let from: String
        let to: String
        let actor: String
    }

    struct Transaction: Sendable {
        let id: String
        let kind: String
        let at: String
        let lines: [Line]
    }

    struct Line: Sendable {
        let debit: String
        let credit: String
        let affiliate: String
        let amount: String
        let currency: String
    }

    struct Part: Sendable {
        let sku: String
        let amount: String
    }

    let id: String
    let conversionID: String
    let amount: String
    let currency: String
    let left: String
    let reversed: String?
    let state: StateLabel
    let isSuperseded: Bool
    let affiliate: String
    let affiliateAddress: String
    let program: String
    let programAddress: String
    let order: String?
    let orderAmount: String
    let orderCurrency: String
    let orderAddress: String?
    let tier: String
    let payout: String?
    let payable: String
    let event: String
    let position: String
    let occurred: String
    let decidedBy: String
    let click: String?
    let clickAt: String?
    let coupon: String?
    let signals: [ConversionsPage.Reason]
    let codes: [ConversionsPage.Reason]
    let steps: [String]
    let rules: [RuleView]
    let parts: [Part]
    let hasParts: Bool
    let refunds: [Refund]
    let changes: [Change]
    let corrections: [Correction]
    let transactions: [Transaction]
    let simulationAddress: String?
    let readsLedger: Bool
    let readsRules: Bool
    let readsConversions: Bool
}

extension CommissionPage {
    /// - Parameter currency: the programme's.
    init(_ told: CommissionExplanation, _ currency: Currency?, reader: Principal) {
        id = told.commissionId
        conversionID = told.conversionId
        amount = Figures.amount(told.amountMinor, told.currency)
        self.currency = told.currency
        left = Figures.amount(told.amountMinor - told.reversedMinor, told.currency)
        reversed = told.reversedMinor == 0 ? nil : Figures.amount(told.reversedMinor, told.currency)
        state = StateLabel(commissionState: told.status)
        isSuperseded = told.isSuperseded
        affiliate = told.affiliateId
        affiliateAddress = "/console/conversions" + PercentEncoding.query(["affiliate_id": told.affiliateId])
        program = told.programId
        programAddress = "/console/rules" + PercentEncoding.query(["program_id": told.programId])
        order = told.orderId
        orderAmount = Figures.amount(told.orderMinor, told.orderCurrency)
        orderCurrency = told.orderCurrency
        orderAddress = told.orderId.map { ConversionsPage.address(order: $0, program: told.programId) }
        tier = told.tier == 1 ? "First: for whoever brought the order" : "Second: for whoever referred that affiliate"
        payout = told.payoutId
        payable = CommissionPage.payable(told)
        event = told.source.eventId ?? "–"
        position = CommissionPage.position(told.source)
        occurred = Figures.moment(told.source.occurredAt)
        decidedBy = StateLabel.words(told.attribution.decidedBy)
        click = told.attribution.clickId
        clickAt = told.attribution.click.map { Figures.moment($0.occurredAt) }
        coupon = told.attribution.coupon
        signals = told.attribution.signals.map(ConversionsPage.Reason.init)
        codes = told.codes.map(ConversionsPage.Reason.init)
        steps = told.calculation
        rules = RuleView.contest(told.rules, currency)
        parts = told.parts.map { Part(sku: $0.sku ?? "–", amount: Figures.amount($0.amountMinor, told.currency)) }
        hasParts = !told.parts.isEmpty
        refunds = told.refunds.map { CommissionPage.refund($0, of: told) }
        changes = told.history.map { CommissionPage.change($0, told.currency) }
        corrections = told.corrections.map {
            Correction(
                at: Figures.moment($0.at), kind: StateLabel.words($0.kind), from: $0.from, to: $0.to, actor: $0.actor)
        }
        transactions = told.ledger.map { CommissionPage.transaction($0) }
        readsLedger = reader.permissions.contains(.readLedger)
        readsRules = reader.permissions.contains(.readRules)
        readsConversions = reader.permissions.contains(.readConversions)
        simulationAddress =
            readsRules && told.commissionId == told.conversionId
            ? "/console/rules"
                + PercentEncoding.query(["program_id": told.programId, "conversion_id": told.conversionId])
                + "#simulation" : nil
    }

    /// When, and why then.
    private static func payable(_ told: CommissionExplanation) -> String {
        guard let order = Timestamp(rfc3339: told.source.occurredAt), let due = Timestamp(rfc3339: told.payableFrom)
        else { return "Payable from \(told.payableFrom)." }
        let days = due.day - order.day
        let hold =
            days == 0
            ? "the programme held nothing back when it was priced"
            : "the programme held commissions for \(days) \(days == 1 ? "day" : "days") when it was priced"
        let why =
            "the order is of \(Timestamp.dayText(order.day)), and \(hold). A later change of the programme's "
            + "terms does not move the day."
        let day = Timestamp.dayText(due.day)
        return switch CommissionStatus(rawValue: told.status) {
        case .pending: "Payable from \(day), once it is judged: \(why)"
        case .held: "Payable from \(day) at the earliest, and held until a person decides: \(why)"
        case .approved: "Payable since its approval, from \(day) on: \(why)"
        case .locked: "In a payout. It was payable from \(day) on: \(why)"
        case .paid: "Paid. It was payable from \(day) on: \(why)"
        case .reversed, nil: "Nothing is left to pay. It would have been payable from \(day) on: \(why)"
        }
    }

    private static func position(_ source: CommissionExplanation.Source) -> String {
        guard let partition = source.partition, let offset = source.offset else {
            return "\(source.topic), the record was dropped since"
        }
        return "\(source.topic)/\(partition) @ \(Figures.count(offset))"
    }

    private static func refund(_ refund: CommissionExplanation.Refund, of told: CommissionExplanation) -> Refund {
        Refund(
            kind: StateLabel.words(refund.kind), at: Figures.moment(refund.source.occurredAt),
            event: refund.source.eventId ?? "–", position: position(refund.source),
            amount: Figures.amount(refund.amountMinor, told.orderCurrency),
            reversed: Figures.amount(refund.reversedMinor, told.currency),
            isReversed: refund.isReversed)
    }

    private static func change(_ change: CommissionExplanation.Change, _ currency: String) -> Change {
        Change(
            at: Figures.moment(change.at), from: StateLabel(commissionState: change.from),
            to: change.from == change.to ? nil : StateLabel(commissionState: change.to),
            moved: change.reversedMinor == 0 ? "–" : Figures.amount(-change.reversedMinor, currency),
            actor: change.actor, reason: change.reason, transaction: change.transactionId)
    }

    private static func transaction(_ told: LedgerExplanation) -> Transaction {
        Transaction(
            id: told.transactionId, kind: StateLabel.words(told.kind), at: Figures.moment(told.recordedAt),
            lines: told.postings.map { line in
                Line(
                    debit: line.debit, credit: line.credit, affiliate: line.affiliateId,
                    amount: Figures.amount(line.amountMinor, line.currency), currency: line.currency)
            })
    }
}
