import DevKit
import Foundation
import Kafka
import Logging
import Postgres
import Testing

/// A record and what the documentation says becomes of it.
private struct BadRecord {
    let name: String
    let value: [UInt8]?
    let outcome: String
    var key: [UInt8]? = Array("a".utf8)
    var headers: [Header] = []
}

@Suite("Bad input through a real scorer", .timeLimit(.minutes(5)))
struct BadInputTests {
    /// A good order, or one with a member of another value or of none at all.
    private static func order(_ id: String, _ changes: [String: String?] = [:]) -> [UInt8] {
        var members: [String: String] = [
            "event_id": "\"e-\(id)\"", "type": "\"conversion\"", "occurred_at": "\"2026-03-04T12:00:00Z\"",
            "program_id": "\"p\"", "affiliate_id": "\"a\"", "order_id": "\"o-\(id)\"", "amount_minor": "1250",
            "currency": "\"EUR\"",
        ]
        for (name, value) in changes { members[name] = value }
        let text = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
        return Array("{\(text)}".utf8)
    }

    private static func spoilt(_ name: String, _ field: String, _ value: String?, _ outcome: String) -> BadRecord {
        BadRecord(name: name, value: order(name.replacing(" ", with: "-"), [field: value]), outcome: outcome)
    }

    private static let unreadable = [
        BadRecord(name: "no JSON", value: Array("WARN tracking: queue full".utf8), outcome: "dead 190"),
        BadRecord(name: "not UTF-8", value: order("x").map { $0 == 0x61 ? 0xFF : $0 }, outcome: "dead 191"),
        BadRecord(name: "truncated", value: Array(order("x").prefix(60)), outcome: "dead 190"),
        BadRecord(name: "null", value: nil, outcome: "dead 193"),
        BadRecord(name: "null without a key", value: nil, outcome: "dead 193", key: nil),
        BadRecord(name: "empty", value: [], outcome: "dead 193"),
        BadRecord(name: "a list", value: Array("[1, 2, 3]".utf8), outcome: "dead 192"),
        BadRecord(name: "2 MB", value: Array(repeating: 0x20, count: 2_000_000), outcome: "dead 194"),
        BadRecord(name: "nested", value: Array(repeating: 0x5B, count: 100_000), outcome: "dead 195"),
        BadRecord(
            name: "a key of 1.2 MB", value: Array("x".utf8), outcome: "dead 190",
            key: Array(repeating: 0x6B, count: 1_200_000)),
        BadRecord(
            name: "strange headers", value: Array("x".utf8), outcome: "dead 190",
            headers: [
                Header(name: "", value: []), Header(name: "binary", value: [0, 0xFF, 0x80]),
                Header(name: "long", value: Array(repeating: 0x68, count: 950_000)),
                Header(name: "replay-count", value: Array("many".utf8)),
            ]),
    ]

    private static let missing = [
        "event_id", "type", "occurred_at", "program_id", "order_id", "amount_minor", "currency",
    ]
    .map { spoilt("without \($0)", $0, nil, "rejected 101") }

    private static let refused = [
        spoilt("mistyped amount", "amount_minor", "\"12.50\"", "rejected 102"),
        spoilt("fraction", "amount_minor", "12.5", "rejected 102"),
        spoilt("mistyped id", "event_id", "7", "rejected 102"),
        spoilt("mistyped affiliate", "affiliate_id", "{}", "rejected 102"),
        spoilt("mistyped version", "major", "\"2\"", "rejected 102"),
        spoilt("zero character", "sub_id", "\"a\\u0000b\"", "rejected 102"),
        spoilt("far future", "occurred_at", "\"2099-01-01T00:00:00Z\"", "rejected 103"),
        spoilt("last year", "occurred_at", "\"9999-12-31T23:59:59Z\"", "rejected 103"),
        spoilt("unknown type", "type", "\"impression\"", "rejected 104"),
        spoilt("long id", "event_id", "\"" + String(repeating: "e", count: 65) + "\"", "rejected 105"),
        spoilt("first year", "occurred_at", "\"0001-01-01T00:00:00Z\"", "rejected 108"),
        spoilt("no date", "occurred_at", "\"2026-02-30T00:00:00Z\"", "rejected 106"),
        spoilt("year zero", "occurred_at", "\"0001-01-01T00:00:00+01:00\"", "rejected 106"),
        spoilt("no quantity", "quantity", "0", "rejected 107"),
        spoilt("nobody", "affiliate_id", nil, "rejected 201"),
        spoilt("negative amount", "amount_minor", "-1", "rejected 601"),
        spoilt("large amount", "amount_minor", "1000000000001", "rejected 602"),
        spoilt("overflow", "amount_minor", String(repeating: "9", count: 30), "rejected 602"),
        spoilt("unknown currency", "currency", "\"QQQ\"", "rejected 603"),
    ]

    /// Odd, and good all the same.
    private static let odd = [
        spoilt("largest amount", "amount_minor", "1000000000000", "accepted"),
        spoilt("long names", "sub_id", "\"" + String(repeating: "😀", count: 256) + "\"", "accepted"),
        spoilt("unknown member", "items", "[{\"sku\": null}]", "accepted"),
        BadRecord(name: "no key", value: order("keyless"), outcome: "accepted", key: nil),
        BadRecord(
            name: "CloudEvents",
            value: Array("{\"specversion\": \"1.0\", \"data\": ".utf8) + order("cloud") + Array("}".utf8),
            outcome: "accepted"),
        BadRecord(
            name: "a refund without its order", value: order("early", ["type": "\"refund\""]), outcome: "parked"),
    ]

    @Test("Each bad record gets its documented outcome, its neighbours go through, and the scorer lives on")
    func outcomes() async throws {
        let records = BadInputTests.unreadable + BadInputTests.missing + BadInputTests.refused + BadInputTests.odd
        var messages: [OutgoingMessage] = []
        for (number, record) in records.enumerated() {
            messages.append(BadInputTests.message(BadInputTests.order("good-\(number)"), partition: 0))
            messages.append(
                OutgoingMessage(
                    topic: "conversions.raw", key: record.key, value: record.value, headers: record.headers,
                    partition: 0))
        }
        messages.append(BadInputTests.message(BadInputTests.order("last"), partition: 0))
        let future = [
            BadInputTests.order("f-1"), BadInputTests.order("f-2", ["major": "2"]), BadInputTests.order("f-3"),
        ]
        messages += future.map { BadInputTests.message($0, partition: 1) }

        let run = try await ScoringFleet.start()
        try await run.publish(messages)
        let scorer = try await run.startScorer()
        try await wait(for: "both partitions to be read as far as they can be", within: .seconds(60)) {
            let held = try await run.count(
                """
                SELECT next_offset FROM stream_offset WHERE partition = 1 AND mode = 'held'
                    AND hold_reason = 'future-schema' AND hold_detail LIKE 'offset 1 %'
                """)
            let read = try await run.count(
                "SELECT next_offset FROM stream_offset WHERE topic = 'conversions.raw' AND partition = 0")
            return held == 1 && read == Int64(2 * records.count + 1)
        }
        try await wait(for: "every message and dead letter to be on its topic", within: .seconds(30)) {
            try await run.count("SELECT sum(next_out_seq - published_upto)::int8 FROM stream_offset") == 0
        }
        let outcomes = try await BadInputTests.outcomes(in: run)
        for (number, record) in records.enumerated() {
            #expect(outcomes[0]?[2 * Int64(number)] == "accepted", "before \(record.name)")
            #expect(outcomes[0]?[2 * Int64(number) + 1] == record.outcome, "\(record.name)")
        }
        #expect(outcomes[0]?[2 * Int64(records.count)] == "accepted")
        #expect(outcomes[1] == [0: "accepted"])
        let dead = records.count { $0.outcome.hasPrefix("dead") }
        #expect(try await BadInputTests.deadLettersOnTopic(run) == Int64(dead))
        #expect(await scorer.ended == nil)
        #expect(await run.fleet.stop(scorer, signal: 15) == .exited(0))
        try await run.stop()
    }

    private static func message(_ value: [UInt8], partition: Int32) -> OutgoingMessage {
        OutgoingMessage(topic: "conversions.raw", key: Array("a".utf8), value: value, partition: partition)
    }

    private static func deadLettersOnTopic(_ run: ScoringFleet) async throws -> Int64? {
        let admin = try KafkaAdmin(run.kafka, clientID: "fleet-test", logger: Logger(label: "fleet-test"))
        let topic = TopicPartition(topic: "conversions.raw.dlq", partition: 0)
        let end = try await admin.watermarks([topic])[topic]?.high
        await admin.close()
        return end
    }

    /// What became of every record, by partition and offset.
    private static func outcomes(in run: ScoringFleet) async throws -> [Int32: [Int64: String]] {
        let rows = try await run.database.pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query(
                """
                SELECT topic_partition, record_offset, CASE WHEN parked THEN 'parked' ELSE 'accepted' END FROM event
                UNION ALL SELECT topic_partition, record_offset, concat_ws(' ', outcome, code) FROM intake_exception
                UNION ALL SELECT partition, record_offset, concat_ws(' ', 'dead', error_code) FROM dead_letter
                """
            ) { row in (partition: try row.int4(0), offset: try row.int8(1), outcome: try row.text(2)) }
        }
        return Dictionary(grouping: rows, by: \.partition).mapValues { rows in
            Dictionary(rows.map { ($0.offset, $0.outcome) }) { "\($0) and \($1)" }
        }
    }
}
