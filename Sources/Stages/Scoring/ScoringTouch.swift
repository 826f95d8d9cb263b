import Domain
import Events
import Storage

/// What a batch changes for one affiliate, programme and currency.
struct ScoringTouch: Sendable {
    /// The event that came first: its key makes the message's id.
    let firstEvent: Identifier
    /// Where it came first; its partition orders the message. An event that is refused as a repetition may come first
    /// in several batches, each time at another place.
    let position: SourcePosition
    private(set) var lastEventAt: Timestamp
    var added = AffiliateScore.Totals()
    var duplicateOrders: Int64 = 0
    private(set) var conversions: [AffiliateScored.Conversion] = []

    init(_ event: TrackingEvent, _ position: SourcePosition) {
        firstEvent = event.eventKey
        self.position = position
        lastEventAt = event.occurredAt
    }

    mutating func see(_ event: TrackingEvent) {
        lastEventAt = max(lastEventAt, event.occurredAt)
    }

    mutating func add(_ event: TrackingEvent, _ attribution: Attribution, commissionMinor: Int64) {
        guard let currency = event.currency else { return }
        conversions.append(
            AffiliateScored.Conversion(
                conversionID: event.conversionID, occurredAt: event.occurredAt,
                secondsFromClick: attribution.click.map { event.occurredAt.seconds(since: $0.occurredAt) },
                ip: event.ip, amountMinor: event.amountMinor, commissionMinor: commissionMinor, currency: currency))
    }
}

/// The postings of a batch: one ledger transaction per affiliate, linked from each of its conversions.
struct ScoringLedger: Sendable {
    private struct Pending: Sendable {
        let key: String
        let inputHash: Identifier
        var accruedMinor: [Currency: Int64] = [:]
        var others: [Posting] = []
    }

    private var pending: [String: Pending] = [:]

    /// Adds a commission to what the affiliate earned in this batch.
    ///
    /// - Returns: the ledger transaction that will record it; one without postings is not written.
    mutating func accrue(
        _ amountMinor: Int64, _ affiliateID: String, _ currency: Currency, cause: Identifier
    ) -> Identifier {
        var entry = pending[affiliateID] ?? ScoringLedger.entry(affiliateID, cause)
        entry.accruedMinor[currency, default: 0] += amountMinor
        pending[affiliateID] = entry
        return LedgerTransaction(key: entry.key, kind: "score", inputHash: entry.inputHash, postings: []).transactionID
    }

    mutating func add(_ postings: [Posting], cause: Identifier) {
        guard let affiliateID = postings.first?.affiliateID else { return }
        var entry = pending[affiliateID] ?? ScoringLedger.entry(affiliateID, cause)
        entry.others += postings
        pending[affiliateID] = entry
    }

    private static func entry(_ affiliateID: String, _ cause: Identifier) -> Pending {
        Pending(key: "score:\(affiliateID):\(cause)", inputHash: cause)
    }

    /// In the order of affiliates; accruals before what takes from them.
    var transactions: [LedgerTransaction] {
        pending.sorted { $0.key < $1.key }.compactMap { affiliateID, entry in
            let accruals = entry.accruedMinor.sorted { $0.key < $1.key }.filter { $0.value > 0 }.map {
                Posting(
                    affiliateID: affiliateID, currency: $0.key, debit: .commissionExpense, credit: .pending,
                    amountMinor: $0.value)
            }
            let postings = accruals + entry.others
            guard !postings.isEmpty else { return nil }
            return LedgerTransaction(key: entry.key, kind: "score", inputHash: entry.inputHash, postings: postings)
        }
    }
}
