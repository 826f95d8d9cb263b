import Storage

/// The files of payouts that people pay outside.
struct ManualBatchesPage: Sendable {
    struct Row: Sendable {
        let id: String
        let made: String
        let payouts: String
        let paid: String
        /// What the first person saw, and who.
        let word: String?
        let canMark: Bool
        let canConfirm: Bool

        init(_ batch: ManualBatch) {
            id = String(batch.batchId)
            made = "\(Figures.moment(batch.madeAt)) by \(batch.madeBy)"
            payouts = String(batch.payouts)
            paid = String(batch.paid)
            word = batch.reference.map { "\($0) – \(batch.proposedBy ?? "")" }
            canMark = batch.open > 0
            canConfirm = batch.proposed > 0
        }
    }

    let rows: [Row]
    let canDecide: Bool
    let csrfToken: String
}
