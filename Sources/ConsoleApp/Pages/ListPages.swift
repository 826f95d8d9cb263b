/// The ranking as its template shows it.
struct AffiliatesPage: Sendable {
    static let insightsCount = 8

    let affiliates: [AffiliateView]
    let insights: [InsightLine]
    /// The day that the ranking is of.
    let asOf: String?
    /// The day that was asked for.
    let asked: String
    let program: String
    let from: String
    let to: String
    let next: String?
}

/// The list of payouts.
struct PayoutsPage: Sendable {
    struct Row: Sendable {
        let id: String
        let shortID: String
        let affiliate: String
        let affiliateID: String
        let amount: String
        let currency: String
        let state: StateLabel
        let mode: String
        let provider: String
        let failure: String?
        let submittedBy: String
        let created: String
        let updated: String
        /// The reader may decide about it.
        let isDecidable: Bool
        /// It waits, but the reader submitted it.
        let isOwn: Bool

        init(_ row: PayoutRow, reader: Principal) {
            id = row.payoutId
            shortID = String(row.payoutId.prefix(8))
            affiliate = row.affiliateName
            affiliateID = row.affiliateId
            amount = Figures.amount(row.amountMinor, row.currency)
            currency = row.currency
            state = StateLabel(payoutState: row.state)
            mode = row.mode
            provider = row.provider
            failure = row.failureCode
            submittedBy = row.submittedBy
            created = Figures.moment(row.createdAt)
            updated = Figures.moment(row.updatedAt)
            let isWaiting = row.state == "awaiting_approval" && reader.permissions.contains(.decidePayouts)
            isOwn = isWaiting && row.submittedBy == reader.actor
            isDecidable = isWaiting && !isOwn
        }
    }

    struct Choice: Sendable {
        let value: String
        let label: String
        let isSelected: Bool
    }

    let rows: [Row]
    let states: [Choice]
    let affiliate: String
    let from: String
    let to: String
    let next: String?
    let canPlan: Bool
    /// So that a form that is sent twice plans once.
    let planKey: String
    let csrfToken: String
}

/// One payout with its history.
struct PayoutPage: Sendable {
    struct Step: Sendable {
        let state: StateLabel
        let actor: String
        let evidence: String
        let at: String
    }

    struct Attempt: Sendable {
        let operation: String
        let number: String
        let state: String
        let sends: String
        let object: String
        let error: String
    }

    struct Commission: Sendable {
        let id: String
        let shortID: String
        let order: String
        let program: String
        let amount: String
        let currency: String
        let state: StateLabel
    }

    /// Commissions that the page shows; all of them are in the CSV of /commissions.
    static let commissionsMaximum = 100

    let row: PayoutsPage.Row
    let approvedBy: String?
    let arrival: String
    let steps: [Step]
    let attempts: [Attempt]
    let commissions: [Commission]
    let hasMore: Bool
    let csrfToken: String

    init(_ status: PayoutStatus, _ commissions: [CommissionRow], reader: Principal) {
        row = PayoutsPage.Row(status.payout, reader: reader)
        approvedBy = status.payout.approvedBy
        arrival = Figures.moment(status.payout.arrivalAt)
        steps = status.timeline.map {
            Step(
                state: StateLabel(payoutState: $0.to), actor: $0.actor, evidence: $0.evidence,
                at: Figures.moment($0.at))
        }
        attempts = status.attempts.map {
            Attempt(
                operation: $0.operation, number: String($0.number), state: $0.state, sends: String($0.sends),
                object: $0.providerObjectId ?? "–", error: $0.errorCode ?? "–")
        }
        self.commissions = commissions.prefix(PayoutPage.commissionsMaximum).map { row in
            Commission(
                id: row.commissionId, shortID: String(row.commissionId.prefix(8)), order: row.orderId ?? "–",
                program: row.programId, amount: Figures.amount(row.amountMinor - row.reversedMinor, row.currency),
                currency: row.currency, state: StateLabel(commissionState: row.status))
        }
        hasMore = commissions.count > PayoutPage.commissionsMaximum
        csrfToken = reader.session?.csrfToken ?? ""
    }
}

/// Where the worker groups stand.
struct TopicsPage: Sendable {
    struct Row: Sendable {
        let group: String
        let partition: String
        let next: String
        let high: String
        let lag: String
        let isBehind: Bool
        let owner: String
        let hold: String?
        let mode: StateLabel
        let unpublished: String
        let lastRecord: String
    }

    struct Topic: Sendable {
        let name: String
        let rows: [Row]
        let lag: String
    }

    let topics: [Topic]
    let brokerIsSilent: Bool

    init(_ positions: [PartitionPosition]) {
        var topics: [Topic] = []
        for name in positions.map(\.topic).reduce(into: [String](), { if $0.last != $1 { $0.append($1) } }) {
            let of = positions.filter { $0.topic == name }
            let lags = of.compactMap(\.lag)
            topics.append(
                Topic(
                    name: name.isEmpty ? "Emitters without an input topic" : name, rows: of.map(TopicsPage.row),
                    lag: lags.isEmpty ? "–" : Figures.count(lags.reduce(0, +))))
        }
        self.topics = topics
        brokerIsSilent = positions.contains { $0.nextOffset != nil && $0.highWatermark == nil }
    }

    private static func row(_ position: PartitionPosition) -> Row {
        let mode =
            switch position.mode {
            case "run" where position.ownerId.isEmpty: StateLabel("Unowned", tone: .waiting)
            case "run": StateLabel("Running", tone: .good)
            case "quarantine": StateLabel("Quarantine", tone: .waiting)
            default: StateLabel("Held", tone: .bad)
            }
        return Row(
            group: position.workerGroup, partition: String(position.partition),
            next: position.nextOffset.map(Figures.count) ?? "–",
            high: position.highWatermark.map(Figures.count) ?? "–",
            lag: position.lag.map(Figures.count) ?? "–", isBehind: (position.lag ?? 0) > 0,
            owner: position.ownerId.isEmpty ? "–" : position.ownerId,
            hold: position.holdReason.map { reason in
                reason + (position.holdDetail.map { ": " + $0 } ?? "")
            }, mode: mode, unpublished: Figures.count(position.unpublished),
            lastRecord: Figures.moment(position.lastRecordAt))
    }
}

/// Records that no worker could read.
struct DeadLettersPage: Sendable {
    struct Row: Sendable {
        let id: String
        let place: String
        let group: String
        let error: String
        let code: String
        let status: StateLabel
        let at: String
        let key: String
        let start: String
        let size: String

        init(_ row: DeadLetter) {
            id = String(row.deadLetterId)
            place = "\(row.topic)/\(row.partition) @ \(Figures.count(row.recordOffset))"
            group = row.workerGroup
            error = row.errorMessage
            code = String(row.errorCode)
            status =
                switch row.status {
                case "open": StateLabel("Open", tone: .waiting)
                case "replayed": StateLabel("Replayed", tone: .good)
                default: StateLabel("Discarded", tone: .moving)
                }
            at = Figures.moment(row.createdAt)
            key = row.recordKey ?? "–"
            start = row.recordStart ?? "(null)"
            size = Figures.count(row.recordBytes) + " bytes"
        }
    }

    let rows: [Row]
    let next: String?
}

/// What admins should know.
struct NotificationsPage: Sendable {
    struct Row: Sendable {
        let title: String
        let text: String
        /// nil unless it leads to a page of the console.
        let link: String?
        let at: String
        let isUnread: Bool

        init(_ row: NotificationRow) {
            title = row.title
            text = row.body
            link = row.link.hasPrefix("/") && !row.link.hasPrefix("//") ? row.link : nil
            at = Figures.moment(row.createdAt)
            isUnread = row.readAt == nil
        }
    }

    let rows: [Row]
    let next: String?
    let hasUnread: Bool
    let csrfToken: String
}
