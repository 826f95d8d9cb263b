/// What people are told of; raw values are those of `notification.kind`, of e-mails and of outgoing webhooks.
public enum NotificationKind: String, CaseIterable, Sendable {
    case payoutSent = "payout_sent"
    case payoutPaid = "payout_paid"
    case payoutFailed = "payout_failed"
    case payoutReturned = "payout_returned"
    /// A provider has not said for an hour whether it took a payout.
    case payoutUnknown = "payout_unknown"
    case breakFound = "break_found"
    case fraudReview = "fraud_review"
    case fraudHold = "fraud_hold"
    case appealMade = "appeal_made"
    case appealAnswered = "appeal_answered"
    /// A worker reads a partition no further until a person says so.
    case partitionHeld = "partition_held"
    /// A worker is too far behind in a topic for too long.
    case topicLag = "topic_lag"
    case commissionReversed = "commission_reversed"
    case statementReady = "statement_ready"
    case weeklyUpdate = "weekly_update"

    /// What a person reads who chooses among them.
    public var label: String {
        switch self {
        case .payoutSent: "A payout was sent"
        case .payoutPaid: "A payout was paid"
        case .payoutFailed: "A payout failed"
        case .payoutReturned: "A payout came back"
        case .payoutUnknown: "A payout's outcome is unknown for an hour"
        case .breakFound: "Books and provider differ"
        case .fraudReview: "An affiliate needs a review"
        case .fraudHold: "An affiliate is on hold"
        case .appealMade: "An affiliate appeals"
        case .appealAnswered: "An appeal was answered"
        case .partitionHeld: "A partition is held"
        case .topicLag: "A worker is too far behind in its topic"
        case .commissionReversed: "Commissions were reversed"
        case .statementReady: "A statement is ready"
        case .weeklyUpdate: "The week in figures"
        }
    }

    /// Who may be told of it.
    public func concerns(_ audience: NotificationAudience) -> Bool {
        switch self {
        case .payoutFailed, .payoutReturned: true
        case .payoutUnknown, .breakFound, .fraudReview, .fraudHold, .appealMade, .partitionHeld, .topicLag:
            audience == .admin
        case .payoutSent, .payoutPaid, .appealAnswered, .commissionReversed, .statementReady, .weeklyUpdate:
            audience == .affiliate
        }
    }
}

/// Whom a notification is for.
public enum NotificationAudience: String, Sendable {
    case admin, affiliate
}
