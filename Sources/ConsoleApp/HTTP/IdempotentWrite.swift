import Domain
import Events
import Hummingbird
import Postgres

/// A write under an `Idempotency-Key`: the first one is done and its answer kept, every later one gets that answer.
struct IdempotentWrite: Sendable {
    private static let keyCharactersMaximum = 255

    let actor: String
    /// nil: the client sent none, and every request is a first one.
    let key: String?
    let route: String
    let requestHash: UInt128

    /// - Parameters:
    ///   - isRequired: without a key the request is refused.
    ///   - content: what makes it this request; nil: its whole body, which must then hold no secret.
    init(_ call: Call, route: String, isRequired: Bool, content: [UInt8]? = nil) throws(Problem) {
        let key = call.request.headers[.idempotencyKey]
        if isRequired, key == nil {
            throw Problem(
                .badRequest, "idempotency_key_required",
                "This write needs the header Idempotency-Key, so that a repetition does not do it twice.")
        }
        if let key, key.isEmpty || key.count > IdempotentWrite.keyCharactersMaximum {
            throw Problem(
                .badRequest, "idempotency_key_invalid", "The header Idempotency-Key holds 1 to 255 characters.",
                value: key)
        }
        actor = try call.authenticated().actor
        self.key = key
        self.route = route
        requestHash = Identifier(hashing: route, Identifier(hashing: content ?? call.body).description).value
    }

    /// A form carries its key as a field, made anew with every page, so that a second click does nothing more.
    init(form call: Call, route: String) throws(Problem) {
        actor = try call.authenticated().actor
        key = call.form["idempotency_key"].map { String($0.prefix(IdempotentWrite.keyCharactersMaximum)) }
        self.route = route
        requestHash = Identifier(hashing: route).value
    }

    /// Does `work` unless its answer is known. Two requests with one key wait for each other.
    func answer(
        at now: Timestamp, in transaction: borrowing Transaction,
        _ work: (borrowing Transaction) throws(PostgresError) -> Answer
    ) throws(PostgresError) -> Answer {
        guard let key else { return try work(transaction) }
        _ = try transaction.run(
            "SELECT pg_advisory_xact_lock(hashtextextended('answer:' || $1 || ':' || $2, 0))", .text(actor),
            .text(key))
        if let known = try knownAnswer(key: key, in: transaction) { return known }
        let answer = try work(transaction)
        _ = try transaction.run(
            """
            INSERT INTO idempotent_answer (actor, key, route, request_hash, status, body, answered_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            """, .text(actor), .text(key), .text(route), .uuid(requestHash), .int4(Int32(answer.status.code)),
            .bytes(answer.body), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch))
        return answer
    }

    private func knownAnswer(key: String, in transaction: borrowing Transaction) throws(PostgresError) -> Answer? {
        let rows = try transaction.query(
            "SELECT request_hash, status, body FROM idempotent_answer WHERE actor = $1 AND key = $2", .text(actor),
            .text(key)
        ) { row in
            (hash: try row.uuid(0), status: try row.int4(1), body: try row.bytes(2))
        }
        guard let known = rows.first else { return nil }
        guard known.hash == requestHash else {
            return .problem(
                Problem(
                    .conflict, "idempotency_key_reused",
                    "This Idempotency-Key was used for another request. Use a new key for a new request.", value: key))
        }
        return Answer(
            status: .init(code: Int(known.status)),
            contentType: known.status < 400 ? "application/json" : "application/problem+json", body: known.body,
            headers: [.idempotencyReplayed: "true"])
    }
}
