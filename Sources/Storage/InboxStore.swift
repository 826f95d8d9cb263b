public import Domain
public import Postgres

/// The messages that a worker group took in, for effects that have no row of their own to be told by.
public enum InboxStore {
    /// What a message turned out to be.
    public enum Admission: String, Sendable {
        case new
        /// Taken in before, with the same bytes.
        case duplicate
        /// Taken in before under this id, with other bytes: somebody broke the rule that an id is a hash of its cause.
        case conflict
    }

    /// Takes messages in.
    ///
    /// - Parameter messages: ids and hashes of the bytes, in the order in which they came; ids may repeat.
    /// - Returns: what each is, in the order of `messages`.
    public static func admit(
        _ messages: [(id: Identifier, contentHash: Identifier)], group: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Admission] {
        var firstHash: [Identifier: Identifier] = [:]
        for message in messages where firstHash[message.id] == nil { firstHash[message.id] = message.contentHash }
        // In one order everywhere, so that two groups' members wait for each other instead of deadlocking.
        let first = firstHash.sorted { $0.key < $1.key }
        let inserted = try transaction.query(
            """
            INSERT INTO inbox (worker_group, message_id, payload_hash, received_at)
            SELECT $1, m.message_id, m.payload_hash, $4
            FROM unnest($2::uuid[], $3::uuid[]) AS m (message_id, payload_hash)
            ON CONFLICT (worker_group, message_id) DO NOTHING RETURNING message_id
            """, .text(group), .uuids(first.map(\.key.value)), .uuids(first.map(\.value.value)),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in try row.identifier(0) }
        var unseen = Set(inserted)
        let seen = first.map(\.key).filter { !unseen.contains($0) }
        for (id, hash) in try storedHashes(of: seen, group: group, in: transaction) { firstHash[id] = hash }
        return messages.map { message in
            if firstHash[message.id] != message.contentHash { return .conflict }
            return unseen.remove(message.id) == nil ? .duplicate : .new
        }
    }

    private static func storedHashes(
        of messageIDs: [Identifier], group: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [(Identifier, Identifier)] {
        guard !messageIDs.isEmpty else { return [] }
        return try transaction.query(
            "SELECT message_id, payload_hash FROM inbox WHERE worker_group = $1 AND message_id = ANY ($2::uuid[])",
            .text(group), .uuids(messageIDs.map(\.value))
        ) { (try $0.identifier(0), try $0.identifier(1)) }
    }
}
