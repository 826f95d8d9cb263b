import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The pages about files of events and their forms.
enum ImportPageRoutes {
    private static let list = "/console/imports"
    /// Around the file, the other parts of the form.
    private static let formBytesMaximum = MultipartForm.partsMaximum * MultipartForm.fieldBytesMaximum

    static func all(_ services: Services) -> [Route] {
        [
            .page(list, .ingestEvents) { try await imports($0, error: nil, services) },
            .form(list, .ingestEvents) { try await check($0, services) }
                .taking(bytes: ImportFile.bytesMaximum + formBytesMaximum),
            .page(list + "/{id}", .ingestEvents) { try await detail($0, services) },
            .form(list + "/{id}/confirm", .ingestEvents) { try await decide(.confirm, $0, services) },
            .form(list + "/{id}/discard", .ingestEvents) { try await decide(.discard, $0, services) },
        ]
    }

    private static func imports(_ call: Call, error: Problem?, _ services: Services) async throws -> Answer {
        let (limit, last) = (try call.query.limit(), try ImportRoutes.place(call.query))
        let csrfToken = try call.authenticated().session?.csrfToken ?? ""
        let mapping = call.request.method == .post ? call.form["mapping"] : nil
        let page = try await services.page("imports", "Imports", for: call) { transaction, _ throws(PostgresError) in
            let records = try ImportStore.list(limit: limit + 1, after: last, in: transaction)
            let listing = Listing(records.map(ImportRow.init), limit: limit, cursor: \.cursor)
            return ImportsPage(
                rows: listing.data.map(ImportsPage.Row.init),
                next: listing.nextCursor.map { list + PercentEncoding.query(["cursor": $0]) },
                error: error?.sentence, mapping: mapping ?? "", isMapped: mapping != nil, csrfToken: csrfToken)
        }
        return error.map { Answer(status: $0.status, contentType: page.contentType, body: page.body) } ?? page
    }

    /// A file that is refused leaves the person on the page, with the sentence that says why.
    private static func check(_ call: Call, _ services: Services) async throws -> Answer {
        do {
            guard let file = call.upload?.file("file") else {
                throw Problem(.badRequest, "file_missing", "Choose a file first.")
            }
            let lines = (call.form["mapping"] ?? "").split(whereSeparator: \.isNewline).map(String.init)
            let mapping = lines.filter { !$0.allSatisfy(\.isWhitespace) }
            let handedIn = try ImportRoutes.HandedIn(Array(file.bytes), name: file.name, mapping: mapping)
            let write = try IdempotentWrite(form: call, route: "/imports \(handedIn.file.id)")
            let answer = try await ImportRoutes.check(handedIn, write, services)
            guard answer.status.code < 400 else {
                let refusal = JSONTree(answer.body[...])
                throw Problem(
                    answer.status, refusal?["code"]?.string ?? "refused", refusal?["detail"]?.string ?? "Refused.")
            }
            return .redirect(
                after: answer, done: answer.status == .created ? "import-checked" : "import-known",
                to: "\(list)/\(handedIn.file.id)")
        } catch let problem as Problem {
            return try await imports(call, error: problem, services)
        }
    }

    private static func detail(_ call: Call, _ services: Services) async throws -> Answer {
        let importID = try ImportRoutes.identifier(call)
        let csrfToken = try call.authenticated().session?.csrfToken ?? ""
        let found = try await services.pool.transaction { transaction throws(PostgresError) in
            try ImportStore.load(importID, in: transaction).map { record throws(PostgresError) in
                try ImportDocument(record, .asked, in: transaction)
            }
        }
        guard let document = found else { throw Problem.notFound("import", importID.description) }
        return try await services.page("import", document.import.fileName, for: call) { _, _ in
            ImportPage(document, csrfToken: csrfToken)
        }
    }

    private static func decide(
        _ decision: ImportRoutes.Decision, _ call: Call, _ services: Services
    ) async throws -> Answer {
        let importID = try ImportRoutes.identifier(call)
        let write = try IdempotentWrite(form: call, route: "\(decision) \(importID)")
        let answer = try await ImportRoutes.decide(decision, importID, write, services)
        let isDone = decision == .discard || answer.status == .accepted
        let done = decision == .confirm ? "import-confirmed" : "import-discarded"
        return .redirect(after: answer, done: isDone ? done : "import-decided", to: "\(list)/\(importID)")
    }
}
