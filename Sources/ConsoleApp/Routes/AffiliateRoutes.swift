import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Affiliates as admins keep them: name, group, who referred them, and whether they may work.
enum AffiliateRoutes {
    private static let fields = ["name", "status", "group_id", "referred_by"]
    private static let statuses = ["active", "blocked"]
    private static let emailCharactersMaximum = 320

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/affiliates", .readAffiliates) { try await list($0, services) },
            .api(.post, "/affiliates", .changeAffiliates) { try await create($0, services) },
            .api(.get, "/affiliates/{id}", .readAffiliates) { try await show($0, services) },
            .api(.patch, "/affiliates/{id}", .changeAffiliates) { try await change($0, services) },
        ]
    }

    private static func list(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        let filter = AffiliateStore.Filter(
            status: try call.query.choice("status", of: statuses), groupID: call.query["group_id"],
            referredBy: call.query["referred_by"])
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try AffiliateStore.list(filter, after: cursor?.fields[0], limit: limit + 1, in: transaction)
        }
        return .json(Listing(rows, limit: limit) { Cursor($0.affiliateId) })
    }

    private static func show(_ call: Call, _ services: Services) async throws -> Answer {
        let affiliateID = call.parameter("id")
        let affiliate = try await services.pool.transaction { transaction throws(PostgresError) in
            try AffiliateStore.affiliate(affiliateID, in: transaction)
        }
        guard let affiliate else { throw Problem.notFound("affiliate", affiliateID) }
        return Answer.json(affiliate).tagged
    }

    private static func record(_ body: [UInt8], at now: Timestamp) throws(Problem) -> AffiliateRecord {
        let members = try BodyMembers(
            body, known: ["affiliate_id", "name", "email", "country", "group_id", "referred_by"])
        let affiliateID = try members.required("affiliate_id", upTo: ProgramRoutes.idCharactersMaximum)
        guard affiliateID.utf8.allSatisfy(ProgramRoutes.isPlain) else {
            throw .invalid(
                "affiliate_id", "affiliate_id has letters, digits, points, hyphens and underscores.",
                value: affiliateID)
        }
        let email = try members.text("email", upTo: emailCharactersMaximum)
        if let email, !email.dropFirst().dropLast().contains("@") {
            throw .invalid("email", "email is an e-mail address.", value: email)
        }
        let country = try members.text("country", upTo: 2)
        if let country, !ProgramRoutes.isCountry(country) {
            throw .invalid("country", "country has the two capital letters of ISO 3166.", value: country)
        }
        return AffiliateRecord(
            affiliateID: affiliateID,
            name: try members.text("name", upTo: ProgramRoutes.nameCharactersMaximum) ?? affiliateID, email: email,
            country: country,
            groupID: try members.optionalText("group_id", upTo: ProgramRoutes.idCharactersMaximum) ?? nil,
            referredBy: try members.optionalText("referred_by", upTo: TrackingEvent.textLengthMaximum) ?? nil, at: now)
    }

    private static func create(_ call: Call, _ services: Services) async throws -> Answer {
        let write = try IdempotentWrite(call, route: "/affiliates", isRequired: true)
        let now = services.now()
        let record = try record(call.body, at: now)
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                if let refusal = try refusal(of: record, was: nil, in: transaction) { return .problem(refusal) }
                guard try AffiliateStore.add(record, at: now, in: transaction) else {
                    return .problem(
                        Problem(
                            .conflict, "affiliate_known", "There is an affiliate with this id.",
                            value: record.affiliateId))
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "create affiliate", subject: record.affiliateId,
                        detail: String(decoding: JSONText.encode(record), as: UTF8.self)), in: transaction)
                return .json(record, status: .created)
            }
        }
        return answer.tagged
    }

    /// What a client wants to be otherwise; of what may be nothing, a nil inside takes it away.
    private struct Change: Sendable {
        let name: String?
        let status: String?
        let groupID: String??
        let referredBy: String??

        init(_ members: BodyMembers) throws(Problem) {
            name = try members.text("name", upTo: ProgramRoutes.nameCharactersMaximum)
            status = try members.choice("status", of: statuses)
            groupID = try members.optionalText("group_id", upTo: ProgramRoutes.idCharactersMaximum)
            referredBy = try members.optionalText("referred_by", upTo: TrackingEvent.textLengthMaximum)
        }

        func applied(to before: AffiliateRecord) -> AffiliateRecord {
            var record = before
            record.name = name ?? before.name
            record.status = status ?? before.status
            if let groupID { record.groupId = groupID }
            if let referredBy { record.referredBy = referredBy }
            return record
        }
    }

    private static func change(_ call: Call, _ services: Services) async throws -> Answer {
        let affiliateID = call.parameter("id")
        let write = try IdempotentWrite(call, route: "PATCH /affiliates/" + affiliateID, isRequired: true)
        let precondition = try Precondition(call)
        let change = try Change(try BodyMembers(call.body, known: fields))
        let now = services.now()
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try AffiliateStore.lock(affiliateID, in: transaction)
                guard let before = try AffiliateStore.affiliate(affiliateID, in: transaction) else {
                    return .problem(.notFound("affiliate", affiliateID))
                }
                if let refusal = precondition.refusal(of: before) { return .problem(refusal) }
                let after = change.applied(to: before)
                guard after != before else { return .json(before) }
                if let refusal = try refusal(of: after, was: before, in: transaction) { return .problem(refusal) }
                try AffiliateStore.save(after, in: transaction)
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "change affiliate", subject: affiliateID,
                        detail: ChangeDetail.text(from: before, to: after)), in: transaction)
                return .json(after)
            }
        }
        return answer.tagged
    }

    /// A referral leads to somebody else, and never back.
    private static func refusal(
        of after: AffiliateRecord, was before: AffiliateRecord?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Problem? {
        guard let referrerID = after.referredBy, referrerID != before?.referredBy else { return nil }
        let chain = try AffiliateStore.referralChain(from: referrerID, in: transaction)
        guard !chain.isEmpty else { return .notFound("affiliate", referrerID) }
        if let place = chain.firstIndex(of: after.affiliateId) {
            let circle = [after.affiliateId] + chain.prefix(place + 1)
            return Problem(
                .unprocessableContent, "referral_circle", "The referral would lead back to the affiliate itself.",
                value: circle.joined(separator: " ← "))
        }
        guard chain.count < Int(AffiliateStore.referralsMaximum) else {
            return Problem(
                .unprocessableContent, "referrals_too_many",
                "At most \(AffiliateStore.referralsMaximum) affiliates may have referred each other in a row.",
                value: referrerID)
        }
        return nil
    }
}
