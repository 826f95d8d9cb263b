import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// How the checks stand that an affiliate has to pass before it is paid: identity and tax form.
enum AffiliateCheckRoutes {
    private static let kyc = ["not_required", "pending", "verified", "failed"]
    private static let tax = ["not_required", "missing", "valid", "expired"]
    private static let list = PayoutPageRoutes.list

    static func all(_ services: Services) -> [Route] {
        [
            .api(.put, "/affiliates/{id}/checks", .setPayoutLimits) { call in
                let members = try BodyMembers(call.body, known: ["kyc_status", "tax_status", "reason"])
                let change = try Change(
                    affiliateID: call.parameter("id"), kyc: members.choice("kyc_status", of: kyc),
                    tax: members.choice("tax_status", of: tax),
                    reason: PaymentRoutes.checked(reason: members.text("reason", upTo: 500)))
                let route = "PUT /affiliates/\(change.affiliateID)/checks"
                return try await apply(change, IdempotentWrite(call, route: route, isRequired: true), services)
            },
            .form(list + "/checks", .setPayoutLimits) { call in
                let change = Change(
                    affiliateID: call.form["affiliate_id"] ?? "",
                    kyc: kyc.first { $0 == call.form["kyc_status"] }, tax: tax.first { $0 == call.form["tax_status"] },
                    reason: try PaymentRoutes.checked(reason: call.form["reason"]))
                let write = try IdempotentWrite(form: call, route: "/affiliates/checks \(change.affiliateID)")
                let answer = try await apply(change, write, services)
                return .redirect(after: answer, done: "affiliate-checked", to: list)
            },
        ]
    }

    private struct Change: Sendable {
        let affiliateID: String
        /// nil leaves it as it is.
        let kyc: String?
        let tax: String?
        let reason: String
    }

    private static func apply(
        _ change: Change, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try AffiliateStore.lock(change.affiliateID, in: transaction)
                guard let before = try AffiliateStore.affiliate(change.affiliateID, in: transaction) else {
                    return .problem(.notFound("affiliate", change.affiliateID))
                }
                try AffiliateStore.setChecks(
                    of: change.affiliateID, kyc: change.kyc, tax: change.tax, in: transaction)
                let after = try AffiliateStore.affiliate(change.affiliateID, in: transaction) ?? before
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "check affiliate", subject: change.affiliateID,
                        detail: detail(from: before, to: after, reason: change.reason)), in: transaction)
                return .json(after)
            }
        }
    }

    private static func detail(from before: AffiliateRecord, to after: AffiliateRecord, reason: String) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("kyc_status", "\(before.kycStatus) → \(after.kycStatus)")
            writer.member("tax_status", "\(before.taxStatus) → \(after.taxStatus)")
            writer.member("reason", reason)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
