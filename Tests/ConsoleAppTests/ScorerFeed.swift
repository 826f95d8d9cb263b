import Domain
import Events
import Kafka
import Postgres
import Stages
import WorkerRuntime

/// The scorer on a console's database, without a broker: what the console shows of records, a worker decided.
struct ScorerFeed: Sendable {
    let console: TestConsole

    /// Lets the scorer take records of partition 0.
    ///
    /// - Parameter first: the offset of the first.
    func take(_ records: [String], from first: Int64 = 0) async throws {
        let stage = ScoringStage(registersUnknown: false)
        let source = TopicPartition(topic: TopicName.conversionsRaw, partition: 0)
        let batch = records.enumerated().compactMap { offset, text -> Sourced<ScoringStage.Input>? in
            let record = Record(
                source: source, offset: first + Int64(offset), timestampMilliseconds: 0, key: nil,
                value: Array(text.utf8)[...])
            guard case .input(let input) = stage.decode(record) else { return nil }
            return Sourced(record: record, input: input)
        }
        let now = console.clock.now
        _ = try await console.pool.transaction { (transaction) throws(PostgresError) in
            try stage.apply(batch, in: transaction, at: now)
        }
    }

    /// An event whose other members are `more`, minutes before the console's now.
    func event(_ type: String, _ id: String, minutes: Int64, program: String = "shoes", _ more: String) -> String {
        let moment = console.clock.now.adding(seconds: -60 * minutes).rfc3339
        return """
            {"event_id": "\(id)", "type": "\(type)", "occurred_at": "\(moment)", "program_id": "\(program)", \(more)}
            """
    }

    func order(_ id: String, affiliate: String = "aff-2", minutes: Int64, event: String? = nil, _ more: String = "")
        -> String
    {
        self.event(
            "conversion", event ?? "e-" + id, minutes: minutes,
            #""order_id": "\#(id)", "affiliate_id": "\#(affiliate)", "amount_minor": 10000, "currency": "USD"\#(more)"#)
    }
}
