public import Domain
import Events
public import Postgres

/// What-ifs that an admin accepted, and the orders that they correct.
public enum RuleCorrectionStore {
    /// An accepted what-if.
    public struct Accepted: Hashable, Sendable {
        public let ruleCorrectionID: Int64
        public let programID: String
        /// The programme's, with the versions that price.
        public let rulesVersion: Int32
        /// Of what the dry run said.
        public let digest: Identifier
        public let reason: String
        public let acceptedBy: String
        public let acceptedAt: Timestamp
        public let orders: Int32
        /// Orders that are still to be corrected.
        public let waiting: Int64
    }

    /// An order of an accepted what-if.
    public struct Order: Hashable, Sendable {
        public let conversionID: Identifier
        /// The first commission that is to be superseded, with the referrer's.
        public let commissionID: Identifier
        public let referrerID: String?
        public let capLeftMinor: Int64?
        public let secondCapLeftMinor: Int64?
    }

    /// What became of an order.
    public enum Outcome: String, Sendable {
        case corrected
        /// Something else corrected it since it was looked at.
        case overtaken
    }

    /// What is accepted.
    public struct Acceptance: Sendable {
        public let programID: String
        public let digest: Identifier
        /// Orders of which time.
        public let span: Range<Timestamp>
        public let versions: [RuleVersion]
        public let rulesVersion: Int32
        public let proposals: [Proposal]
        public let reason: String
        public let actor: String

        public init(
            programID: String, digest: Identifier, span: Range<Timestamp>, versions: [RuleVersion],
            rulesVersion: Int32, proposals: [Proposal], reason: String, actor: String
        ) {
            self.programID = programID
            self.digest = digest
            self.span = span
            self.versions = versions
            self.rulesVersion = rulesVersion
            self.proposals = proposals
            self.reason = reason
            self.actor = actor
        }
    }

    /// Holds a programme's rules as they are until the transaction ends.
    public static func lockRules(
        of programID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run("SELECT FROM program WHERE program_id = $1 FOR NO KEY UPDATE", .text(programID))
    }

    /// The accepted what-ifs of a programme, by digest or those with orders that wait.
    ///
    /// - Parameter digest: nil: every one that is not finished.
    public static func accepted(
        of programID: String, digest: Identifier?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Accepted] {
        try transaction.query(
            """
            SELECT r.rule_correction_id, r.program_id, r.rules_version, r.digest, r.reason, r.accepted_by,
                r.accepted_at, r.orders, w.orders
            FROM rule_correction r CROSS JOIN LATERAL (
                SELECT count(*) AS orders FROM rule_correction_order o
                WHERE o.rule_correction_id = r.rule_correction_id AND o.outcome IS NULL) w
            WHERE r.program_id = $1 AND ($2::uuid IS NULL AND w.orders > 0 OR r.digest = $2)
            ORDER BY r.rule_correction_id
            """, .text(programID), .optionalUUID(digest?.value)
        ) { row throws(PostgresError) in
            Accepted(
                ruleCorrectionID: try row.int8(0), programID: try row.text(1), rulesVersion: try row.int4(2),
                digest: try row.identifier(3), reason: try row.text(4), acceptedBy: try row.text(5),
                acceptedAt: Timestamp(microsecondsSinceEpoch: try row.timestamp(6)), orders: try row.int4(7),
                waiting: try row.int8(8))
        }
    }

    /// Records that a what-if is accepted: its versions, its orders, and who said so. No money moves yet.
    ///
    /// `lockRules` holds the programme's rules, which are at `rulesVersion - 1`.
    public static func accept(
        _ acceptance: Acceptance, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            "UPDATE program SET rules_version = $2 WHERE program_id = $1", .text(acceptance.programID),
            .int4(acceptance.rulesVersion))
        try RuleStore.save(
            acceptance.versions, of: acceptance.programID, by: acceptance.actor, at: now, in: transaction)
        let ids = try transaction.query(
            """
            INSERT INTO rule_correction (program_id, rules_version, digest, from_moment, until_moment, orders, reason,
                accepted_by, accepted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING rule_correction_id
            """, .text(acceptance.programID), .int4(acceptance.rulesVersion), .uuid(acceptance.digest.value),
            .timestamp(microsecondsSinceEpoch: acceptance.span.lowerBound.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: acceptance.span.upperBound.microsecondsSinceEpoch),
            .int4(Int32(acceptance.proposals.count)), .text(acceptance.reason), .text(acceptance.actor),
            .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        ) { row throws(PostgresError) in try row.int8(0) }
        guard let id = ids.first else { return }
        try save(acceptance.proposals, of: id, in: transaction)
        try AuditLog.append(
            AuditEntry(
                at: now, actor: acceptance.actor, action: "accept correction", subject: acceptance.programID,
                detail: detail(of: acceptance, id)), in: transaction)
    }

    private static func save(
        _ proposals: [Proposal], of ruleCorrectionID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.copy(
            into: """
                COPY rule_correction_order (rule_correction_id, conversion_id, commission_id, referrer_id,
                cap_left_minor, second_cap_left_minor, before_minor, after_minor) FROM STDIN (FORMAT binary)
                """
        ) { rows in
            for index in proposals.order({ $0.conversionID }) {
                let proposal = proposals[index]
                rows.beginRow(columns: 8)
                rows.int8(ruleCorrectionID)
                rows.uuid(proposal.conversionID.value)
                rows.uuid(proposal.commissionID.value)
                rows.textOrNull(proposal.referrerID)
                rows.int8OrNull(proposal.first.capLeftMinor)
                rows.int8OrNull(proposal.second?.capLeftMinor)
                rows.int8(proposal.beforeMinor)
                rows.int8(proposal.afterMinor)
            }
        }
    }

    private static func detail(of acceptance: Acceptance, _ ruleCorrectionID: Int64) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("rule_correction_id", ruleCorrectionID)
            writer.member("rules_version", Int64(acceptance.rulesVersion))
            writer.member("digest", acceptance.digest.description)
            writer.member("from", acceptance.span.lowerBound.rfc3339)
            writer.member("until", acceptance.span.upperBound.rfc3339)
            writer.member("orders", Int64(acceptance.proposals.count))
            writer.member("reason", acceptance.reason)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Orders that wait to be corrected, locked until the transaction ends. Another session takes others meanwhile.
    public static func take(
        _ limit: Int, of ruleCorrectionID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Order] {
        try transaction.query(
            """
            SELECT conversion_id, commission_id, referrer_id, cap_left_minor, second_cap_left_minor
            FROM rule_correction_order WHERE rule_correction_id = $1 AND outcome IS NULL
            ORDER BY conversion_id LIMIT $2 FOR UPDATE SKIP LOCKED
            """, .int8(ruleCorrectionID), .int8(Int64(limit))
        ) { row throws(PostgresError) in
            Order(
                conversionID: try row.identifier(0), commissionID: try row.identifier(1),
                referrerID: try row.textOrNull(2),
                capLeftMinor: try row.int8OrNull(3), secondCapLeftMinor: try row.int8OrNull(4))
        }
    }

    public static func settle(
        _ outcomes: [Identifier: Outcome], of ruleCorrectionID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        let sorted = outcomes.sorted { $0.key < $1.key }
        try transaction.run(
            """
            UPDATE rule_correction_order o SET outcome = s.outcome
            FROM unnest($2::uuid[], $3::text[]) AS s (conversion_id, outcome)
            WHERE o.rule_correction_id = $1 AND o.conversion_id = s.conversion_id
            """, .int8(ruleCorrectionID), .uuids(sorted.map(\.key.value)), .texts(sorted.map(\.value.rawValue)))
    }

    /// How many corrections conversions have; one without any is absent.
    public static func corrections(
        of conversionIDs: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier: Int32] {
        let rows = try transaction.query(
            """
            SELECT conversion_id, count(*)::int4 FROM conversion_correction WHERE conversion_id = ANY ($1) GROUP BY 1
            """, .uuids(conversionIDs.map(\.value))
        ) { row throws(PostgresError) in (try row.identifier(0), try row.int4(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
