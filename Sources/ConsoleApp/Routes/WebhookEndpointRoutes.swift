import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Where programs of others are told what happened: endpoints, their delivery log, replays. An affiliate has endpoints
/// of its own, which are told of nobody else, and sees no other.
enum WebhookEndpointRoutes {
    private static let list = "/webhook-endpoints"
    private static let page = "/console/webhooks"
    private static let reasonByHand = "it was stopped by hand"

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, list, .changeWebhooks) { try await endpoints($0, services) },
            .api(.post, list, .changeWebhooks) { call in
                let members = try BodyMembers(call.body, known: ["url", "kinds"])
                let url = try members.required("url", upTo: WebhookAddress.charactersMaximum)
                let write = try IdempotentWrite(call, route: list, isRequired: false)
                let kinds = try NotificationRoutes.kinds("kinds", in: members)
                return try await add(url, kinds, of: try owner(call), write, services)
            },
            .api(.post, list + "/{id}/stop", .changeWebhooks) { call in
                let write = try IdempotentWrite(call, route: "stop \(call.parameter("id"))", isRequired: false)
                return try await turn(off: true, call, write, services)
            },
            .api(.post, list + "/{id}/resume", .changeWebhooks) { call in
                let write = try IdempotentWrite(call, route: "resume \(call.parameter("id"))", isRequired: false)
                return try await turn(off: false, call, write, services)
            },
            .api(.post, list + "/{id}/replay", .changeWebhooks) { call in
                let members = try BodyMembers(call.body, known: ["since"])
                guard let since = try members.moment("since") else {
                    throw Problem(.badRequest, "since_required", "The body needs the field since.")
                }
                let write = try IdempotentWrite(call, route: "replay \(call.parameter("id"))", isRequired: false)
                return try await replay(since, call, write, services)
            },
            .api(.get, list + "/{id}/deliveries", .changeWebhooks) { try await deliveries($0, services) },
            .page(page, .changeWebhooks) { try await show($0, newSecret: nil, services) },
            .form(page + "/add", .changeWebhooks) { try await addByForm($0, services) },
            .form(page + "/{id}/stop", .changeWebhooks) { call in
                let answer = try await turn(off: true, call, try formWrite(call), services)
                return .redirect(after: answer, done: "endpoint-stopped", to: page)
            },
            .form(page + "/{id}/resume", .changeWebhooks) { call in
                let answer = try await turn(off: false, call, try formWrite(call), services)
                return .redirect(after: answer, done: "endpoint-resumed", to: page)
            },
            .form(page + "/{id}/replay", .changeWebhooks) { call in
                guard let day = try call.form.day("since") else { return .redirect(to: page + "?notice=refused") }
                let answer = try await replay(Timestamp(startOfDay: day), call, try formWrite(call), services)
                return .redirect(after: answer, done: "webhooks-replayed", to: page)
            },
        ]
    }

    private static func endpoints(_ call: Call, _ services: Services) async throws -> Answer {
        let owner = try owner(call)
        return try await services.pool.transaction { transaction throws(PostgresError) in
            .json(["data": try WebhookEndpointQueries.list(of: owner, in: transaction)])
        }
    }

    /// Whose endpoints the reader sees and changes; nil: everybody's.
    private static func owner(_ call: Call) throws -> String? { try call.authenticated().session?.affiliateID }

    private static func deliveries(_ call: Call, _ services: Services) async throws -> Answer {
        let (id, limit, cursor) = (try endpointID(call), try call.query.limit(), try call.query.cursor(count: 1))
        let owner = try owner(call)
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try WebhookEndpointQueries.deliveries(
                of: id, for: owner, limit: limit, cursor: cursor, in: transaction)
        }
        return .json(Listing(rows, limit: limit, cursor: \.cursor))
    }

    private static func endpointID(_ call: Call) throws(Problem) -> Int64 {
        guard let id = Int64(call.parameter("id")) else { throw .notFound("webhook endpoint", call.parameter("id")) }
        return id
    }

    private struct Added: Encodable {
        let webhookEndpointId: Int64
        /// Said once.
        let secret: String
    }

    private static func add(
        _ url: String, _ kinds: [NotificationKind], of owner: String?, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        if let refusal = await refusal(of: url, services) { throw refusal }
        if owner != nil, let foreign = kinds.first(where: { !$0.concerns(.affiliate) }) {
            throw Problem.invalid("kinds", "kinds are of what an affiliate is told.", value: foreign.rawValue)
        }
        let (now, secret) = (services.now(), WebhookEndpointStore.makeSecret())
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let id = try WebhookEndpointStore.add(
                    url: url, kinds: kinds, secret: secret, of: owner, by: write.actor, at: now, in: transaction)
                guard let id else {
                    return .problem(
                        Problem(
                            .conflict, "endpoints_too_many",
                            "An affiliate has up to \(WebhookEndpointStore.endpointsOfAffiliateMaximum) endpoints.",
                            value: owner))
                }
                try audit("add webhook endpoint", id, write.actor, at: now, in: transaction) { writer in
                    writer.member("url", url)
                    writer.member("kinds", kinds) { $0.string($1.rawValue) }
                }
                return .json(
                    Added(webhookEndpointId: id, secret: WebhookEndpointStore.text(of: secret)), status: .created)
            }
        }
    }

    /// - Returns: why nothing may be sent there; nil: it may, and is looked at again before each delivery.
    private static func refusal(of url: String, _ services: Services) async -> Problem? {
        guard let host = WebhookAddress.host(of: url) else {
            return Problem(
                .unprocessableContent, "url_not_https",
                "url is an HTTPS address without a password in it; plain HTTP goes to this machine alone.", value: url)
        }
        switch await services.webhookHost(host) {
        case .reachable: return nil
        case .unknown:
            return Problem(.unprocessableContent, "host_unknown", "The host of url has no address.", value: host)
        case .notPublic(let address):
            return Problem(
                .unprocessableContent, "host_not_public",
                "The host of url leads to an address that is not public.", value: address.text)
        }
    }

    private static func turn(
        off: Bool, _ call: Call, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let (id, now, owner) = (try endpointID(call), services.now(), try owner(call))
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let isKnown =
                    off
                    ? try WebhookEndpointStore.stop(id, of: owner, reason: reasonByHand, at: now, in: transaction)
                    : try WebhookEndpointStore.resume(id, of: owner, in: transaction)
                guard isKnown else { return .problem(.notFound("webhook endpoint", String(id))) }
                try audit(
                    off ? "stop webhook endpoint" : "resume webhook endpoint", id, write.actor, at: now, in: transaction
                ) { _ in }
                return .json(["data": try WebhookEndpointQueries.list(of: owner, in: transaction)])
            }
        }
    }

    private static func replay(
        _ since: Timestamp, _ call: Call, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let (id, now, owner) = (try endpointID(call), services.now(), try owner(call))
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let count = try WebhookEndpointStore.replay(id, of: owner, from: since, at: now, in: transaction)
                guard let count else {
                    return .problem(.notFound("running webhook endpoint", String(id)))
                }
                try audit("replay webhooks", id, write.actor, at: now, in: transaction) { writer in
                    writer.member("since", since.rfc3339)
                    writer.member("deliveries", Int64(count))
                }
                return .json(["deliveries": count])
            }
        }
    }

    private static func audit(
        _ action: String, _ id: Int64, _ actor: String, at now: Timestamp, in transaction: borrowing Transaction,
        _ members: (inout JSONWriter) -> Void
    ) throws(PostgresError) {
        var writer = JSONWriter()
        writer.object(members)
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: action, subject: String(id),
                detail: String(decoding: writer.bytes, as: UTF8.self)), in: transaction)
    }

    // MARK: The page

    private static func show(_ call: Call, newSecret: String?, _ services: Services) async throws -> Answer {
        let (csrfToken, owner) = (try call.authenticated().session?.csrfToken ?? "", try owner(call))
        return try await services.page("webhooks", "Webhooks", for: call) { transaction, _ throws(PostgresError) in
            WebhooksPage(
                endpoints: try WebhookEndpointQueries.list(of: owner, in: transaction),
                deliveries: try WebhookEndpointQueries.deliveries(
                    of: nil, for: owner, limit: WebhooksPage.deliveriesShown - 1, cursor: nil, in: transaction),
                kinds: NotificationKind.allCases.filter { owner == nil || $0.concerns(.affiliate) },
                newSecret: newSecret, csrfToken: csrfToken)
        }
    }

    /// Answers with the page itself: the secret is in no address and no history.
    private static func addByForm(_ call: Call, _ services: Services) async throws -> Answer {
        guard let url = call.form["url"], await refusal(of: url, services) == nil else {
            return .redirect(to: page + "?notice=url-refused")
        }
        let kinds = call.form.values("kind").compactMap(NotificationKind.init)
        let write = try IdempotentWrite(call, route: list, isRequired: false)
        let answer = try await add(url, kinds, of: try owner(call), write, services)
        guard let secret = JSONTree(answer.body[...])?["secret"]?.string else {
            return .redirect(to: page + "?notice=" + Notice.refused(by: answer))
        }
        return try await show(call, newSecret: secret, services)
    }

    private static func formWrite(_ call: Call) throws(Problem) -> IdempotentWrite {
        try IdempotentWrite(call, route: call.request.uri.path, isRequired: false)
    }
}
