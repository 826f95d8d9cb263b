import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Breaks between books and providers, and the freezes that they and people put on payouts.
enum BreakRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/reconciliation-breaks", .readLedger) { try await breaks($0, services) },
            .api(.post, "/reconciliation-breaks/{id}/resolve", .decidePayouts) { call in
                let words = try PaymentRoutes.checked(reason: JSONTree(call.body[...])?["resolution"]?.string)
                let write = try IdempotentWrite(call, route: "resolve " + call.parameter("id"), isRequired: false)
                return try await resolve(call.parameter("id"), words, write, services)
            },
            .api(.get, "/payout-freezes", .readLedger) { try await freezes($0, services) },
            .api(.post, "/payout-freezes", .decidePayouts) { call in
                let tree = JSONTree(call.body[...])
                let write = try IdempotentWrite(call, route: "/payout-freezes", isRequired: false)
                return try await freeze(
                    tree?["scope"]?.string, tree?["subject"]?.string, try PayoutControlRoutes.reason(in: call), write,
                    services)
            },
            .api(.post, "/payout-freezes/{id}/lift", .decidePayouts) { call in
                let write = try IdempotentWrite(call, route: "lift " + call.parameter("id"), isRequired: false)
                return try await lift(call.parameter("id"), write, services)
            },
        ]
    }

    static func filter(_ call: Call) throws -> BreakFilter {
        let status = try call.query.choice("status", of: ["open", "resolved"])
        return BreakFilter(
            payoutID: try call.query.identifier("payout_id"), isOpen: status.map { $0 == "open" },
            kind: try call.query.choice("kind", of: ReconciliationBreak.Kind.allCases.map(\.rawValue)),
            limit: try call.query.limit(), cursor: try call.query.cursor(count: 1))
    }

    private static func breaks(_ call: Call, _ services: Services) async throws -> Answer {
        let filter = try filter(call)
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try BreakQueries.list(filter, in: transaction)
        }
        return .json(Listing(rows, limit: filter.limit, cursor: \.cursor))
    }

    private struct Resolved: Encodable {
        /// `resolved`, or `proposed` where a second person has to agree.
        let status: String
    }

    static func resolve(
        _ id: String, _ resolution: String, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        guard let breakID = Int64(id) else { throw Problem.notFound("break", id) }
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let result = try BreakStore.resolve(
                    breakID, resolution: resolution, by: write.actor, at: now, in: transaction)
                switch result {
                case .notFound: return .problem(.notFound("break", id))
                case .resolvedBefore:
                    return .problem(Problem(.conflict, "break_resolved", "This break is resolved already.", value: id))
                case .samePerson:
                    return .problem(
                        Problem(
                            .conflict, "same_person",
                            "It is about money: somebody else has to agree with what you said.", value: id))
                case .resolved, .proposed: break
                }
                try audit("resolve break", id, resolution, write.actor, at: now, in: transaction)
                return .json(Resolved(status: result == .resolved ? "resolved" : "proposed"))
            }
        }
    }

    private static func freezes(_ call: Call, _ services: Services) async throws -> Answer {
        return try await services.pool.transaction { transaction throws(PostgresError) in
            .json(["data": try FreezeQueries.inForce(in: transaction)])
        }
    }

    static func freeze(
        _ scope: String?, _ subject: String?, _ reason: String, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        guard let wanted = FreezeScope(scope ?? "", subject: subject ?? "") else {
            throw Problem(
                .badRequest, "scope_invalid",
                "scope is all, provider with the provider as subject, or affiliate with the affiliate's id.",
                value: scope)
        }
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try PayoutFreezeStore.freeze([wanted], reason: reason, by: write.actor, at: now, in: transaction)
                try audit(
                    "freeze payouts", "\(wanted.name) \(wanted.subject)", reason, write.actor, at: now,
                    in: transaction)
                return .json(["data": try FreezeQueries.inForce(in: transaction)])
            }
        }
    }

    static func lift(_ id: String, _ write: IdempotentWrite, _ services: Services) async throws -> Answer {
        guard let freezeID = Int64(id) else { throw Problem.notFound("freeze", id) }
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                guard try PayoutFreezeStore.lift(freezeID, by: write.actor, at: now, in: transaction) else {
                    return .problem(.notFound("freeze", id))
                }
                try audit("lift freeze", id, nil, write.actor, at: now, in: transaction)
                return .json(["data": try FreezeQueries.inForce(in: transaction)])
            }
        }
    }

    private static func audit(
        _ action: String, _ subject: String, _ words: String?, _ actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        var writer = JSONWriter()
        writer.object { writer in
            if let words { writer.member("reason", words) }
        }
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: action, subject: subject,
                detail: String(decoding: writer.bytes, as: UTF8.self)), in: transaction)
    }
}
