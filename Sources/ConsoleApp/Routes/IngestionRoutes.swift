import Domain
import Events
import Hummingbird
import Outbox
import Postgres
import Storage

/// `POST /ingest-conversion`: events of a tracking service that does not speak Kafka.
enum IngestionRoutes {
    static func all(_ services: Services) -> [Route] {
        [.api(.post, "/ingest-conversion", .ingestEvents) { try await ingest($0, services) }]
    }

    private struct Result: Encodable, Sendable {
        let index: Int
        let eventId: String?
        let status: String
        var code: Int32?
        var sentence: String?
        var value: String?
    }

    private struct Document: Encodable {
        let accepted: Int
        let rejected: Int
        let results: [Result]
    }

    /// A problem that says of every event what was wrong with it.
    private struct Refusal: Encodable {
        let type = "urn:tributary:problem:no_event_accepted"
        let title = "Unprocessable Content"
        let status = 422
        let code = "no_event_accepted"
        let detail = "None of the events could be taken in; results says why."
        let results: [Result]
    }

    private static func ingest(_ call: Call, _ services: Services) async throws -> Answer {
        let contentType = call.request.headers[.contentType] ?? ""
        let batch = try EventBatch(call.body, isLines: contentType.contains("ndjson"))
        let write = try IdempotentWrite(call, route: "/ingest-conversion", isRequired: false)
        let now = services.now()
        let readings = batch.events.enumerated().map { judge($0.element, index: $0.offset, at: now) }
        let messages = readings.compactMap(\.message)
        let results = readings.map(\.result)
        guard !messages.isEmpty else {
            return Answer(
                status: .unprocessableContent, contentType: "application/problem+json",
                body: JSONText.encode(Refusal(results: results)))
        }
        let entry = AuditEntry(
            at: now, actor: write.actor, action: "ingest events", subject: TopicName.conversionsRaw,
            detail: "{\"accepted\": \(messages.count), \"rejected\": \(results.count - messages.count)}")
        let answer = try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                try OutboxStore.append(messages, to: Lane(emitter: Services.lane), in: transaction)
                try AuditLog.append(entry, in: transaction)
                return .json(
                    Document(
                        accepted: messages.count, rejected: results.count - messages.count, results: results),
                    status: .accepted)
            }
        }
        await services.wake()
        return answer
    }

    private static func judge(
        _ bytes: ArraySlice<UInt8>, index: Int, at now: Timestamp
    ) -> (result: Result, message: OutboxMessage?) {
        func rejected(_ code: ReasonCode, _ measured: String, eventID: String?) -> (Result, OutboxMessage?) {
            let result = Result(
                index: index, eventId: eventID, status: "rejected", code: code.rawValue, sentence: code.sentence,
                value: measured)
            return (result, nil)
        }
        switch TrackingEventReader.read(bytes) {
        case .event(let event):
            if let objection = event.timeObjection(at: now) {
                return rejected(objection, "occurred_at: \(event.occurredAt.rfc3339)", eventID: event.eventID)
            }
            let message = OutboxMessage(
                topic: TopicName.conversionsRaw, key: Array(event.recordKey.utf8),
                messageID: Identifier(hashing: "ingest", event.eventID, event.contentHash.description),
                payload: Array(bytes))
            return (Result(index: index, eventId: event.eventID, status: "accepted"), message)
        case .rejected(let rejection):
            return rejected(rejection.code, rejection.measured, eventID: rejection.eventID)
        case .unreadable(let code, let measured):
            return rejected(code, measured, eventID: nil)
        case .futureSchema(let major):
            return rejected(.mistypedField, "schema major \(major)", eventID: nil)
        }
    }
}
