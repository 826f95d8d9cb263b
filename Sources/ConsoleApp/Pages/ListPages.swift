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
        /// It waits, but the reader submitted it, or was the first to approve it.
        let isOwn: Bool
        /// One of two people has approved it.
        let needsSecond: Bool

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
            isOwn = isWaiting && [row.submittedBy, row.approvedBy].contains(reader.actor)
            needsSecond = isWaiting && row.needsSecond && row.approvedBy != nil
            isDecidable = isWaiting && !isOwn
        }
    }

    /// A balance that is not paid, and why.
    struct Withheld: Sendable {
        let affiliate: String
        let amount: String
        let currency: String
        let reasons: String

        init(_ row: WithheldRow) {
            affiliate = row.affiliateId
            amount = Figures.amount(row.payableMinor, row.currency)
            currency = row.currency
            reasons = row.reasons
        }
    }

    /// A freeze in force.
    struct Freeze: Sendable {
        let id: String
        let what: String
        let reason: String
        let by: String
        let at: String

        init(_ row: FreezeRow) {
            id = String(row.freezeId)
            what = row.scope == "all" ? "All payouts" : "\(StateLabel.words(row.scope)) \(row.subject)"
            reason = row.reason
            by = row.frozenBy
            at = Figures.moment(row.frozenAt)
        }
    }

    struct Choice: Sendable {
        let value: String
        let label: String
        let isSelected: Bool
    }

    let rows: [Row]
    /// At least one row can be decided about.
    let canDecide: Bool
    let withheld: [Withheld]
    let freezes: [Freeze]
    let canFreeze: Bool
    let states: [Choice]
    /// The reader sees those of all affiliates.
    let isOfAll: Bool
    let affiliate: String
    let from: String
    let to: String
    let csv: String
    let next: String?
    let canPlan: Bool
    /// So that a form that is sent twice plans once.
    let planKey: String
    let csrfToken: String
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

/// What admins, or an affiliate, should know.
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
    let preferences: [NotificationPreference]
    let csrfToken: String
}
