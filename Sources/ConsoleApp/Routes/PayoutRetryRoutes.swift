import Domain
import Events
import Hummingbird
import Outbox
import Postgres
import Storage

/// Paying again what a payout did not pay. It is never opened again: its affiliate is planned by the checks and limits
/// of any planning.
enum PayoutRetryRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.post, "/payouts/{id}/retry", .processPayments) { call in
                let payoutID = try PaymentRoutes.identifier(call)
                let write = try IdempotentWrite(call, route: route(payoutID), isRequired: true)
                return try await retry(payoutID, write, services)
            },
            .form(PayoutPageRoutes.list + "/{id}/retry", .processPayments) { call in
                let payoutID = try PaymentRoutes.identifier(call)
                let write = try IdempotentWrite(form: call, route: route(payoutID))
                let answer = try await retry(payoutID, write, services)
                let made = JSONTree(answer.body[...])?["payout_id"]?.string
                return .redirect(
                    after: answer, done: "planned-again",
                    to: "\(PayoutPageRoutes.list)/\(made ?? payoutID.description)")
            },
        ]
    }

    /// The payout that one with this key pays again.
    static func repeated(by batchKey: String) -> String? {
        let parts = batchKey.split(separator: ":")
        guard parts.count == 3, parts[0] == "retry" else { return nil }
        return Identifier(text: parts[1])?.description
    }

    private static func route(_ payoutID: Identifier) -> String { "retry payout \(payoutID)" }

    private static func retry(
        _ payoutID: Identifier, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        let key = Identifier(hashing: "retry", write.actor, write.key ?? SecureToken.make())
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                guard let payout = try PayoutStore.lock([payoutID], in: transaction).first else {
                    return .problem(.notFound("payout", payoutID.description))
                }
                guard payout.state.isPayableAgain else { return .problem(Problem(notPayableAgain: payout.state)) }
                return try retry(
                    payout, batchKey: "retry:\(payoutID):\(key)", by: write.actor, at: now, in: transaction)
            }
        }
        await services.wake()
        return answer
    }

    private static func retry(
        _ payout: PayoutRecord, batchKey: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Answer {
        let scope = PayoutScope(affiliateID: payout.affiliateID, currency: payout.amount.currency)
        let planned = try PayoutStore.plan(
            batchKey: batchKey, scope: scope, at: now, submittedBy: actor, lane: Lane(emitter: Services.lane),
            in: transaction)
        guard let plan = planned.first else {
            let (affiliateID, currency) = (payout.affiliateID, payout.amount.currency.code)
            let balance = try PayoutStore.payable(to: affiliateID, currency, in: transaction)
            let withheld = try WithheldRow.list(
                affiliateID: affiliateID, currency: currency, limit: 1, in: transaction)
            return .problem(Problem(unpaid: balance, withheld.first, currency))
        }
        var detail = JSONWriter()
        detail.object { $0.member("payout_id", plan.payout.payoutID.description) }
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: "pay again", subject: payout.payoutID.description,
                detail: String(decoding: detail.bytes, as: UTF8.self)), in: transaction)
        return .json(PaymentRoutes.Planned(plan), status: .created)
    }
}

extension Problem {
    fileprivate init(notPayableAgain state: PayoutState) {
        self.init(
            .conflict, "payout_not_ended",
            """
            Only what failed, came back, or was rejected or canceled is paid again. This payout has paid, or still may.
            """, value: state.rawValue)
    }

    /// Why a planning made nothing of a balance, and what helps.
    fileprivate init(unpaid balance: PayableBalance, _ withheld: WithheldRow?, _ currency: String) {
        func words(_ minorUnits: Int64) -> String { "\(Figures.amount(minorUnits, currency)) \(currency)" }
        guard balance.freeMinor > 0 else {
            self.init(
                .conflict, "nothing_payable",
                """
                Nothing is payable to the affiliate in this currency. Look at its other payouts, which may have the \
                money already, and at its refunds.
                """, value: words(balance.freeMinor))
            return
        }
        guard balance.freeMinor >= balance.minimumMinor else {
            self.init(
                .conflict, "below_minimum",
                """
                What is payable is below the smallest payout of \(words(balance.minimumMinor)). It is paid when more \
                is earned, or the programme's minimum is lowered.
                """, value: words(balance.freeMinor))
            return
        }
        self.init(
            .conflict, "payout_withheld",
            """
            What is payable is withheld. \(withheld?.reasons ?? "") When that is mended, pay again under a new key, or \
            leave it to the next planning.
            """, value: withheld?.causes.map(\.name).joined(separator: ", "))
    }
}
