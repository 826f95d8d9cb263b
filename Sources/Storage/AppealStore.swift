public import Domain
public import Postgres

/// What an affiliate says against a hold or a rejection.
public enum AppealStore {
    /// What it is about: one commission, one reported conversion, or, with neither, the affiliate as a whole.
    public struct Subject: Hashable, Sendable {
        public let commissionID: Identifier?
        public let eventID: String?

        public init(commissionID: Identifier? = nil, eventID: String? = nil) {
            self.commissionID = commissionID
            self.eventID = eventID
        }
    }

    /// What became of an appeal.
    public enum Opening: Hashable, Sendable {
        case opened(Int64)
        /// The affiliate has no such commission or conversion, or nothing is held against it.
        case nothingToAppeal
        /// One about the same waits for its answer.
        case openAlready
        case tooMany
    }

    /// What became of an answer.
    public enum Answering: Hashable, Sendable {
        /// - Parameter dismissed: the cases that an accepted appeal ended.
        case done(affiliateID: String, dismissed: [Int64])
        case notFound
        case answeredBefore
    }

    /// Open at once, for one affiliate.
    public static let openMaximum: Int64 = 5
    /// For how long an answer may take before it is late.
    public static let answerDays: Int32 = 7

    public static func open(
        _ text: String, about subject: Subject, by affiliateID: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Opening {
        // Two at once wait for each other.
        let isThere = try transaction.query(
            "SELECT 1 FROM affiliate WHERE affiliate_id = $1 FOR UPDATE", .text(affiliateID)
        ) { row throws(PostgresError) in try row.int4(0) }
        guard !isThere.isEmpty, try isAppealable(subject, of: affiliateID, in: transaction) else {
            return .nothingToAppeal
        }
        let open =
            try transaction.query(
                "SELECT count(*) FROM appeal WHERE affiliate_id = $1 AND status = 'open'", .text(affiliateID)
            ) { row throws(PostgresError) in try row.int8(0) }.first ?? 0
        guard open < openMaximum else { return .tooMany }
        let ids = try transaction.query(
            """
            INSERT INTO appeal (affiliate_id, commission_id, event_id, text, created_at, due_at)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (affiliate_id, COALESCE(commission_id::text, event_id, '')) WHERE status = 'open' DO NOTHING
            RETURNING appeal_id
            """, .text(affiliateID), .optionalUUID(subject.commissionID?.value), .optionalText(subject.eventID),
            .text(text), .moment(now), .moment(now.adding(days: answerDays))
        ) { row throws(PostgresError) in try row.int8(0) }
        guard let id = ids.first else { return .openAlready }
        return .opened(id)
    }

    private static func isAppealable(
        _ subject: Subject, of affiliateID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        try transaction.query(
            """
            SELECT CASE
                WHEN $2::uuid IS NOT NULL THEN EXISTS (
                    SELECT FROM commission WHERE commission_id = $2 AND affiliate_id = $1
                        AND status IN ('held', 'reversed'))
                WHEN $3::text IS NOT NULL THEN EXISTS (
                    SELECT FROM intake_exception WHERE event_id = $3 AND affiliate_id = $1 AND outcome = 'rejected')
                ELSE EXISTS (SELECT FROM affiliate WHERE affiliate_id = $1 AND fraud_verdict <> 'clear') END
            """, .text(affiliateID), .optionalUUID(subject.commissionID?.value), .optionalText(subject.eventID)
        ) { row throws(PostgresError) in try row.bool(0) }.first ?? false
    }

    /// Answers an appeal. Accepted, it dismisses the cases that what it is about waits for, as the ruling says;
    /// what no case is about keeps its state, and the answer says what to do.
    public static func answer(
        _ appealID: Int64, isAccepted: Bool, _ ruling: FraudRuling, batchID: Identifier,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Answering {
        let found = try transaction.query(
            "SELECT affiliate_id, status, commission_id, event_id FROM appeal WHERE appeal_id = $1 FOR UPDATE",
            .int8(appealID)
        ) { row throws(PostgresError) in
            (
                affiliateID: try row.text(0), isOpen: try row.text(1) == "open",
                commissionID: try row.isNull(2) ? nil : try row.identifier(2), isEvent: try !row.isNull(3)
            )
        }.first
        guard let found else { return .notFound }
        guard found.isOpen else { return .answeredBefore }
        var dismissed: [Int64] = []
        if isAccepted, !found.isEvent {
            let cases = try cases(against: found.affiliateID, found.commissionID, in: transaction)
            let outcomes = try FraudDecisionStore.decide(cases, ruling, batchID: batchID, in: transaction)
            dismissed = cases.filter { outcomes[$0] == .done }
        }
        try transaction.run(
            """
            UPDATE appeal SET status = CASE WHEN $2 THEN 'accepted' ELSE 'rejected' END, answer = $3, answered_by = $4,
                answered_at = $5, batch_id = $6
            WHERE appeal_id = $1
            """, .int8(appealID), .bool(isAccepted), .text(ruling.reason), .text(ruling.actor), .moment(ruling.at),
            .optionalUUID(dismissed.isEmpty ? nil : batchID.value))
        return .done(affiliateID: found.affiliateID, dismissed: dismissed)
    }

    /// The cases that a commission waits for; where none names it, and for an affiliate as a whole, all against it.
    private static func cases(
        against affiliateID: String, _ commissionID: Identifier?, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Int64] {
        try transaction.query(
            """
            WITH standing AS (
                SELECT fraud_case_id FROM fraud_case WHERE affiliate_id = $1 AND status IN ('open', 'confirmed')),
            named AS (
                SELECT DISTINCT s.fraud_case_id FROM standing s JOIN fraud_case_conversion f USING (fraud_case_id)
                JOIN commission m USING (conversion_id) WHERE m.commission_id = $2)
            SELECT fraud_case_id FROM standing
            WHERE fraud_case_id IN (SELECT fraud_case_id FROM named) OR NOT EXISTS (SELECT FROM named)
            ORDER BY 1 LIMIT $3
            """, .text(affiliateID), .optionalUUID(commissionID?.value), .int8(Int64(FraudDecisionStore.casesMaximum))
        ) { row throws(PostgresError) in try row.int8(0) }
    }
}
