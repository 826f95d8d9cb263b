import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The fraud desk: cases, and what people decide about them.
enum FraudRoutes {
    private static let decisions = ["confirm": true, "dismiss": false]

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/fraud-flags", .readFraud) { try await flags($0, services) },
            .api(.post, "/fraud-flags/{id}/decide", .decideFraud) { try await decide($0, services) },
        ]
    }

    private static func flags(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        let status = try call.query.choice("status", of: ["open", "confirmed", "dismissed", "withdrawn"])
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try FraudQueries.flags(status: status, limit: limit, cursor: cursor, in: transaction)
        }
        return .json(Listing(rows, limit: limit, cursor: \.cursor))
    }

    /// The decision, what it releases and its audit row are one transaction.
    private static func decide(_ call: Call, _ services: Services) async throws -> Answer {
        guard let flagID = Int64(call.parameter("id")) else { throw Problem.notFound("case", call.parameter("id")) }
        let body = JSONTree(call.body[...])
        let word = body?["decision"]?.string
        guard let isConfirmed = word.flatMap({ decisions[$0] }) else {
            throw Problem.invalid("decision", "The decision is confirm or dismiss.", value: word ?? "")
        }
        let reason = try PaymentRoutes.checked(reason: body?["reason"]?.string)
        let write = try IdempotentWrite(call, route: "/fraud-flags/{id}/decide \(flagID)", isRequired: false)
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let outcome = try FraudDecisionStore.decide(
                    flagID, isConfirmed: isConfirmed, because: reason, by: write.actor, at: now, in: transaction)
                if let refusal = Problem(refused: outcome, flagID: flagID) { return .problem(refusal) }
                var detail = JSONWriter()
                detail.object { $0.member("reason", reason) }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: isConfirmed ? "confirm fraud case" : "dismiss fraud case",
                        subject: String(flagID), detail: String(decoding: detail.bytes, as: UTF8.self)),
                    in: transaction)
                let rows = try FraudQueries.flags(
                    status: nil, flagID: flagID, limit: 1, cursor: nil, in: transaction)
                return .json(rows.first)
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
}
