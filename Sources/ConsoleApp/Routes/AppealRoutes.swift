import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// What affiliates say against holds and rejections, and what the fraud desk answers.
enum AppealRoutes {
    static let list = "/console/appeals"
    private static let textCharactersMaximum = 2_000
    private static let heldMaximum = 50
    private static let rejectedMaximum = 20
    private static let decisions = ["accept": true, "reject": false]

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/appeals", .readAppeals) { try await appeals($0, services) },
            .api(.post, "/appeals", .writeAppeals) { call in
                let body = try BodyMembers(call.body, known: ["affiliate_id", "commission_id", "event_id", "text"])
                let wanted = try Wanted(
                    affiliateID: body.text("affiliate_id", upTo: 255),
                    commissionID: body.text("commission_id", upTo: 36),
                    eventID: body.text("event_id", upTo: 64), text: body.required("text", upTo: .max), call)
                return try await open(wanted, try IdempotentWrite(call, route: "/appeals", isRequired: false), services)
            },
            .api(.post, "/appeals/{id}/answer", .decideFraud) { call in
                let appealID = try appealID(call)
                let body = try BodyMembers(call.body, known: ["decision", "answer", "allowance_days"])
                let days = try body.integer("allowance_days", in: 0...Int64(FraudRuling.allowanceDaysMaximum))
                let wanted = try AnswerWanted(
                    decision: body.choice("decision", of: decisions.keys.sorted()),
                    answer: body.text("answer", upTo: 500), allowanceDays: days.map { String($0) })
                let write = try IdempotentWrite(call, route: "answer appeal \(appealID)", isRequired: false)
                return try await answer(appealID, wanted, write, services)
            },
            .page(list, .readAppeals) { try await page($0, services) },
            .form(list, .writeAppeals) { call in
                let form = call.form
                let wanted = try Wanted(
                    affiliateID: form["affiliate_id"], commissionID: form["commission_id"], eventID: form["event_id"],
                    text: form["text"] ?? "", call)
                let answer = try await open(wanted, try IdempotentWrite(form: call, route: "/appeals"), services)
                return .redirect(after: answer, done: "appealed", to: list)
            },
            .form(list + "/{id}/answer", .decideFraud) { call in
                let appealID = try appealID(call)
                let wanted = try AnswerWanted(
                    decision: call.form["decision"], answer: call.form["answer"],
                    allowanceDays: call.form["allowance_days"])
                let write = try IdempotentWrite(form: call, route: "answer appeal \(appealID)")
                let answer = try await answer(appealID, wanted, write, services)
                return .redirect(after: answer, done: "appeal-answered", to: list)
            },
        ]
    }

    private static func appealID(_ call: Call) throws(Problem) -> Int64 {
        guard let id = Int64(call.parameter("id")) else { throw .notFound("appeal", call.parameter("id")) }
        return id
    }

    /// An appeal as it was asked for, checked.
    private struct Wanted: Sendable {
        let affiliateID: String
        let subject: AppealStore.Subject
        let text: String

        init(
            affiliateID: String?, commissionID: String?, eventID: String?, text: String, _ call: Call
        ) throws(Problem) {
            guard let affiliateID = try call.authenticated().affiliateScope(requested: affiliateID) else {
                throw Problem(.badRequest, "affiliate_id_required", "Say whose appeal it is: affiliate_id.")
            }
            let commission = commissionID.flatMap { Identifier(text: $0) }
            if commissionID != nil, commission == nil {
                throw .invalid("commission_id", "commission_id is a UUID.", value: commissionID)
            }
            if commission != nil, eventID != nil {
                throw .invalid("event_id", "An appeal is about a commission or an event, not both.", value: eventID)
            }
            let words = text.trimmed
            guard (1...textCharactersMaximum).contains(words.unicodeScalars.count) else {
                throw .invalid("text", "text is 1 to \(textCharactersMaximum) characters.", value: text)
            }
            self.affiliateID = affiliateID
            self.text = words
            subject = AppealStore.Subject(commissionID: commission, eventID: eventID)
        }
    }

    private static func open(
        _ wanted: Wanted, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let opening = try AppealStore.open(
                    wanted.text, about: wanted.subject, by: wanted.affiliateID, at: now, in: transaction)
                guard case .opened(let appealID) = opening else { return .problem(Problem(refused: opening)) }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "open appeal", subject: String(appealID), detail: "{}"),
                    in: transaction)
                try tell(
                    .appealMade, of: wanted.affiliateID, appealID, "An affiliate appeals",
                    "\(wanted.affiliateID) answers a hold or a rejection.", at: now, in: transaction)
                let rows = try AppealQueries.list(
                    own: wanted.affiliateID, appealID: appealID, limit: 1, at: now, in: transaction)
                return .json(rows.first, status: .created)
            }
        }
    }

    private static func tell(
        _ kind: NotificationKind, of affiliateID: String, _ appealID: Int64, _ title: String, _ body: String,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        var data = JSONWriter()
        data.object { writer in
            writer.member("appeal_id", appealID)
            writer.member("affiliate_id", affiliateID)
        }
        // An appeal whose answer was undone is answered again.
        _ = try NotificationStore.insert(
            [
                NewNotification(
                    kind, event: "\(appealID) \(now.microsecondsSinceEpoch)",
                    audience: kind.concerns(.admin) ? .admin : .affiliate, affiliateID: affiliateID, title: title,
                    body: body, link: list, data: String(decoding: data.bytes, as: UTF8.self))
            ], at: now, in: transaction)
    }

    private static func appeals(_ call: Call, _ services: Services) async throws -> Answer {
        let (filter, now) = (try Filter(call), services.now())
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try filter.rows(at: now, in: transaction)
        }
        return .json(Listing(rows, limit: filter.limit, cursor: \.cursor))
    }

    private struct Filter: Sendable {
        let own: String?
        let affiliateID: String?
        let status: String?
        let limit: Int
        let cursor: Cursor?

        init(_ call: Call) throws(Problem) {
            own = try call.authenticated().session?.affiliateID
            affiliateID = try call.authenticated().affiliateScope(requested: call.query["affiliate_id"])
            status = try call.query.choice("status", of: AppealQueries.statuses)
            limit = try call.query.limit()
            cursor = try call.query.cursor(count: 1)
        }

        func rows(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) -> [AppealRow] {
            try AppealQueries.list(
                own: own, affiliateID: affiliateID, status: status, limit: limit, cursor: cursor, at: now,
                in: transaction)
        }
    }

    private static func page(_ call: Call, _ services: Services) async throws -> Answer {
        let filter = try Filter(call)
        let principal = try call.authenticated()
        return try await services.page("appeals", "Appeals", for: call) { transaction, facts throws(PostgresError) in
            let listing = Listing(
                try filter.rows(at: facts.now, in: transaction), limit: filter.limit, cursor: \.cursor)
            var held: [HeldCommission] = []
            var rejected: [RejectedConversion] = []
            var isHeld = false
            if let own = filter.own {
                held = try AppealQueries.held(by: own, limit: heldMaximum, in: transaction)
                rejected = try AppealQueries.rejected(of: own, limit: rejectedMaximum, in: transaction)
                isHeld = try AppealQueries.isHeld(own, in: transaction)
            }
            return AppealsPage(
                listing.data, held: held, rejected: rejected, isHeld: isHeld, isOwn: filter.own != nil,
                status: filter.status,
                canAnswer: principal.permissions.contains(.decideFraud),
                next: listing.nextCursor.map {
                    list + PercentEncoding.query(["status": filter.status, "cursor": $0])
                }, csrfToken: principal.session?.csrfToken ?? "")
        }
    }
}

// What the desk answers.
extension AppealRoutes {
    struct AnswerWanted: Sendable {
        let isAccepted: Bool
        let ruling: FraudDecisionRoutes.Wanted

        init(decision: String?, answer: String?, allowanceDays: String?) throws(Problem) {
            guard let isAccepted = decision.flatMap({ decisions[$0] }) else {
                throw .invalid("decision", "The decision is accept or reject.", value: decision ?? "")
            }
            guard let answer, !answer.trimmed.isEmpty else {
                throw Problem(
                    .badRequest, "answer_required", "Tell the affiliate why, in 1 to 500 characters, as answer.")
            }
            self.isAccepted = isAccepted
            ruling = try FraudDecisionRoutes.Wanted(
                decision: "dismiss", reason: answer, allowanceDays: allowanceDays)
        }
    }

    private struct Answered: Encodable {
        let appeal: AppealRow?
        /// The cases that were dismissed with it, and what undoes that.
        let dismissedFraudFlagIds: [Int64]
        let decisionId: String?
    }

    private static func answer(
        _ appealID: Int64, _ wanted: AnswerWanted, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let batchID = Identifier(decidingAbout: [-appealID], isConfirmed: false, by: write.actor, at: now)
                let outcome = try AppealStore.answer(
                    appealID, isAccepted: wanted.isAccepted, wanted.ruling.ruling(by: write.actor, at: now),
                    batchID: batchID, in: transaction)
                guard case .done(let affiliateID, let dismissed) = outcome else {
                    return .problem(Problem(refused: outcome, appealID))
                }
                let decisionID = dismissed.isEmpty ? nil : batchID.description
                var detail = JSONWriter()
                detail.object { writer in
                    writer.member("answer", wanted.ruling.reason)
                    writer.member("decision_id", decisionID)
                    writer.member("fraud_flag_ids", dismissed) { $0.integer($1) }
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: wanted.isAccepted ? "accept appeal" : "reject appeal",
                        subject: String(appealID), detail: String(decoding: detail.bytes, as: UTF8.self)),
                    in: transaction)
                try tell(
                    .appealAnswered, of: affiliateID, appealID, "Your appeal was answered", wanted.ruling.reason,
                    at: now,
                    in: transaction)
                let rows = try AppealQueries.list(own: nil, appealID: appealID, limit: 1, at: now, in: transaction)
                return .json(
                    Answered(appeal: rows.first, dismissedFraudFlagIds: dismissed, decisionId: decisionID))
            }
        }
    }
}

extension Problem {
    fileprivate init(refused opening: AppealStore.Opening) {
        self =
            switch opening {
            case .opened, .nothingToAppeal:
                Problem(
                    .conflict, "nothing_to_appeal",
                    "There is no hold and no rejection of that kind that could be appealed.")
            case .openAlready:
                Problem(.conflict, "appeal_open", "An appeal about the same waits for its answer.")
            case .tooMany:
                Problem(
                    .conflict, "appeals_open",
                    "At most \(AppealStore.openMaximum) appeals wait for an answer at once.")
            }
    }

    fileprivate init(refused outcome: AppealStore.Answering, _ appealID: Int64) {
        self =
            switch outcome {
            case .done, .notFound: .notFound("appeal", String(appealID))
            case .answeredBefore: Problem(.conflict, "appeal_answered", "This appeal was answered before.")
            }
    }
}

extension String {
    /// Without white space at its ends.
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
