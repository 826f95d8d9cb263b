import Domain
import Events
import Hummingbird
import Outbox
import Postgres
import Storage

/// What people do about payouts beside one approval: many at once, taking back, unknown outcomes, freezes and breaks.
enum PayoutControlRoutes {
    /// Payouts of one bulk decision.
    static let bulkMaximum = 200

    static func all(_ services: Services) -> [Route] {
        [
            .api(.post, "/payouts/approve", .decidePayouts) { try await decideMany(.approve, $0, services) },
            .api(.post, "/payouts/reject", .decidePayouts) { call in
                try await decideMany(.reject(reason: try reason(in: call)), call, services)
            },
            .api(.post, "/payouts/{id}/cancel", .decidePayouts) { call in
                try await act(.cancel(reason: try reason(in: call)), call, services)
            },
            .api(.post, "/payouts/{id}/check", .processPayments) { try await act(.check, $0, services) },
            .api(.post, "/payouts/{id}/resolve", .decidePayouts) { call in
                try await act(try proposal(JSONTree(call.body[...])), call, services)
            },
            .api(.post, "/payouts/{id}/confirm", .decidePayouts) { try await act(.confirm, $0, services) },
            .api(.get, "/withheld-payouts", .readPayments) { try await withheld($0, services) },
        ]
    }

    // MARK: Many at once

    private struct BulkResult: Encodable {
        struct Line: Encodable {
            let payoutId: String
            /// nil: done.
            let refusal: String?
        }

        let decided: Int
        let data: [Line]
    }

    private static func decideMany(
        _ decision: PaymentRoutes.Decision, _ call: Call, _ services: Services
    ) async throws -> Answer {
        let texts = JSONTree(call.body[...])?["payout_ids"]?.array?.map { $0.string ?? "" } ?? []
        let write = try IdempotentWrite(call, route: "many: " + decision.action, isRequired: false)
        return try await decideMany(decision, try identifiers(texts), write, services)
    }

    static func identifiers(_ texts: [String]) throws(Problem) -> [Identifier] {
        let ids = texts.compactMap { Identifier(text: $0) }
        guard (1...bulkMaximum).contains(texts.count), ids.count == texts.count, Set(ids).count == ids.count else {
            throw Problem(
                .badRequest, "payout_ids_invalid", "payout_ids holds 1 to \(bulkMaximum) ids of payouts, each once.",
                value: String(texts.count))
        }
        return ids
    }

    /// Each payout is decided on its own: one that is refused does not stand before the others.
    static func decideMany(
        _ decision: PaymentRoutes.Decision, _ payoutIDs: [Identifier], _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let results = try PaymentRoutes.results(
                    of: decision, payoutIDs, by: write.actor, at: now, in: transaction)
                let lines = results.map {
                    BulkResult.Line(
                        payoutId: $0.payoutID.description,
                        refusal: Problem(refused: $0.result, payoutID: $0.payoutID)?.code)
                }
                let decided = results.filter { Problem(refused: $0.result, payoutID: $0.payoutID) == nil }
                for line in decided {
                    try AuditLog.append(
                        AuditEntry(
                            at: now, actor: write.actor, action: decision.action, subject: line.payoutID.description,
                            detail: decision.detail), in: transaction)
                }
                return .json(BulkResult(decided: decided.count, data: lines))
            }
        }
        await services.wake()
        return answer
    }

    // MARK: One payout

    enum Action: Sendable {
        case cancel(reason: String)
        case check
        case propose(PayoutVerdict, evidence: String)
        case confirm

        var name: String {
            switch self {
            case .cancel: "cancel payout"
            case .check: "check payout"
            case .propose: "propose outcome of payout"
            case .confirm: "confirm outcome of payout"
            }
        }

        fileprivate var detail: String {
            var writer = JSONWriter()
            writer.object { writer in
                switch self {
                case .cancel(let reason): writer.member("reason", reason)
                case .propose(let verdict, let evidence):
                    writer.member("verdict", "\(verdict)")
                    writer.member("evidence", evidence)
                case .check, .confirm: break
                }
            }
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    private static func act(_ action: Action, _ call: Call, _ services: Services) async throws -> Answer {
        let payoutID = try PaymentRoutes.identifier(call)
        let write = try IdempotentWrite(call, route: "\(action.name) \(payoutID)", isRequired: false)
        return try await act(action, payoutID, write, services)
    }

    static func act(
        _ action: Action, _ payoutID: Identifier, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                if let refusal = try refusal(of: action, payoutID, by: write.actor, at: now, in: transaction) {
                    return .problem(refusal)
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: action.name, subject: payoutID.description,
                        detail: action.detail), in: transaction)
                return .json(try PayoutQueries.list(PayoutFilter(payoutID: payoutID, limit: 1), in: transaction).first)
            }
        }
    }

    private static func refusal(
        of action: Action, _ payoutID: Identifier, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Problem? {
        switch action {
        case .cancel(let reason):
            Problem(
                refused: try PayoutStore.cancel(payoutID, by: actor, reason: reason, at: now, in: transaction), payoutID
            )
        case .check:
            try PayoutStore.checkNow(payoutID, at: now, in: transaction)
                ? nil
                : Problem(
                    .conflict, "nothing_to_check", "No provider has, or may have, this payout.",
                    value: payoutID.description)
        case .propose(let verdict, let evidence):
            Problem(
                refused: try PayoutStore.propose(
                    verdict, for: payoutID, evidence: evidence, by: actor, at: now, in: transaction), payoutID)
        case .confirm:
            Problem(refused: try PayoutStore.confirm(payoutID, by: actor, at: now, in: transaction), payoutID)
        }
    }

    static func proposal(_ tree: JSONTree?) throws(Problem) -> Action {
        try proposal(
            tree?["verdict"]?.string, objectID: tree?["provider_object_id"]?.string,
            evidence: tree?["evidence"]?.string)
    }

    static func proposal(_ verdict: String?, objectID: String?, evidence: String?) throws(Problem) -> Action {
        let evidence = try PaymentRoutes.checked(reason: evidence)
        switch (verdict, objectID ?? "") {
        case ("declined", ""): return .propose(.declined, evidence: evidence)
        case ("submitted", let id) where isObject(id): return .propose(.submitted(objectID: id), evidence: evidence)
        case ("returned", let id) where isObject(id): return .propose(.returned(reference: id), evidence: evidence)
        default:
            throw Problem(
                .badRequest, "verdict_invalid",
                """
                verdict is declined, or submitted with the provider_object_id that was seen there, or returned with \
                the bank's reference as provider_object_id.
                """, value: verdict)
        }
    }

    private static func isObject(_ id: String) -> Bool { (1...255).contains(id.utf8.count) }

    static func reason(in call: Call) throws(Problem) -> String {
        try PaymentRoutes.checked(reason: JSONTree(call.body[...])?["reason"]?.string)
    }

    private static func withheld(_ call: Call, _ services: Services) async throws -> Answer {
        let affiliateID = try call.authenticated().affiliateScope(requested: call.query["affiliate_id"])
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 2))
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try WithheldRow.list(affiliateID: affiliateID, limit: limit, cursor: cursor, in: transaction)
        }
        return .json(Listing(rows, limit: limit, cursor: \.cursor))
    }
}

extension Problem {
    /// - Returns: nil if it is canceled, or the provider is asked.
    fileprivate init?(refused result: PayoutCancellation, _ payoutID: Identifier) {
        switch result {
        case .canceled, .asked: return nil
        case .notFound: self = .notFound("payout", payoutID.description)
        case .tooLate(let state):
            self = Problem(
                .conflict, "payout_beyond_recall",
                "Only a payout that was never sent, or that the bank does not have yet, can be taken back.",
                value: state.rawValue)
        }
    }

    /// - Returns: nil if it was done.
    fileprivate init?(refused result: ResolutionResult, _ payoutID: Identifier) {
        switch result {
        case .done: return nil
        case .notFound: self = .notFound("payout", payoutID.description)
        case .notManual(let state):
            self = Problem(
                .conflict, "payout_not_manual", "People decide only about payouts that are handed over to them.",
                value: state.rawValue)
        case .notReturnable(let state):
            self = Problem(
                .conflict, "payout_not_returnable",
                "Only what was paid by hand comes back on people's word; a provider says so itself.",
                value: state.rawValue)
        case .tooEarly(let moment):
            self = Problem(
                .conflict, "too_early", "It is searched for 48 hours before people may say that it moved no money.",
                value: moment.rfc3339)
        case .alreadyProposed:
            self = Problem(
                .conflict, "already_proposed", "Somebody's word waits for a second person: confirm it.",
                value: payoutID.description)
        case .nothingProposed:
            self = Problem(
                .conflict, "nothing_proposed", "Nobody has said what became of it.", value: payoutID.description)
        case .samePerson:
            self = Problem(
                .conflict, "same_person", "Who said it cannot be the one who agrees. Ask somebody else.",
                value: payoutID.description)
        }
    }
}
