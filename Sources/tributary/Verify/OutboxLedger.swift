import Domain
import Postgres

/// The messages that committed transactions owe to the topics, found again by their hash.
struct OutboxLedger: Sendable {
    struct Row: Sendable {
        let lane: Int64
        let sequence: Int64
        let isPublished: Bool
        var isSeen = false
    }

    private(set) var rows: [Row] = []
    /// What was written before may have been forgotten.
    private(set) var keptSince = Timestamp(secondsSinceEpoch: 0)
    /// Indices of `rows` by topic and hash, in order; several where messages say the same.
    private var places: [String: [Identifier: [Int]]] = [:]

    var topics: [String] { places.keys.sorted() }

    /// Loads every message that is still kept.
    static func load(in transaction: borrowing Transaction) throws(PostgresError) -> OutboxLedger {
        var ledger = OutboxLedger()
        let since = try transaction.query(
            """
            SELECT now() - make_interval(days => keep_days) FROM retention_policy WHERE subject = 'outbox'
            """
        ) { row in Timestamp(microsecondsSinceEpoch: try row.timestamp(0)) }
        ledger.keptSince = since.first ?? ledger.keptSince
        let kept = try transaction.query(
            """
            SELECT s.lane, o.out_seq, o.out_seq < s.published_upto, o.out_topic, o.payload_hash
            FROM outbox o JOIN (
                SELECT *, row_number() OVER (ORDER BY worker_group, topic, partition) AS lane FROM stream_offset) s
                USING (worker_group, topic, partition)
            ORDER BY s.lane, o.out_seq
            """
        ) { row in
            (
                Row(lane: try row.int8(0), sequence: try row.int8(1), isPublished: try row.bool(2)),
                try row.text(3), Identifier(try row.uuid(4))
            )
        }
        for (row, topic, hash) in kept {
            ledger.places[topic, default: [:]][hash, default: []].append(ledger.rows.count)
            ledger.rows.append(row)
        }
        return ledger
    }

    /// What a record with this hash says about the ledger.
    enum Sighting {
        case unknown
        /// The first time that this row is seen.
        case first(Row)
        /// Seen before, or one of several rows that say the same.
        case again
    }

    mutating func see(_ hash: Identifier, on topic: String) -> Sighting {
        guard let indices = places[topic]?[hash] else { return .unknown }
        guard let index = indices.first(where: { !rows[$0].isSeen }) else { return .again }
        rows[index].isSeen = true
        return indices.count == 1 ? .first(rows[index]) : .again
    }

    /// How many published messages of a topic nobody has seen on it.
    func missing(on topic: String) -> Int {
        (places[topic] ?? [:]).values.joined().count { rows[$0].isPublished && !rows[$0].isSeen }
    }

    func published(on topic: String) -> Int {
        (places[topic] ?? [:]).values.joined().count { rows[$0].isPublished }
    }
}
