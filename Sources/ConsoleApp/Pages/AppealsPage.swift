import Domain

/// Appeals as their template shows them: to the fraud desk all, to an affiliate its own.
struct AppealsPage: Sendable {
    struct Row: Sendable {
        let id: String
        let affiliate: String
        let affiliateID: String
        let about: String
        let text: String
        let state: StateLabel
        let due: String?
        let answer: String?
        let created: String
        let cases: [String]
        let isAnswerable: Bool

        init(_ row: AppealRow, isOwn: Bool, canAnswer: Bool) {
            id = String(row.appealId)
            affiliate = row.affiliateName
            affiliateID = row.affiliateId
            about =
                row.commissionId != nil
                ? "Order \(row.orderId ?? "without an id")"
                : row.eventId.map { "Conversion \($0)" } ?? "The whole account"
            text = row.text
            state =
                switch row.status {
                case "accepted": StateLabel("Accepted", tone: .good)
                case "rejected": StateLabel("Not accepted", tone: .bad)
                default: row.isLate && !isOwn ? StateLabel("Late", tone: .bad) : StateLabel("Waits", tone: .waiting)
                }
            due = row.status == "open" ? Figures.moment(row.dueAt) : nil
            answer = row.answer.map { answer in
                let by = row.answeredBy.map { " by \($0)" } ?? ""
                return "\(answer) (\(Figures.moment(row.answeredAt))\(by))"
            }
            created = Figures.moment(row.createdAt)
            cases = (row.fraudFlagIds ?? []).map { String($0) }
            isAnswerable = canAnswer && row.status == "open"
        }
    }

    struct Held: Sendable {
        let id: String
        let order: String
        let program: String
        let amount: String
        let currency: String
        let at: String
    }

    struct Rejected: Sendable {
        let eventID: String
        let order: String
        let program: String
        let why: String
        let at: String
    }

    let rows: [Row]
    let isOwn: Bool
    let isHeld: Bool
    let held: [Held]
    let rejected: [Rejected]
    let hasRejected: Bool
    let choices: [FraudQueuePage.Choice]
    let next: String?
    let allowanceDays: String
    let csrfToken: String

    init(
        _ rows: [AppealRow], held: [HeldCommission], rejected: [RejectedConversion], isHeld: Bool, isOwn: Bool,
        status: String?, canAnswer: Bool, next: String?, csrfToken: String
    ) {
        self.rows = rows.map { Row($0, isOwn: isOwn, canAnswer: canAnswer) }
        self.isOwn = isOwn
        self.isHeld = isHeld || !held.isEmpty
        self.held = held.map {
            Held(
                id: $0.commissionID, order: $0.orderID ?? "–", program: $0.programID,
                amount: Figures.amount($0.amountMinor, $0.currency), currency: $0.currency, at: Figures.moment($0.at))
        }
        self.rejected = rejected.map {
            Rejected(
                eventID: $0.eventID, order: $0.orderID ?? $0.eventID, program: $0.programID ?? "–", why: $0.sentence,
                at: Figures.moment($0.at))
        }
        hasRejected = !rejected.isEmpty
        choices = FraudQueuePage.choices(AppealQueries.statuses, ("", "All"), selected: status)
        self.next = next
        allowanceDays = String(FraudDecision.allowanceDaysStandard)
        self.csrfToken = csrfToken
    }
}
