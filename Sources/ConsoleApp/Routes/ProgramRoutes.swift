import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Programmes: their terms and their coupons.
enum ProgramRoutes {
    /// Characters of a programme's id, a coupon's code and a name.
    static let idCharactersMaximum = 64
    static let nameCharactersMaximum = 100

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/programs", .readRules) { try await list($0, services) },
            .api(.post, "/programs", .changePrograms) { try await create($0, services) },
            .api(.get, "/programs/{id}", .readRules) { try await show($0, services) },
            .api(.patch, "/programs/{id}", .changePrograms) { try await change($0, services) },
            .api(.get, "/programs/{id}/coupons", .readRules) { try await coupons($0, services) },
            .api(.post, "/programs/{id}/coupons", .changePrograms) { try await putCoupon($0, services) },
        ]
    }

    /// Of an id that is given by API: it stands in addresses and files.
    static func isPlain(_ byte: UInt8) -> Bool {
        switch UnicodeScalar(byte) {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "-", "_": true
        default: false
        }
    }

    /// Whether a text has the form of a country's two letters.
    static func isCountry(_ text: String) -> Bool {
        text.utf8.count == 2 && text.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    // MARK: Terms

    private static func list(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try ProgramStore.list(after: cursor?.fields[0], limit: limit + 1, in: transaction)
        }
        return .json(Listing(rows, limit: limit) { Cursor($0.programId) })
    }

    private static func show(_ call: Call, _ services: Services) async throws -> Answer {
        let programID = call.parameter("id")
        let program = try await services.pool.transaction { transaction throws(PostgresError) in
            try ProgramStore.program(programID, in: transaction)
        }
        guard let program else { throw Problem.notFound("programme", programID) }
        return Answer.json(program).tagged
    }

    private static func create(_ call: Call, _ services: Services) async throws -> Answer {
        let write = try IdempotentWrite(call, route: "/programs", isRequired: true)
        let wanted = try NewProgram(call.body, by: try call.authenticated())
        let now = services.now()
        let terms = wanted.terms(at: now)
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                guard try ProgramStore.add(terms, at: now, in: transaction) else {
                    return .problem(
                        Problem(
                            .conflict, "program_known", "There is a programme with this id.", value: terms.programId))
                }
                if let rate = wanted.rate {
                    try RuleStore.addStandard([(terms.programId, rate)], createdBy: write.actor, in: transaction)
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "create program", subject: terms.programId,
                        detail: String(decoding: JSONText.encode(terms), as: UTF8.self)), in: transaction)
                return .json(terms, status: .created)
            }
        }
        return answer.tagged
    }

    private static func change(_ call: Call, _ services: Services) async throws -> Answer {
        let programID = call.parameter("id")
        let write = try IdempotentWrite(call, route: "PATCH /programs/" + programID, isRequired: true)
        let precondition = try Precondition(call)
        return try await change(
            programID, to: call.body, by: try call.authenticated(), if: precondition, write, services)
    }

    /// - Parameter body: the terms that are to be others, as a JSON object.
    static func change(
        _ programID: String, to body: [UInt8], by principal: Principal, if precondition: Precondition,
        _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let change = try ProgramChange(try BodyMembers(body, known: ProgramChange.fields), by: principal)
        let now = services.now()
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try ProgramStore.lock(programID, in: transaction)
                guard let before = try ProgramStore.program(programID, in: transaction) else {
                    return .problem(.notFound("programme", programID))
                }
                if let refusal = precondition.refusal(of: before) { return .problem(refusal) }
                let after = change.applied(to: before)
                guard after != before else { return .json(before) }
                try ProgramStore.save(after, in: transaction)
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "change program", subject: programID,
                        detail: ChangeDetail.text(from: before, to: after)), in: transaction)
                return .json(after)
            }
        }
        return answer.tagged
    }

    // MARK: Coupons

    private struct CouponRow: Encodable, Sendable {
        let programId: String
        let code: String
        let affiliateId: String
        let validFrom: String?
        let validUntil: String?

        init(_ coupon: CouponTerms) {
            programId = coupon.programID
            code = coupon.code
            affiliateId = coupon.affiliateID
            validFrom = coupon.validFrom?.rfc3339
            validUntil = coupon.validUntil?.rfc3339
        }
    }

    private static func coupons(_ call: Call, _ services: Services) async throws -> Answer {
        let programID = call.parameter("id")
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        let affiliateID = call.query["affiliate_id"]
        let coupons = try await services.pool.transaction { transaction throws(PostgresError) -> [CouponTerms]? in
            guard try ProgramStore.program(programID, in: transaction) != nil else { return nil }
            return try CouponStore.list(
                programID, affiliateID: affiliateID, after: cursor?.fields[0], limit: limit + 1, in: transaction)
        }
        guard let coupons else { throw Problem.notFound("programme", programID) }
        return .json(Listing(coupons.map(CouponRow.init), limit: limit) { Cursor($0.code) })
    }

    private static func coupon(_ programID: String, _ body: [UInt8]) throws(Problem) -> CouponTerms {
        let members = try BodyMembers(body, known: ["code", "affiliate_id", "valid_from", "valid_until"])
        let (from, until) = (try members.moment("valid_from"), try members.moment("valid_until"))
        if let from, let until, from >= until {
            throw .invalid("valid_until", "valid_until is later than valid_from.", value: until.rfc3339)
        }
        return CouponTerms(
            programID: programID, code: try members.required("code", upTo: idCharactersMaximum),
            affiliateID: try members.required("affiliate_id", upTo: TrackingEvent.textLengthMaximum),
            validFrom: from, validUntil: until)
    }

    private static func putCoupon(_ call: Call, _ services: Services) async throws -> Answer {
        let programID = call.parameter("id")
        let write = try IdempotentWrite(call, route: "/programs/\(programID)/coupons", isRequired: true)
        let coupon = try coupon(programID, call.body)
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try ProgramStore.lock(programID, in: transaction)
                guard try ProgramStore.program(programID, in: transaction) != nil else {
                    return .problem(.notFound("programme", programID))
                }
                guard try AffiliateStore.affiliate(coupon.affiliateID, in: transaction) != nil else {
                    return .problem(.notFound("affiliate", coupon.affiliateID))
                }
                return try record(coupon, by: write.actor, at: now, in: transaction)
            }
        }
    }

    private static func record(
        _ coupon: CouponTerms, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Answer {
        let row = CouponRow(coupon)
        let entry: (action: String, detail: String)
        var status = HTTPResponse.Status.ok
        switch try CouponStore.put(coupon, in: transaction) {
        case .belongsTo(let affiliateID):
            return .problem(
                Problem(.conflict, "coupon_taken", "The code belongs to another affiliate.", value: affiliateID))
        case .unchanged: return .json(row)
        case .changed(let before):
            entry = ("change coupon", ChangeDetail.text(from: CouponRow(before), to: row))
        case .added:
            entry = ("add coupon", String(decoding: JSONText.encode(row), as: UTF8.self))
            status = .created
        }
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: entry.action, subject: "\(coupon.programID)/\(coupon.code)",
                detail: entry.detail), in: transaction)
        return .json(row, status: status)
    }
}

/// Terms that a client wants to be others.
private struct ProgramChange: Sendable {
    static let fields =
        ["name", "pays_in", "hold_days", "attribution_window_days", "coupon_beats_click", "main_markets"] + limits
    /// Fields that say how much money leaves without a person looking.
    private static let limits = [
        "minimum_payout_minor", "auto_approve_limit_minor", "second_approval_limit_minor", "thirty_day_limit_minor",
        "daily_limit_minor", "affiliate_age_days",
    ]
    private static let ageDaysMaximum: Int64 = 3_650
    private static let holdDaysMaximum: Int64 = 365
    private static let windowDaysMaximum: Int64 = 365
    private static let marketsMaximum = 250

    private let name: String?
    private let paysIn: String?
    private let holdDays: Int64?
    private let windowDays: Int64?
    private let couponBeatsClick: Bool?
    private let minimumPayoutMinor: Int64?
    private let autoApproveLimitMinor: Int64?
    private let mainMarkets: [String]?
    private let secondApprovalLimitMinor: Int64?
    /// A nil inside: none of its own.
    private let thirtyDayLimitMinor: Int64??
    private let dailyLimitMinor: Int64??
    private let ageDays: Int64?

    init(_ members: BodyMembers, by principal: Principal) throws(Problem) {
        if ProgramChange.limits.contains(where: members.has), !principal.permissions.contains(.setPayoutLimits) {
            throw .forbidden(.setPayoutLimits)
        }
        name = try members.text("name", upTo: ProgramRoutes.nameCharactersMaximum)
        paysIn = try members.choice("pays_in", of: Program.PaysIn.allCases.map(\.rawValue))
        holdDays = try members.integer("hold_days", in: 0...ProgramChange.holdDaysMaximum)
        windowDays = try members.integer("attribution_window_days", in: 1...ProgramChange.windowDaysMaximum)
        couponBeatsClick = try members.flag("coupon_beats_click")
        minimumPayoutMinor = try members.integer("minimum_payout_minor", in: 1...TrackingEvent.amountMinorMaximum)
        autoApproveLimitMinor = try members.integer(
            "auto_approve_limit_minor", in: 0...TrackingEvent.amountMinorMaximum)
        let amounts = Int64(0)...TrackingEvent.amountMinorMaximum
        secondApprovalLimitMinor = try members.integer("second_approval_limit_minor", in: amounts)
        thirtyDayLimitMinor = try members.optionalInteger("thirty_day_limit_minor", in: amounts)
        dailyLimitMinor = try members.optionalInteger("daily_limit_minor", in: amounts)
        ageDays = try members.integer("affiliate_age_days", in: 0...ProgramChange.ageDaysMaximum)
        mainMarkets = try members.texts(
            "main_markets", upTo: ProgramChange.marketsMaximum,
            "main_markets is a list of at most \(ProgramChange.marketsMaximum) countries by their two capital letters.",
            where: ProgramRoutes.isCountry)
    }

    func applied(to before: ProgramTerms) -> ProgramTerms {
        var terms = before
        terms.name = name ?? before.name
        terms.paysIn = paysIn ?? before.paysIn
        terms.holdDays = holdDays.map(Int32.init) ?? before.holdDays
        terms.attributionWindowDays = windowDays.map(Int32.init) ?? before.attributionWindowDays
        terms.couponBeatsClick = couponBeatsClick ?? before.couponBeatsClick
        terms.minimumPayoutMinor = minimumPayoutMinor ?? before.minimumPayoutMinor
        terms.autoApproveLimitMinor = autoApproveLimitMinor ?? before.autoApproveLimitMinor
        terms.mainMarkets = mainMarkets ?? before.mainMarkets
        terms.secondApprovalLimitMinor = secondApprovalLimitMinor ?? before.secondApprovalLimitMinor
        terms.thirtyDayLimitMinor = thirtyDayLimitMinor ?? before.thirtyDayLimitMinor
        terms.dailyLimitMinor = dailyLimitMinor ?? before.dailyLimitMinor
        terms.affiliateAgeDays = ageDays.map(Int32.init) ?? before.affiliateAgeDays
        return terms
    }
}

/// A programme that a client wants to be.
private struct NewProgram: Sendable {
    private let programID: String
    private let currency: Currency
    private let change: ProgramChange
    /// What the rule `standard` pays; nil: the programme begins without a rule.
    let rate: BasisPoints?

    init(_ body: [UInt8], by principal: Principal) throws(Problem) {
        let members = try BodyMembers(
            body, known: ["program_id", "currency", "standard_percent"] + ProgramChange.fields)
        programID = try members.required("program_id", upTo: ProgramRoutes.idCharactersMaximum)
        guard programID.utf8.allSatisfy(ProgramRoutes.isPlain) else {
            throw .invalid(
                "program_id", "program_id has letters, digits, points, hyphens and underscores.", value: programID)
        }
        let code = try members.required("currency", upTo: 3)
        guard let currency = Currency(code: code) else {
            throw .invalid("currency", "currency is an ISO 4217 code in use.", value: code)
        }
        self.currency = currency
        rate = try members.integer("standard_percent", in: 0...10_000).map { BasisPoints(Int32($0)) }
        change = try ProgramChange(members, by: principal)
    }

    func terms(at now: Timestamp) -> ProgramTerms {
        change.applied(to: ProgramTerms(programID: programID, name: programID, currency: currency, at: now))
    }
}
