import Domain
import Events
import Storage

/// Where a change of figures comes from.
struct FigureSource: Sendable {
    /// Makes the message's id.
    let key: Identifier
    /// Its partition orders the message. An event that is refused as a repetition may come first in several batches,
    /// each time at another place.
    let position: SourcePosition
    let occurredAt: Timestamp

    init(key: Identifier, position: SourcePosition, occurredAt: Timestamp) {
        self.key = key
        self.position = position
        self.occurredAt = occurredAt
    }

    init(_ event: TrackingEvent, _ position: SourcePosition) {
        self.init(key: event.eventKey, position: position, occurredAt: event.occurredAt)
    }
}

/// What a batch changes for one affiliate, programme and currency.
struct ScoringTouch: Sendable {
    /// What came first.
    let first: FigureSource
    private(set) var lastEventAt: Timestamp
    private(set) var days: [Int32: DayTotals] = [:]
    private(set) var duplicateOrders: Int64 = 0
    private(set) var conversions: [AffiliateScored.Conversion] = []
    private(set) var observations: [FraudObservation] = []
    /// Whether there is something to judge: commission alone says nothing of an affiliate.
    private(set) var isTold = false

    init(_ source: FigureSource) {
        first = source
        lastEventAt = source.occurredAt
    }

    /// Adds to the day of `moment`.
    mutating func count(_ source: FigureSource, at moment: Timestamp, _ add: (inout DayTotals) -> Void) {
        isTold = true
        lastEventAt = max(lastEventAt, source.occurredAt)
        add(&days[moment.day, default: DayTotals()])
    }

    mutating func earn(_ amountMinor: Int64, at moment: Timestamp) {
        days[moment.day, default: DayTotals()].commissionMinor += amountMinor
    }

    mutating func repeatOrder() {
        isTold = true
        duplicateOrders += 1
    }

    mutating func add(_ conversion: AffiliateScored.Conversion) {
        conversions.append(conversion)
    }

    mutating func observe(_ observation: FraudObservation) {
        observations.append(observation)
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

        init(_ kind: String, _ affiliateID: String, _ cause: Identifier) {
            key = "\(kind):\(affiliateID):\(cause)"
            transactionID = LedgerTransaction.transactionID(of: key)
            inputHash = cause
        }

        mutating func accrue(_ amountMinor: Int64, _ currency: Currency) -> Identifier {
            accruedMinor[currency, default: 0] += amountMinor
            return transactionID
        }

        mutating func add(_ postings: [Posting]) -> Identifier {
            others += postings
            return transactionID
        }
    }

    /// What the transactions are called.
    private let kind: String
    private var pending: [String: Pending] = [:]

    init(kind: String) {
        self.kind = kind
    }

    /// Adds a commission to what the affiliate earned in this batch.
    ///
    /// - Returns: the ledger transaction that will record it; one without postings is not written.
    mutating func accrue(
        _ amountMinor: Int64, _ affiliateID: String, _ currency: Currency, cause: Identifier
    ) -> Identifier {
        pending[affiliateID, default: Pending(kind, affiliateID, cause)].accrue(amountMinor, currency)
    }

    /// - Parameter postings: of one affiliate.
    /// - Returns: the ledger transaction that will record them; nil if there are none.
    mutating func add(_ postings: [Posting], cause: Identifier) -> Identifier? {
        guard let affiliateID = postings.first?.affiliateID else { return nil }
        return pending[affiliateID, default: Pending(kind, affiliateID, cause)].add(postings)
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
            return LedgerTransaction(key: entry.key, kind: kind, inputHash: entry.inputHash, postings: postings)
        }
    }
}
