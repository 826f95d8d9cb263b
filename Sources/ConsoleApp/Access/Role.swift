/// What a console user is; raw values are those of the column `console_user.role`.
public enum Role: String, CaseIterable, Sendable {
    case owner, manager, finance, fraud, viewer, affiliate

    /// The one table of who may do what.
    public var permissions: Set<Permission> {
        let reading: Set<Permission> = [
            .readDashboard, .readAffiliates, .readPayments, .readFleet, .readFraud, .readNotifications, .readRules,
            .readLedger, .readConversions, .readAppeals,
        ]
        return switch self {
        case .owner: Set(Permission.allCases)
        case .manager:
            reading.union([
                .ingestEvents, .changeRules, .changePrograms, .changeAffiliates, .decideFraud, .changeWebhooks,
            ])
        case .finance:
            reading.union([
                .processPayments, .decidePayouts, .closeBooks, .quoteRates, .changePrograms, .setPayoutLimits,
                .changePayoutMethods,
            ])
        case .fraud: reading.union([.decideFraud])
        case .viewer: reading
        // Its own payouts, where they go, what it and its programs are told, and its appeals: every query is narrowed
        // to its affiliate id.
        case .affiliate:
            [.readPayments, .changePayoutMethods, .readNotifications, .changeWebhooks, .readAppeals, .writeAppeals]
        }
    }
}

/// One thing that a person or a program may do; raw values are the scopes of API keys.
public enum Permission: String, CaseIterable, Sendable {
    case readDashboard = "dashboard:read"
    case readAffiliates = "affiliates:read"
    case readPayments = "payments:read"
    case processPayments = "payments:write"
    case decidePayouts = "payouts:decide"
    case ingestEvents = "events:write"
    case readFleet = "fleet:read"
    case readFraud = "fraud:read"
    case decideFraud = "fraud:decide"
    case readNotifications = "notifications:read"
    case readRules = "rules:read"
    case changeRules = "rules:write"
    case quoteRates = "rates:write"
    case readLedger = "ledger:read"
    case closeBooks = "ledger:close"
    case readConversions = "conversions:read"
    case changePrograms = "programs:write"
    case setPayoutLimits = "payout_limits:write"
    case changeAffiliates = "affiliates:write"
    case changePayoutMethods = "payout_methods:write"
    case changeWebhooks = "webhooks:write"
    case readAppeals = "appeals:read"
    case writeAppeals = "appeals:write"

    /// Deciding about payouts and fraud, saying which payouts need no decision or where they go, closing the
    /// books and saying who is told take a person who can be named; a key cannot carry them.
    var isGrantedToKeys: Bool {
        ![
            .decidePayouts, .setPayoutLimits, .closeBooks, .decideFraud, .changePayoutMethods, .changeWebhooks,
            .writeAppeals,
        ].contains(self)
    }
}
