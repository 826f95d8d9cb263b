import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Payouts that people pay outside: files of them, and the word of two people that they were paid.
enum ManualBatchRoutes {
    private static let page = "/console/manual-batches"
    private static let referenceBytesMaximum = 255

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/manual-batches", .readLedger) { _ in
                let batches = try await services.pool.transaction { transaction throws(PostgresError) in
                    try ManualBatchStore.list(in: transaction)
                }
                return .json(["data": batches])
            },
            .api(.post, "/manual-batches", .decidePayouts) { call in
                try await make(IdempotentWrite(call, route: "/manual-batches", isRequired: true), services)
            },
            .api(.get, "/manual-batches/{id}/file", .decidePayouts) { try await file($0, services) },
            .api(.post, "/manual-batches/{id}/paid", .decidePayouts) { call in
                let members = try BodyMembers(call.body, known: ["reference"])
                let reference = try checked(reference: members.text("reference", upTo: referenceBytesMaximum))
                return try await mark(call, .paid(reference), services)
            },
            .api(.post, "/manual-batches/{id}/confirm", .decidePayouts) { try await mark($0, .agreed, services) },
            .page(page, .readLedger) { try await show($0, services) },
            .form(page, .decidePayouts) { call in
                let answer = try await make(IdempotentWrite(form: call, route: "/manual-batches"), services)
                return .redirect(
                    after: answer, done: answer.status == .created ? "batch-made" : "nothing-payable", to: page)
            },
            .page(page + "/{id}/file", .decidePayouts) { try await file($0, services) },
            .form(page + "/{id}/paid", .decidePayouts) { call in
                let mark = Mark.paid(try checked(reference: call.form["reference"]))
                return try await submit(call, mark, done: "proposed", services)
            },
            .form(page + "/{id}/confirm", .decidePayouts) { call in
                try await submit(call, .agreed, done: "confirmed", services)
            },
        ]
    }

    private static func checked(reference: String?) throws(Problem) -> String {
        guard let reference, !reference.isEmpty, reference.utf8.count <= referenceBytesMaximum else {
            throw .invalid(
                "reference", "reference is what the bank shows of the payment, up to \(referenceBytesMaximum) bytes.",
                value: reference)
        }
        return reference
    }

    // MARK: Making

    private static func make(_ write: IdempotentWrite, _ services: Services) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                guard let batchID = try ManualBatchStore.make(by: write.actor, at: now, in: transaction) else {
                    return .json(["data": [ManualBatch]()])
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "make manual batch", subject: String(batchID),
                        detail: "{}"), in: transaction)
                let made = try ManualBatchStore.list(in: transaction).filter { $0.batchId == batchID }
                return .json(["data": made], status: .created)
            }
        }
    }

    private static func file(_ call: Call, _ services: Services) async throws -> Answer {
        let id = call.parameter("id")
        let text = try await services.pool.transaction { transaction throws(PostgresError) in
            try Int64(id).flatMap { batchID throws(PostgresError) in
                try ManualBatchStore.file(batchID, in: transaction)
            }
        }
        guard let text else { throw Problem.notFound("batch", id) }
        var answer = Answer(status: .ok, contentType: "text/csv; charset=utf-8", body: Array(text.utf8))
        answer.headers[.contentDisposition] = "attachment; filename=\"payouts-\(id).csv\""
        return answer
    }

    // MARK: Marking

    private enum Mark: Sendable {
        /// One person saw the payment, under this reference.
        case paid(String)
        /// A second one agrees.
        case agreed

        var action: String {
            switch self {
            case .paid: "mark manual batch paid"
            case .agreed: "confirm manual batch"
            }
        }

        var detail: String {
            var writer = JSONWriter()
            writer.object { writer in
                if case .paid(let reference) = self { writer.member("reference", reference) }
            }
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    private struct Marked: Encodable {
        let payouts: Int
    }

    private static func mark(_ call: Call, _ mark: Mark, _ services: Services) async throws -> Answer {
        let id = call.parameter("id")
        let write = try IdempotentWrite(call, route: "\(mark.action) \(id)", isRequired: true)
        return try await apply(mark, id, write, services)
    }

    private static func submit(
        _ call: Call, _ mark: Mark, done: String, _ services: Services
    ) async throws -> Answer {
        let id = call.parameter("id")
        let write = try IdempotentWrite(form: call, route: "\(mark.action) \(id)")
        let answer = try await apply(mark, id, write, services)
        return .redirect(after: answer, done: done, to: page)
    }

    private static func apply(
        _ mark: Mark, _ id: String, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        guard let batchID = Int64(id) else { throw Problem.notFound("batch", id) }
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let result =
                    switch mark {
                    case .paid(let reference):
                        try ManualBatchStore.markPaid(
                            batchID, reference: reference, by: write.actor, at: now, in: transaction)
                    case .agreed: try ManualBatchStore.confirm(batchID, by: write.actor, at: now, in: transaction)
                    }
                guard case .done(let payouts) = result else { return .problem(refusal(of: result, id)) }
                try AuditLog.append(
                    AuditEntry(at: now, actor: write.actor, action: mark.action, subject: id, detail: mark.detail),
                    in: transaction)
                return .json(Marked(payouts: payouts))
            }
        }
    }

    private static func refusal(of result: BatchMark, _ id: String) -> Problem {
        switch result {
        case .samePerson:
            Problem(
                .conflict, "same_person", "Who said that it is paid cannot be the one who agrees. Ask somebody else.",
                value: id)
        case .nothingWaits:
            Problem(.conflict, "nothing_waits", "Nothing of this batch waits for that.", value: id)
        case .notFound, .done: .notFound("batch", id)
        }
    }

    // MARK: The page

    private static func show(_ call: Call, _ services: Services) async throws -> Answer {
        let principal = try call.authenticated()
        return try await services.page("manual-batches", "Manual payouts", for: call) {
            transaction, _ throws(PostgresError) in
            ManualBatchesPage(
                rows: try ManualBatchStore.list(in: transaction).map(ManualBatchesPage.Row.init),
                canDecide: principal.permissions.contains(.decidePayouts),
                csrfToken: principal.session?.csrfToken ?? "")
        }
    }
}
