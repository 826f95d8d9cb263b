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
    private(set) var added = AffiliateScore.Totals()
    private(set) var days: [Int32: DayTotals] = [:]
    var duplicateOrders: Int64 = 0
    private(set) var conversions: [AffiliateScored.Conversion] = []

    init(_ event: TrackingEvent, _ position: SourcePosition) {
        firstEvent = event.eventKey
        self.position = position
        lastEventAt = event.occurredAt
    }

    /// Adds to the totals in all and to those of the day of `moment`.
    mutating func count(
        _ event: TrackingEvent, at moment: Timestamp, commissionMinor: Int64 = 0,
        _ add: (inout AffiliateScore.Totals) -> Void
    ) {
        lastEventAt = max(lastEventAt, event.occurredAt)
        add(&added)
        add(&days[moment.day, default: DayTotals()].totals)
        if commissionMinor != 0 { days[moment.day, default: DayTotals()].commissionMinor += commissionMinor }
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
        let transactionID: Identifier
        let inputHash: Identifier
        var accruedMinor: [Currency: Int64] = [:]
        var others: [Posting] = []

        init(_ affiliateID: String, _ cause: Identifier) {
            key = "score:\(affiliateID):\(cause)"
            transactionID = LedgerTransaction.transactionID(of: key)
            inputHash = cause
        }

        mutating func accrue(_ amountMinor: Int64, _ currency: Currency) -> Identifier {
            accruedMinor[currency, default: 0] += amountMinor
            return transactionID
        }
    }

    private var pending: [String: Pending] = [:]

    /// Adds a commission to what the affiliate earned in this batch.
    ///
    /// - Returns: the ledger transaction that will record it; one without postings is not written.
    mutating func accrue(
        _ amountMinor: Int64, _ affiliateID: String, _ currency: Currency, cause: Identifier
    ) -> Identifier {
        pending[affiliateID, default: Pending(affiliateID, cause)].accrue(amountMinor, currency)
    }

    mutating func add(_ postings: [Posting], cause: Identifier) {
        guard let affiliateID = postings.first?.affiliateID else { return }
        pending[affiliateID, default: Pending(affiliateID, cause)].others += postings
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
