import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Files of events as comma-separated values: handed in, looked at, confirmed.
enum ImportRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.post, "/imports", .ingestEvents) { try await check($0, services) }
                .taking(bytes: ImportFile.bytesMaximum),
            .api(.get, "/imports", .ingestEvents) { try await list($0, services) },
            .api(.get, "/imports/{id}", .ingestEvents) { call in
                .json(try await document(try identifier(call), .asked, services))
            },
            .api(.post, "/imports/{id}/confirm", .ingestEvents) { call in
                try await decide(.confirm, try identifier(call), try write(call), services)
            },
            .api(.post, "/imports/{id}/discard", .ingestEvents) { call in
                try await decide(.discard, try identifier(call), try write(call), services)
            },
            Route(method: .get, path: "/imports/{id}/errors.csv", kind: .api, permission: .ingestEvents) { call in
                try await errors(try identifier(call), outcome: try outcome(call), services)
            },
        ]
    }

    static func identifier(_ call: Call) throws(Problem) -> Identifier {
        let text = call.parameter("id")
        guard let identifier = Identifier(text: text) else { throw .notFound("import", text) }
        return identifier
    }

    private static func write(_ call: Call) throws(Problem) -> IdempotentWrite {
        try IdempotentWrite(call, route: call.request.uri.path, isRequired: false)
    }

    // MARK: Handing in

    /// A file and what its uploader says of it.
    struct HandedIn: Sendable {
        let file: ImportFile
        let name: String
        let mapping: [String: String]

        init(_ bytes: [UInt8], name: String?, mapping pairs: [String]) throws(Problem) {
            do throws(ImportFile.Refusal) {
                mapping = try ImportFile.mapping(pairs)
                file = try ImportFile(bytes, mapping: mapping)
            } catch {
                let isTooLarge = error.code == ImportFile.tooLarge.code
                throw Problem(
                    isTooLarge ? .contentTooLarge : .unprocessableContent, error.code, error.sentence)
            }
            self.name = name ?? "without a name"
        }
    }

    private static func check(_ call: Call, _ services: Services) async throws -> Answer {
        if call.request.headers[.contentType]?.lowercased().hasPrefix("multipart/") ?? false {
            throw Problem(
                .unsupportedMediaType, "not_a_file",
                "The body is the file itself: curl --data-binary @orders.csv -H 'Content-Type: text/csv'.")
        }
        let handedIn = try HandedIn(call.body, name: call.query["name"], mapping: call.query.values("map"))
        let write = try IdempotentWrite(call, route: "/imports \(handedIn.file.id)", isRequired: false)
        return try await check(handedIn, write, services)
    }

    static func check(
        _ handedIn: HandedIn, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let receipt = try ImportStore.check(
                    handedIn.file, name: handedIn.name, mapping: handedIn.mapping, by: write.actor, at: now,
                    in: transaction)
                switch receipt {
                case .checked(let record):
                    return .json(try ImportDocument(record, .checked, in: transaction), status: .created)
                case .known(let record): return .json(try ImportDocument(record, .handedInBefore, in: transaction))
                case .tooManyOpen:
                    return .problem(
                        Problem(
                            .conflict, "too_many_open_imports",
                            "Other imports wait for a decision. Confirm or discard some of them first.",
                            value: String(ImportStore.openMaximum)))
                }
            }
        }
    }

    // MARK: Reading

    private static func list(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, last) = (try call.query.limit(), try place(call.query))
        let records = try await services.pool.transaction { transaction throws(PostgresError) in
            try ImportStore.list(limit: limit + 1, after: last, in: transaction)
        }
        return .json(Listing(records.map(ImportRow.init), limit: limit, cursor: \.cursor))
    }

    static func place(_ query: Form) throws(Problem) -> ImportStore.Place? {
        guard let cursor = try query.cursor(count: 2) else { return nil }
        guard let moment = Int64(cursor.fields[0]), let importID = Identifier(text: cursor.fields[1]) else {
            throw .invalid("cursor", "cursor is the next_cursor of the page before.", value: query["cursor"])
        }
        return (Timestamp(microsecondsSinceEpoch: moment), importID)
    }

    private static func document(
        _ importID: Identifier, _ occasion: ImportDocument.Occasion, _ services: Services
    ) async throws -> ImportDocument {
        let document = try await services.pool.transaction { transaction throws(PostgresError) in
            try ImportStore.load(importID, in: transaction).map { record throws(PostgresError) in
                try ImportDocument(record, occasion, in: transaction)
            }
        }
        guard let document else { throw Problem.notFound("import", importID.description) }
        return document
    }

    private static func outcome(_ call: Call) throws -> ImportFinding.Outcome {
        let words = ImportFinding.Outcome.allCases.map(\.rawValue)
        return try call.query.choice("outcome", of: words).flatMap(ImportFinding.Outcome.init) ?? .bad
    }

    /// The rows of one outcome, sent while they are read.
    private static func errors(
        _ importID: Identifier, outcome: ImportFinding.Outcome, _ services: Services
    ) async throws -> Response {
        let record = try await services.pool.transaction { transaction throws(PostgresError) in
            try ImportStore.load(importID, in: transaction)
        }
        guard let record else { throw Problem.notFound("import", importID.description) }
        let pool = services.pool
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"import-\(importID)-\(outcome.rawValue).csv\"",
            ],
            body: ResponseBody { writer in
                var file = ImportErrorFile(record)
                var line: Int32? = 0
                while let after = line {
                    let findings = try await pool.transaction { transaction throws(PostgresError) in
                        try ImportFindings.load(
                            outcome, of: importID, after: after, limit: ImportFindings.chunkRows, in: transaction)
                    }
                    file.add(findings)
                    try await writer.write(ByteBuffer(bytes: file.take()))
                    line = findings.last?.line
                }
                try await writer.finish(nil)
            })
    }

    // MARK: Decisions

    enum Decision: Sendable {
        case confirm, discard
    }

    static func decide(
        _ decision: Decision, _ importID: Identifier, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let result =
                    switch decision {
                    case .confirm: try ImportStore.confirm(importID, by: write.actor, at: now, in: transaction)
                    case .discard: try ImportStore.discard(importID, by: write.actor, at: now, in: transaction)
                    }
                switch (result, decision) {
                case (.decided(let record), .confirm):
                    return .json(try ImportDocument(record, .confirmed, in: transaction), status: .accepted)
                case (.decided(let record), .discard):
                    return .json(try ImportDocument(record, .asked, in: transaction))
                case (.repeated(let record), _):
                    return .json(try ImportDocument(record, .decidedBefore, in: transaction))
                case (.refused(let record), _): return .problem(refusal(record))
                case (.unknown, _): return .problem(.notFound("import", importID.description))
                }
            }
        }
    }

    private static func refusal(_ record: ImportRecord) -> Problem {
        let isConfirmed = record.state == .publishing || record.state == .done
        return Problem(
            .conflict, "import_" + record.state.rawValue,
            isConfirmed
                ? "The import is confirmed: its rows are events now. Take them back by refunds."
                : "The import was \(record.state.rawValue) and its rows are forgotten. Hand the file in again.",
            value: record.importID.description)
    }
}
