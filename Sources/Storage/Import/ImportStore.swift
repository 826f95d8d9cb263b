public import Domain
public import Events
import Outbox
public import Postgres

/// Files of events: checked, confirmed by somebody, put on the topic.
public enum ImportStore {
    /// What a file that was handed in turned out to be.
    public enum Receipt: Sendable {
        case checked(ImportRecord)
        /// The same bytes with the same meaning came before.
        case known(ImportRecord)
        /// Others must be confirmed or discarded first.
        case tooManyOpen
    }

    /// What a decision about an import came to.
    public enum Decision: Sendable {
        case decided(ImportRecord)
        /// It was decided so before.
        case repeated(ImportRecord)
        /// It stands where it cannot be decided so.
        case refused(ImportRecord)
        case unknown
    }

    /// Checked imports that nobody decided about, with their rows.
    public static let openMaximum: Int64 = 20
    /// After so long without a decision an import expires; its rows are forgotten, its name is not.
    public static let openSecondsMaximum: Int64 = 7 * 86_400
    /// So long after the check its findings can be asked for.
    public static let findingSecondsMaximum: Int64 = 90 * 86_400
    private static let chunkRows = 2_000
    private static let nameLengthMaximum = 200

    // MARK: Check

    /// Looks at every row of a file, and keeps the new ones for a confirmation. Nothing else is written.
    ///
    /// - Parameters:
    ///   - name: what the uploader calls it.
    ///   - mapping: what the file was read with.
    public static func check(
        _ file: ImportFile, name: String, mapping: [String: String], by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Receipt {
        try forget(at: now, in: transaction)
        if let known = try load(file.id, in: transaction), known.state.isKnown { return .known(known) }
        guard try openImports(in: transaction) < openMaximum else { return .tooManyOpen }
        guard try register(file, name: name, mapping: mapping, by: actor, at: now, in: transaction) else {
            // Somebody else handed it in at this moment.
            return try load(file.id, in: transaction).map { .known($0) } ?? .tooManyOpen
        }
        let counts = try judge(file, at: now, in: transaction)
        try transaction.run(
            "UPDATE import SET new_rows = $2, duplicate_rows = $3, bad_rows = $4 WHERE import_id = $1",
            .uuid(file.id.value), .int4(counts.new), .int4(counts.duplicate), .int4(counts.bad))
        var detail = JSONWriter()
        detail.object { writer in
            writer.member("file", name)
            writer.member("new", Int64(counts.new))
            writer.member("duplicate", Int64(counts.duplicate))
            writer.member("bad", Int64(counts.bad))
        }
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: "check import", subject: file.id.description,
                detail: String(decoding: detail.bytes, as: UTF8.self)), in: transaction)
        guard let record = try load(file.id, in: transaction) else {
            throw .rollback("an import vanished while it was checked")
        }
        return .checked(record)
    }

    private static func openImports(in transaction: borrowing Transaction) throws(PostgresError) -> Int64 {
        try transaction.query("SELECT count(*) FROM import WHERE state = 'checked'") { row in try row.int8(0) }.first
            ?? 0
    }

    /// - Returns: false if it is registered already. Waits for whoever registers it at this moment.
    private static func register(
        _ file: ImportFile, name: String, mapping: [String: String], by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        var meaning = JSONWriter()
        meaning.object { writer in
            for (title, field) in mapping.sorted(by: { $0.key < $1.key }) {
                writer.name(text: title.storable)
                writer.string(field.storable)
            }
        }
        return try transaction.run(
            """
            INSERT INTO import (import_id, file_name, size_bytes, delimiter, titles, mapping, state, created_by,
                created_at)
            VALUES ($1, $2, $3, $4, $5, $6, 'checked', $7, $8)
            ON CONFLICT (import_id) DO UPDATE SET state = 'checked', file_name = excluded.file_name,
                created_by = excluded.created_by, created_at = excluded.created_at, ended_at = NULL
            WHERE import.state IN ('discarded', 'expired')
            """, .uuid(file.id.value), .text(String(name.storable.prefix(nameLengthMaximum))),
            .int8(Int64(file.sizeBytes)), .text(file.delimiter.name), .texts(file.titles.map(\.storable)),
            .jsonb(String(decoding: meaning.bytes, as: UTF8.self)), .text(actor),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)) == 1
    }

    private struct Counts {
        var new: Int32 = 0
        var duplicate: Int32 = 0
        var bad: Int32 = 0
    }

    private static func judge(
        _ file: ImportFile, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Counts {
        var rows = file.rows()
        var judge = ImportJudge(file, at: now)
        var counts = Counts()
        while true {
            var chunk: [ImportedRow] = []
            chunk.reserveCapacity(chunkRows)
            while chunk.count < chunkRows, let row = rows.next() { chunk.append(row) }
            guard !chunk.isEmpty else { return counts }
            let known = try ImportJudge.Known(chunk.compactMap(\.event), in: transaction)
            var new: [(event: TrackingEvent, payload: [UInt8])] = []
            var findings: [ImportFinding] = []
            for row in chunk {
                switch judge.judge(row, known) {
                case .new(let event, let payload): new.append((event, payload))
                case .finding(let finding): findings.append(finding)
                }
            }
            try write(new, of: file.id, from: counts.new, in: transaction)
            try ImportFindings.write(findings, of: file.id, in: transaction)
            let bad = findings.count { $0.outcome == .bad }
            counts.new += Int32(new.count)
            counts.bad += Int32(bad)
            counts.duplicate += Int32(findings.count - bad)
        }
    }

    private static func write(
        _ new: [(event: TrackingEvent, payload: [UInt8])], of importID: Identifier, from first: Int32,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !new.isEmpty else { return }
        try transaction.copy(
            into: "COPY import_row (import_id, row_number, record_key, payload) FROM STDIN (FORMAT binary)"
        ) { writer in
            for (position, row) in new.enumerated() {
                writer.beginRow(columns: 4)
                writer.uuid(importID.value)
                writer.int4(first + Int32(position))
                writer.text(row.event.recordKey)
                writer.bytes(row.payload)
            }
        }
    }

    // MARK: Decisions

    /// Lets the new rows of an import go to the topic. `ImportPublishing` takes them there.
    public static func confirm(
        _ importID: Identifier, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Decision {
        try expire(at: now, in: transaction)
        let isDecided =
            try transaction.run(
                """
                UPDATE import SET state = 'publishing', confirmed_by = $2, confirmed_at = $3
                WHERE import_id = $1 AND state = 'checked'
                """, .uuid(importID.value), .text(actor),
                .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)) == 1
        return try decision(
            importID, isDecided: isDecided, repeats: [.publishing, .done], action: "confirm import", by: actor, at: now,
            in: transaction)
    }

    /// Forgets the rows of an import that nobody confirmed.
    public static func discard(
        _ importID: Identifier, by actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Decision {
        let isDecided =
            try transaction.run(
                "UPDATE import SET state = 'discarded', ended_at = $2 WHERE import_id = $1 AND state = 'checked'",
                .uuid(importID.value), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)) == 1
        if isDecided { try deleteRows(of: [importID], in: transaction) }
        return try decision(
            importID, isDecided: isDecided, repeats: [.discarded], action: "discard import", by: actor, at: now,
            in: transaction)
    }

    private static func decision(
        _ importID: Identifier, isDecided: Bool, repeats: [ImportState], action: String, by actor: String,
        at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Decision {
        guard let record = try load(importID, in: transaction) else { return .unknown }
        guard isDecided else { return repeats.contains(record.state) ? .repeated(record) : .refused(record) }
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: action, subject: importID.description,
                detail: "{\"new\": \(record.newRows)}"), in: transaction)
        return .decided(record)
    }

    /// Ends imports that waited too long for a decision, and forgets findings that nobody needs any more.
    public static func forget(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        try expire(at: now, in: transaction)
        try transaction.run(
            """
            DELETE FROM import_finding WHERE import_id IN (
                SELECT import_id FROM import WHERE created_at <= $1 AND duplicate_rows + bad_rows > 0)
            """,
            .timestamp(microsecondsSinceEpoch: now.adding(seconds: -findingSecondsMaximum).microsecondsSinceEpoch))
    }

    private static func expire(at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
        let expired = try transaction.query(
            """
            UPDATE import SET state = 'expired', ended_at = $1 WHERE state = 'checked' AND created_at <= $2
            RETURNING import_id
            """, .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: now.adding(seconds: -openSecondsMaximum).microsecondsSinceEpoch)
        ) { row throws(PostgresError) in try row.identifier(0) }
        try deleteRows(of: expired, in: transaction)
    }

    private static func deleteRows(
        of imports: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !imports.isEmpty else { return }
        let keys = PostgresValue.uuids(imports.map(\.value))
        try transaction.run("DELETE FROM import_row WHERE import_id = ANY($1)", keys)
        try transaction.run("DELETE FROM import_finding WHERE import_id = ANY($1)", keys)
    }

    // MARK: Reading

    public static func load(
        _ importID: Identifier, in transaction: borrowing Transaction
    ) throws(PostgresError) -> ImportRecord? {
        try records(importID, after: nil, limit: 1, in: transaction).first
    }

    /// Where the next page of the list begins.
    public typealias Place = (createdAt: Timestamp, importID: Identifier)

    /// - Parameter last: the last one of the page before.
    /// - Returns: latest first.
    public static func list(
        limit: Int, after last: Place?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ImportRecord] {
        try records(nil, after: last, limit: limit, in: transaction)
    }

    private static func records(
        _ importID: Identifier?, after last: Place?, limit: Int, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [ImportRecord] {
        try transaction.query(
            """
            SELECT import_id, file_name, size_bytes, delimiter, titles, state, new_rows, duplicate_rows, bad_rows,
                published_rows, created_by, created_at, confirmed_by, confirmed_at, ended_at,
                state = 'done' AND COALESCE(last_out_seq <= s.published_upto, new_rows = 0)
            FROM import LEFT JOIN stream_offset s ON s.worker_group = $1 AND s.topic = '' AND s.partition = 0
            WHERE ($2::uuid IS NULL OR import_id = $2)
                AND ($3::timestamptz IS NULL OR (created_at, import_id) < ($3, $4::uuid))
            ORDER BY created_at DESC, import_id DESC LIMIT $5
            """, .text(ImportPublishing.lane.workerGroup), .optionalUUID(importID?.value),
            .optionalTimestamp(last?.createdAt.microsecondsSinceEpoch), .optionalUUID(last?.importID.value),
            .int8(Int64(limit))
        ) { row throws(PostgresError) in try ImportRecord(row) }
    }
}

extension ImportState {
    /// Whether the same file, handed in again, changes nothing.
    fileprivate var isKnown: Bool { self != .discarded && self != .expired }
}

extension ImportedRow {
    /// nil for a bad row.
    fileprivate var event: TrackingEvent? {
        if case .event(let event, _, _) = reading { event } else { nil }
    }
}

extension ImportJudge.Known {
    /// Loads what is known of a chunk, one query per table.
    fileprivate init(_ events: [TrackingEvent], in transaction: borrowing Transaction) throws(PostgresError) {
        guard !events.isEmpty else { return }
        func keys(_ kinds: Set<TrackingEvent.Kind>, _ key: (TrackingEvent) -> Identifier?) -> [Identifier] {
            Set(events.filter { kinds.contains($0.kind) }.compactMap(key)).sorted()
        }
        self.events = try TrackingLoad.events(Set(events.map(\.monthKey)).sorted(), in: transaction)
        let clicks = try TrackingLoad.knownClicks(
            Set(events.filter { $0.kind == .click }.compactMap(\.clickMonthKey)).sorted(), in: transaction)
        let orders = try TrackingLoad.knownConversions(keys([.conversion]) { $0.conversionID }, in: transaction)
        let refunds = try RefundLoad.refunds(
            keys([.refund, .chargeback, .refundReversal]) { $0.refundKey }, in: transaction)
        subjects = Set(clicks.map { ImportJudge.Subject(click: $0) })
        subjects.formUnion(orders.map { ImportJudge.Subject(kind: .conversion, key: $0) })
        subjects.formUnion(refunds.keys.map { ImportJudge.Subject(kind: .refund, key: $0) })
        for (key, refund) in refunds where refund.isReversed {
            subjects.insert(ImportJudge.Subject(kind: .refundReversal, key: key))
        }
    }
}
