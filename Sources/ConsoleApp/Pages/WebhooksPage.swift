import Domain

/// Endpoints of others, and what went to them.
struct WebhooksPage: Sendable {
    static let deliveriesShown = 25

    struct Endpoint: Sendable {
        let id: String
        let url: String
        let affiliate: String?
        let kinds: String
        let state: StateLabel
        let note: String
        let isRunning: Bool

        init(_ row: WebhookEndpointRow) {
            id = String(row.webhookEndpointId)
            url = row.url
            affiliate = row.affiliateId
            kinds =
                row.kinds.isEmpty
                ? "Everything"
                : row.kinds.map { NotificationKind(rawValue: $0)?.label ?? $0 }.joined(separator: "; ")
            isRunning = row.disabledAt == nil
            state = isRunning ? StateLabel("Running", tone: .good) : StateLabel("Stopped", tone: .bad)
            note =
                row.disabledReason.map { "\(Figures.moment(row.disabledAt ?? "")): \($0)" }
                ?? (row.failuresInARow > 0
                    ? "\(row.failuresInARow) failures in a row" : "No failure since the last success")
        }
    }

    struct Line: Sendable {
        let at: String
        let kind: String
        let event: String
        let state: StateLabel
        let attempts: String
        let answer: String

        init(_ row: WebhookDeliveryRow) {
            at = Figures.moment(row.createdAt)
            kind = NotificationKind(rawValue: row.kind)?.label ?? row.kind
            event = row.eventId
            state = StateLabel(
                StateLabel.words(row.state),
                tone: row.state == "delivered" ? .good : row.state == "failed" ? .bad : .moving)
            attempts = String(row.attempts)
            answer =
                [row.lastStatus.map(String.init), row.lastError].compactMap(\.self).joined(separator: " ")
        }
    }

    struct Choice: Sendable {
        let kind: String
        let label: String
    }

    let endpoints: [Endpoint]
    let deliveries: [Line]
    let choices: [Choice]
    /// Of the endpoint that was just added.
    let newSecret: String?
    let csrfToken: String

    /// - Parameter kinds: that the reader may choose among.
    init(
        endpoints: [WebhookEndpointRow], deliveries: [WebhookDeliveryRow], kinds: [NotificationKind],
        newSecret: String?, csrfToken: String
    ) {
        choices = kinds.map { Choice(kind: $0.rawValue, label: $0.label) }
        self.endpoints = endpoints.map(Endpoint.init)
        self.deliveries = deliveries.map(Line.init)
        self.newSecret = newSecret
        self.csrfToken = csrfToken
    }
}
