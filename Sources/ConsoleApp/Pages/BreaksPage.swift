/// What books and provider contradict each other in.
struct BreaksPage: Sendable {
    struct Row: Sendable {
        let id: String
        let kind: String
        let severity: StateLabel
        let payoutID: String?
        let shortPayoutID: String
        let affiliate: String
        let object: String
        let detail: String
        let amount: String
        let advice: String
        let firstSeen: String
        let lastSeen: String
        /// What the first person said, or what was done.
        let resolution: String?
        let isOpen: Bool

        init(_ row: BreakRow) {
            id = String(row.breakId)
            kind = StateLabel.words(row.kind)
            severity = StateLabel(
                StateLabel.words(row.severity),
                tone: row.severity == "money" ? .bad : row.severity == "warning" ? .waiting : .moving)
            payoutID = row.payoutId
            shortPayoutID = String(row.payoutId?.prefix(8) ?? "–")
            affiliate = row.affiliateId.isEmpty ? "–" : row.affiliateId
            object = row.objectId.isEmpty ? "–" : row.objectId
            detail = row.detail
            amount = row.amountMinor.map { Figures.amount($0, row.currency ?? "") + " " + (row.currency ?? "") } ?? "–"
            advice = row.advice
            firstSeen = Figures.moment(row.firstSeen)
            lastSeen = Figures.moment(row.lastSeen)
            resolution = row.resolution.map { words in
                "\(words) – \([row.proposedBy, row.resolver].compactMap(\.self).joined(separator: ", "))"
            }
            isOpen = row.resolvedAt == nil
        }
    }

    let rows: [Row]
    let showsResolved: Bool
    let canResolve: Bool
    let next: String?
    let csrfToken: String
}
