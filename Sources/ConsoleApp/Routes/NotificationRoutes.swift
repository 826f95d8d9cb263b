import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The inbox of whoever asks, and what of it comes by e-mail.
enum NotificationRoutes {
    private static let inbox = "/console/notifications"

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/notifications", .readNotifications) { try await list($0, services) },
            .api(.get, "/notifications/preferences", .readNotifications) { try await preferences($0, services) },
            .api(.post, "/notifications/preferences", .readNotifications) { call in
                let members = try BodyMembers(call.body, known: ["muted"])
                let muted = try kinds("muted", in: members)
                return try await mute(
                    muted, try IdempotentWrite(call, route: "mute", isRequired: false), call, services)
            },
            .page(inbox, .readNotifications) { try await page($0, services) },
            .form(inbox + "/read", .readNotifications) { try await markRead($0, services) },
            .form(inbox + "/preferences", .readNotifications) { call in
                let wanted = Set(call.form.values("email"))
                let muted = try session(call).notificationKinds.filter { !wanted.contains($0.rawValue) }
                _ = try await mute(muted, try IdempotentWrite(form: call, route: "mute"), call, services)
                return .redirect(to: inbox + "?notice=preferences-saved")
            },
        ]
    }

    /// - Parameter name: of a member that is a list of kinds; absent means none.
    static func kinds(_ name: String, in members: BodyMembers) throws(Problem) -> [NotificationKind] {
        let known = NotificationKind.allCases.map(\.rawValue)
        let rule = "\(name) is a list of kinds of notifications: \(known.joined(separator: ", "))."
        let texts = try members.texts(name, upTo: known.count, rule) { known.contains($0) }
        return (texts ?? []).compactMap(NotificationKind.init)
    }

    /// Preferences are a person's.
    private static func session(_ call: Call) throws -> Session {
        guard let session = try call.authenticated().session else { throw Problem.forbidden(.readNotifications) }
        return session
    }

    private static func list(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 2))
        let affiliateID = try call.authenticated().session?.affiliateID
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try NotificationQueries.list(of: affiliateID, limit: limit, cursor: cursor, in: transaction)
        }
        return .json(Listing(rows, limit: limit, cursor: \.cursor))
    }

    private static func preferences(_ call: Call, _ services: Services) async throws -> Answer {
        let session = try session(call)
        return try await services.pool.transaction { transaction throws(PostgresError) in
            .json(["data": try NotificationQueries.preferences(of: session, in: transaction)])
        }
    }

    private static func mute(
        _ muted: [NotificationKind], _ write: IdempotentWrite, _ call: Call, _ services: Services
    ) async throws -> Answer {
        let (session, now) = (try session(call), services.now())
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try NotificationQueries.mute(muted, for: session, in: transaction)
                var writer = JSONWriter()
                writer.object { $0.member("muted", muted) { $0.string($1.rawValue) } }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "choose e-mails", subject: session.email,
                        detail: String(decoding: writer.bytes, as: UTF8.self)), in: transaction)
                return .json(["data": try NotificationQueries.preferences(of: session, in: transaction)])
            }
        }
    }

    private static func page(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 2))
        let session = try session(call)
        return try await services.page("notifications", "Notifications", for: call) {
            transaction, facts throws(PostgresError) in
            let rows = try NotificationQueries.list(
                of: session.affiliateID, limit: limit, cursor: cursor, in: transaction)
            let listing = Listing(rows, limit: limit, cursor: \.cursor)
            return NotificationsPage(
                rows: listing.data.map(NotificationsPage.Row.init),
                next: listing.nextCursor.map { inbox + PercentEncoding.query(["cursor": $0]) },
                hasUnread: facts.unread > 0,
                preferences: try NotificationQueries.preferences(of: session, in: transaction),
                csrfToken: session.csrfToken)
        }
    }

    private static func markRead(_ call: Call, _ services: Services) async throws -> Answer {
        let (actor, now, session) = (try call.authenticated().actor, services.now(), try session(call))
        try await services.pool.transaction { transaction throws(PostgresError) in
            let read = try NotificationQueries.markRead(of: session.affiliateID, at: now, in: transaction)
            try AuditLog.append(
                AuditEntry(
                    at: now, actor: actor, action: "read notifications", subject: session.affiliateID ?? "admin",
                    detail: "{\"notifications\": \(read)}"), in: transaction)
        }
        return .redirect(to: inbox)
    }
}
