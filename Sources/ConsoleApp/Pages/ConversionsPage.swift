import Domain
import Storage

/// What became of records, as its template shows it.
struct ConversionsPage: Sendable {
    struct Commission: Sendable {
        let id: String
        let amount: String
        let currency: String
        let state: StateLabel
        let payable: String
        /// Whose it is, where that is not whom the conversion counts for.
        let other: String?
    }

    /// A code with its sentence.
    struct Reason: Sendable {
        let code: String
        let sentence: String

        init(_ signal: CommissionExplanation.Signal) {
            code = String(signal.code)
            sentence = signal.sentence
        }
    }

    struct Row: Sendable {
        let at: String
        let id: String
        let type: String
        let position: String
        let order: String?
        let orderAddress: String?
        let program: String?
        let affiliate: String?
        let affiliateAddress: String?
        let outcome: StateLabel
        let reason: Reason?
        let measured: String?
        let duplicateOf: String?
        /// The first of it, where it can be looked up.
        let firstAddress: String?
        let waitsUntil: String?
        let amount: String?
        let currency: String
        let signals: [Reason]
        let commissions: [Commission]
        let earnsNothing: Bool
    }

    struct Choice: Sendable {
        let value: String
        let label: String
        let isSelected: Bool
    }

    let rows: [Row]
    let outcomes: [Choice]
    let types: [Choice]
    let program: String
    let affiliate: String
    let order: String
    let event: String
    let code: String
    let from: String
    let to: String
    let next: String?
    let isFiltered: Bool
}

extension ConversionsPage.Row {
    init(_ row: ConversionOutcome) {
        at = Figures.moment(row.at)
        id = row.eventId ?? (row.outcome == IntakeOutcome.dead.rawValue ? "Unreadable record" : "Record without an id")
        type = row.type.map(StateLabel.words) ?? "Record"
        let place = row.source.partition.map { "\($0)" } ?? "–"
        position = "\(row.source.topic)/\(place) @ \(row.source.offset.map(Figures.count) ?? "–")"
        order = row.orderId
        orderAddress = row.orderId.map { ConversionsPage.address(order: $0, program: row.programId) }
        program = row.programId
        affiliate = row.affiliateId
        affiliateAddress = row.affiliateId.map { "/console/conversions" + PercentEncoding.query(["affiliate_id": $0]) }
        outcome = StateLabel(outcome: row.outcome)
        reason = row.code.map { ConversionsPage.Reason(CommissionExplanation.Signal($0)) }
        measured = row.measured.flatMap { $0.isEmpty || $0 == row.duplicateOf ? nil : $0 }
        duplicateOf = row.duplicateOf
        firstAddress = row.duplicateOf.flatMap { first in
            switch row.code.flatMap(ReasonCode.init) {
            case .duplicateOrder: ConversionsPage.address(order: first, program: row.programId)
            case .duplicateEvent, .conflictingContent:
                "/console/conversions" + PercentEncoding.query(["event_id": first])
            default: nil
            }
        }
        waitsUntil = row.waitsUntil.map(Figures.moment)
        let conversion = row.conversion
        amount = conversion.map { Figures.amount($0.amountMinor, $0.currency) }
        currency = conversion?.currency ?? ""
        signals = conversion?.signals.map(ConversionsPage.Reason.init) ?? []
        commissions = conversion?.commissions.map { ConversionsPage.Commission($0, of: row.affiliateId) } ?? []
        earnsNothing = conversion?.commissions.isEmpty ?? false
    }
}

extension ConversionsPage.Commission {
    fileprivate init(_ row: CommissionRow, of affiliateID: String?) {
        id = row.commissionId
        amount = Figures.amount(row.amountMinor - row.reversedMinor, row.currency)
        currency = row.currency
        state = StateLabel(commissionState: row.isSuperseded ? "corrected" : row.status)
        payable = String(row.payableFrom.prefix(10))
        other = row.affiliateId == affiliateID ? nil : row.affiliateId
    }
}

extension ConversionsPage {
    static func address(order: String, program: String?) -> String {
        "/console/conversions" + PercentEncoding.query(["order_id": order, "program_id": program])
    }
}

extension StateLabel {
    /// What became of a record.
    init(outcome: String) {
        let tone: Tone =
            switch IntakeOutcome(rawValue: outcome) {
            case .accepted: .good
            case .duplicate: .moving
            case .parked: .waiting
            case .rejected, .dead, nil: .bad
            }
        self.init(StateLabel.words(outcome), tone: tone)
    }

    init(commissionState state: String) {
        let tone: Tone =
            switch CommissionStatus(rawValue: state) {
            case .paid, .approved: .good
            case .held: .waiting
            case .pending, .locked: .moving
            case .reversed, nil: .bad
            }
        self.init(StateLabel.words(state), tone: tone)
    }
}
