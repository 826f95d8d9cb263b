import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// What people decide about cases, and taking it back.
enum FraudDecisionRoutes {
    private static let decisions = ["confirm": true, "dismiss": false]

    static func all(_ services: Services) -> [Route] {
        [
            .api(.post, "/fraud-flags/{id}/decide", .decideFraud) { try await decide($0, services) },
            .api(.post, "/fraud-flags/decide", .decideFraud) { try await decideMany($0, services) },
            .api(.post, "/fraud-decisions/{id}/undo", .decideFraud) { call in
                let batchID = try identifier(call)
                let write = try IdempotentWrite(call, route: "undo fraud decision \(batchID)", isRequired: false)
                return try await undo(batchID, write, services)
            },
        ]
    }

    /// What is asked of a decision, checked.
    struct Wanted: Sendable {
        let isConfirmed: Bool
        let reason: String
        let allowanceDays: Int32

        init(decision: String?, reason: String?, allowanceDays: String?) throws(Problem) {
            guard let isConfirmed = decision.flatMap({ decisions[$0] }) else {
                throw .invalid("decision", "The decision is confirm or dismiss.", value: decision ?? "")
            }
            self.isConfirmed = isConfirmed
            self.reason = try PaymentRoutes.checked(reason: reason)
            let days = allowanceDays.map { Int32($0) } ?? FraudDecision.allowanceDaysStandard
            guard let days, (0...FraudRuling.allowanceDaysMaximum).contains(days) else {
                throw .invalid(
                    "allowance_days", "allowance_days is a whole number from 0 to \(FraudRuling.allowanceDaysMaximum).",
                    value: allowanceDays)
            }
            self.allowanceDays = days
        }

        init(_ body: JSONTree?) throws(Problem) {
            let days = body?["allowance_days"]
            try self.init(
                decision: body?["decision"]?.string, reason: body?["reason"]?.string,
                allowanceDays: days == nil || days == .null ? nil : days?.integer.map { String($0) } ?? "?")
        }

        func ruling(by actor: String, at now: Timestamp) -> FraudRuling {
            FraudRuling(
                isConfirmed: isConfirmed, reason: reason, allowanceDays: allowanceDays, actor: actor, at: now)
        }

        var action: String { isConfirmed ? "confirm fraud case" : "dismiss fraud case" }
    }

    static func identifier(_ call: Call) throws(Problem) -> Identifier {
        guard let identifier = Identifier(text: call.parameter("id")) else {
            throw .notFound("decision", call.parameter("id"))
        }
        return identifier
    }

    static func caseID(_ call: Call) throws(Problem) -> Int64 {
        guard let caseID = Int64(call.parameter("id")) else { throw .notFound("case", call.parameter("id")) }
        return caseID
    }

    private static func decide(_ call: Call, _ services: Services) async throws -> Answer {
        let caseID = try caseID(call)
        let wanted = try Wanted(JSONTree(call.body[...]))
        let write = try IdempotentWrite(call, route: "/fraud-flags/{id}/decide \(caseID)", isRequired: false)
        return try await decide(caseID, wanted, write, services)
    }

    /// The decision, what it releases and its audit row are one transaction.
    static func decide(
        _ caseID: Int64, _ wanted: Wanted, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let outcomes = try ruled([caseID], wanted, by: write.actor, at: now, in: transaction).outcomes
                if let refusal = Problem(refused: outcomes[caseID] ?? .notFound, flagID: caseID) {
                    return .problem(refusal)
                }
                return .json(try FraudQueries.flags(FraudFilter(flagID: caseID), in: transaction).first)
            }
        }
    }

    /// What was decided together.
    private struct Batch: Encodable {
        struct Refusal: Encodable {
            let fraudFlagId: Int64
            let code: String
            let detail: String
        }

        /// nil if nothing was decided.
        let decisionId: String?
        let undoUntil: String?
        let decided: [Int64]
        let refused: [Refusal]
    }

    private static func decideMany(_ call: Call, _ services: Services) async throws -> Answer {
        let body = JSONTree(call.body[...])
        let ids = body?["fraud_flag_ids"]?.array ?? []
        let caseIDs = try checked(ids.compactMap(\.integer), of: ids.count)
        let wanted = try Wanted(body)
        let write = try IdempotentWrite(call, route: "/fraud-flags/decide", isRequired: false)
        return try await decideMany(caseIDs, wanted, write, services)
    }

    static func checked(_ caseIDs: [Int64], of count: Int) throws(Problem) -> [Int64] {
        let maximum = FraudDecisionStore.casesMaximum
        guard (1...maximum).contains(count), caseIDs.count == count, Set(caseIDs).count == count else {
            throw Problem(
                .badRequest, "fraud_flag_ids_invalid", "fraud_flag_ids holds 1 to \(maximum) ids of cases, each once.",
                value: String(count))
        }
        return caseIDs
    }

    /// A case that is refused does not stand before the others.
    static func decideMany(
        _ caseIDs: [Int64], _ wanted: Wanted, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let (outcomes, batchID) = try ruled(caseIDs, wanted, by: write.actor, at: now, in: transaction)
                let decided = caseIDs.filter { outcomes[$0] == .done }
                let refused = caseIDs.compactMap { caseID in
                    Problem(refused: outcomes[caseID] ?? .notFound, flagID: caseID).map {
                        Batch.Refusal(fraudFlagId: caseID, code: $0.code, detail: $0.sentence)
                    }
                }
                return .json(
                    Batch(
                        decisionId: decided.isEmpty ? nil : batchID.description,
                        undoUntil: decided.isEmpty
                            ? nil : now.adding(seconds: FraudDecisionStore.undoSeconds).rfc3339, decided: decided,
                        refused: refused))
            }
        }
    }

    /// Decides, with an audit row for each case.
    private static func ruled(
        _ caseIDs: [Int64], _ wanted: Wanted, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> (outcomes: [Int64: FraudDecisionStore.Outcome], batchID: Identifier) {
        let batchID = Identifier(decidingAbout: caseIDs, isConfirmed: wanted.isConfirmed, by: actor, at: now)
        let outcomes = try FraudDecisionStore.decide(
            caseIDs, wanted.ruling(by: actor, at: now), batchID: batchID, in: transaction)
        var detail = JSONWriter()
        detail.object { writer in
            writer.member("reason", wanted.reason)
            writer.member("decision_id", batchID.description)
            if !wanted.isConfirmed { writer.member("allowance_days", Int64(wanted.allowanceDays)) }
        }
        // At most `casesMaximum`; each row's hash covers the one before it, so they cannot be one statement.
        for caseID in caseIDs where outcomes[caseID] == .done {
            try AuditLog.append(
                AuditEntry(
                    at: now, actor: actor, action: wanted.action, subject: String(caseID),
                    detail: String(decoding: detail.bytes, as: UTF8.self)), in: transaction)
        }
        return (outcomes, batchID)
    }

    private struct Undone: Encodable {
        let decisionId: String
        let fraudFlagIds: [Int64]
        let approvedMeanwhile: Int64
    }

    static func undo(
        _ batchID: Identifier, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let outcome = try FraudUndo.undo(batchID, by: write.actor, at: now, in: transaction)
                guard case .done(let cases, let approved) = outcome else {
                    return .problem(Problem(refused: outcome, batchID))
                }
                var detail = JSONWriter()
                detail.object { $0.member("fraud_flag_ids", cases) { $0.integer($1) } }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "undo fraud decision", subject: batchID.description,
                        detail: String(decoding: detail.bytes, as: UTF8.self)), in: transaction)
                return .json(
                    Undone(decisionId: batchID.description, fraudFlagIds: cases, approvedMeanwhile: approved))
            }
        }
    }
}

extension Problem {
    /// - Returns: nil if the decision went through.
    fileprivate init?(refused outcome: FraudDecisionStore.Outcome, flagID: Int64) {
        switch outcome {
        case .done: return nil
        case .notFound: self = .notFound("case", String(flagID))
        case .notOpen(let status):
            self = Problem(
                .conflict, "fraud_flag_not_open", "This case was decided or withdrawn before.", value: status)
        }
    }

    fileprivate init(refused outcome: FraudUndo.Outcome, _ batchID: Identifier) {
        self =
            switch outcome {
            case .done, .notFound: .notFound("decision", batchID.description)
            case .undoneBefore:
                Problem(.conflict, "decision_undone", "This decision was undone before.")
            case .tooLate:
                Problem(
                    .conflict, "undo_too_late",
                    "A decision can be undone for \(FraudDecisionStore.undoSeconds / 60) minutes. Decide anew instead.")
            case .decidedSince:
                Problem(.conflict, "decided_since", "Somebody decided about one of these cases since.")
            case .learntFrom:
                Problem(
                    .conflict, "decision_learnt",
                    "A version of the fraud model learnt from this decision since. Decide anew instead.")
            case .moneyMoved(let sums):
                Problem(
                    .conflict, "money_moved",
                    "It cannot be undone: money that had been held was approved or is in a payout. Confirm the case, "
                        + "and stop what can be stopped under Payouts.",
                    value: sums.map { "\($0.decimal) \($0.currency.code)" }.joined(separator: ", "))
            }
    }
}
