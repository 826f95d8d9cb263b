import Domain
import Events
import Hummingbird
import Outbox
import Postgres
import Storage

/// The API's writes about money: plan payouts, and let a person decide about those that wait for one.
enum PaymentRoutes {
    /// Payouts that one request plans at most, in steps of one planning each.
    static let planningsMaximum = 4
    static let payoutsPerPlanning = 500
    private static let reasonCharactersMaximum = 500

    static func all(_ services: Services) -> [Route] {
        [
            .api(.post, "/process-payments", .processPayments) { call in
                let write = try IdempotentWrite(call, route: "/process-payments", isRequired: true)
                return try await plan(write, of: try affiliate(in: call.body), services)
            },
            .api(.post, "/payouts/{id}/approve", .decidePayouts) { try await decide(.approve, $0, services) },
            .api(.post, "/payouts/{id}/reject", .decidePayouts) { call in
                try await decide(.reject(reason: try reason(in: call.body)), call, services)
            },
        ]
    }

    // MARK: Planning

    struct Limit: Encodable, Sendable {
        let name: String
        let threshold: String
        let value: String
        let passed: Bool
    }

    struct Planned: Encodable, Sendable {
        let payoutId: String
        let affiliateId: String
        let currency: String
        let amountMinor: Int64
        let provider: String
        let state: String
        let limits: [Limit]

        init(_ plan: PlannedPayout) {
            payoutId = plan.payout.payoutID.description
            affiliateId = plan.payout.affiliateID
            currency = plan.payout.amount.currency.code
            amountMinor = plan.payout.amount.minorUnits
            provider = plan.payout.provider
            state = plan.payout.state.rawValue
            limits = plan.decision.limits.map {
                Limit(name: $0.name, threshold: $0.threshold, value: $0.value, passed: $0.passed)
            }
        }
    }

    private struct PlanDocument: Encodable {
        let batchKey: String
        let payouts: [Planned]
        /// More balances are payable: ask again with a new key.
        let hasMore: Bool
    }

    /// The member `affiliate_id` of a body that may be left out. One that is null is refused: it would pay everybody.
    private static func affiliate(in body: [UInt8]) throws(Problem) -> String? {
        guard !body.isEmpty else { return nil }
        return try BodyMembers(body, known: ["affiliate_id"])
            .text("affiliate_id", upTo: TrackingEvent.textLengthMaximum)
    }

    /// Plans payouts of everything that is payable, once per idempotency key.
    ///
    /// - Parameter affiliateID: nil: of everybody.
    static func plan(
        _ write: IdempotentWrite, of affiliateID: String? = nil, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        let batchKey = "console:" + Identifier(hashing: "batch", write.actor, write.key ?? "").description
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                if let affiliateID, try AffiliateStore.affiliate(affiliateID, in: transaction) == nil {
                    return .problem(.notFound("affiliate", affiliateID))
                }
                let scope = affiliateID.map { PayoutScope(affiliateID: $0) }
                let (planned, hasMore) = try plan(batchKey, scope, write.actor, at: now, in: transaction)
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "plan payouts", subject: batchKey,
                        detail: detail(of: planned, affiliateID)), in: transaction)
                let document = PlanDocument(batchKey: batchKey, payouts: planned.map(Planned.init), hasMore: hasMore)
                return .json(document, status: planned.isEmpty ? .ok : .created)
            }
        }
        await services.wake()
        return answer
    }

    private static func detail(of planned: [PlannedPayout], _ affiliateID: String?) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("payouts", Int64(planned.count))
            if let affiliateID { writer.member("affiliate_id", affiliateID) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func plan(
        _ batchKey: String, _ scope: PayoutScope?, _ actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> (planned: [PlannedPayout], hasMore: Bool) {
        var planned: [PlannedPayout] = []
        for _ in 0..<planningsMaximum {
            let next = try PayoutStore.plan(
                batchKey: batchKey, scope: scope, at: now, submittedBy: actor, lane: Lane(emitter: Services.lane),
                maximum: payoutsPerPlanning, in: transaction)
            planned += next
            if next.count < payoutsPerPlanning { return (planned, false) }
        }
        return (planned, true)
    }

    // MARK: Decisions

    enum Decision: Sendable {
        case approve
        case reject(reason: String)

        var action: String {
            switch self {
            case .approve: "approve payout"
            case .reject: "reject payout"
            }
        }

        fileprivate var route: String {
            switch self {
            case .approve: "/payouts/{id}/approve"
            case .reject: "/payouts/{id}/reject"
            }
        }

        var detail: String {
            var writer = JSONWriter()
            writer.object { writer in
                if case .reject(let reason) = self { writer.member("reason", reason) }
            }
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    private static func decide(_ decision: Decision, _ call: Call, _ services: Services) async throws -> Answer {
        let payoutID = try identifier(call)
        let route = decision.route + " " + payoutID.description
        let write = try IdempotentWrite(call, route: route, isRequired: false)
        return try await decide(decision, payoutID, write, services)
    }

    /// Decides about one payout; the change, its audit row and its message are one transaction.
    static func decide(
        _ decision: Decision, _ payoutID: Identifier, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try decide(decision, payoutID, write.actor, at: now, in: transaction)
            }
        }
        await services.wake()
        return answer
    }

    private static func decide(
        _ decision: Decision, _ payoutID: Identifier, _ actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Answer {
        let results = try results(of: decision, [payoutID], by: actor, at: now, in: transaction)
        if let refusal = results.first.flatMap({ Problem(refused: $0.result, payoutID: payoutID) }) {
            return .problem(refusal)
        }
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: decision.action, subject: payoutID.description,
                detail: decision.detail), in: transaction)
        let rows = try PayoutQueries.list(PayoutFilter(payoutID: payoutID, limit: 1), in: transaction)
        return .json(rows.first)
    }

    static func results(
        of decision: Decision, _ payoutIDs: [Identifier], by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(payoutID: Identifier, result: PayoutApproval)] {
        switch decision {
        case .approve:
            try PayoutStore.approve(
                payoutIDs, by: actor, lane: Lane(emitter: Services.lane), at: now, in: transaction)
        case .reject(let reason):
            try PayoutStore.reject(payoutIDs, by: actor, reason: reason, at: now, in: transaction)
        }
    }

    static func identifier(_ call: Call) throws(Problem) -> Identifier {
        guard let payoutID = Identifier(text: call.parameter("id")) else {
            throw .notFound("payout", call.parameter("id"))
        }
        return payoutID
    }

    /// The member `reason` of a JSON body.
    private static func reason(in body: [UInt8]) throws(Problem) -> String {
        try checked(reason: JSONTree(body[...])?["reason"]?.string)
    }

    static func checked(reason: String?) throws(Problem) -> String {
        guard let reason, !reason.isEmpty, reason.count <= reasonCharactersMaximum else {
            throw Problem(
                .badRequest, "reason_required", "Say why, in 1 to \(reasonCharactersMaximum) characters, as reason.",
                value: reason)
        }
        return reason
    }
}

extension Problem {
    /// - Returns: nil if the decision went through.
    init?(refused result: PayoutApproval, payoutID: Identifier) {
        switch result {
        case .done, .firstOfTwo: return nil
        case .notFound: self = .notFound("payout", payoutID.description)
        case .notWaiting(let state):
            self = Problem(
                .conflict, "payout_not_waiting", "This payout does not wait for approval any more.",
                value: state.rawValue)
        case .sameActor:
            self = Problem(
                .conflict, "approver_is_submitter",
                "Who submitted a payout cannot approve it, and nobody approves it twice. Ask somebody else.",
                value: payoutID.description)
        case .noDestination:
            self = Problem(
                .conflict, "no_destination", "The affiliate has no account that money could be sent to.",
                value: payoutID.description)
        }
    }
}
