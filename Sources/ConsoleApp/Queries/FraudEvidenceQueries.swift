import Domain
import Events
import Postgres
import Storage

/// What a case rests on.
enum FraudEvidenceQueries {
    static let conversionsMaximum = 20
    private static let decisionsMaximum = 20
    private static let appealsMaximum = 5
    private static let viewsMaximum = 20

    /// - Parameter programID: to compare with; nil: the one that most of the case is about.
    /// - Returns: nil for a case that is none.
    static func evidence(
        of caseID: Int64, programID: String?, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> FraudEvidence? {
        guard let flag = try FraudQueries.flags(FraudFilter(flagID: caseID), in: transaction).first else { return nil }
        let judged = try judgement(of: caseID, in: transaction)
        var program = programID ?? judged?.signals.first?.programId ?? flag.programs.first
        if program == nil { program = try mainProgram(of: flag.affiliateId, in: transaction) }
        let last = flag.lastDay.flatMap { Timestamp(rfc3339: $0 + "T00:00:00Z")?.day } ?? now.day
        let window = FraudWindow(affiliateID: flag.affiliateId, through: last)
        var comparison: FraudComparison?
        if let program {
            comparison = try FraudComparison.load(
                window, programID: program,
                FraudRate(kind: flag.kind, code: judged?.signals.first?.code ?? flag.code), in: transaction)
        }
        return FraudEvidence(
            flag: flag, paid: try paid(of: caseID, in: transaction), day: judged?.day, modelVersion: judged?.version,
            signals: judged?.signals ?? [],
            conversions: try conversions(of: caseID, in: transaction),
            decisions: try decisions(about: flag.affiliateId, in: transaction),
            appeals: try appeals(of: flag.affiliateId, at: now, in: transaction),
            views: try views(of: caseID, in: transaction), comparison: comparison,
            devices: try DeviceUse.load(window, in: transaction))
    }

    /// Notes who looks, once for each person and a quarter of an hour in the audit log.
    ///
    /// - Returns: false for a case that is none.
    static func note(
        _ caseID: Int64, seenBy actor: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Bool {
        let moment = PostgresValue.timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch)
        let isThere = try transaction.query(
            "SELECT 1 FROM fraud_case WHERE fraud_case_id = $1", .int8(caseID)
        ) { row throws(PostgresError) in try row.int4(0) }
        guard !isThere.isEmpty else { return false }
        let isNews = try transaction.run(
            """
            INSERT INTO fraud_case_view AS v (fraud_case_id, actor, first_at, last_at) VALUES ($1, $2, $3, $3)
            ON CONFLICT (fraud_case_id, actor) DO UPDATE SET last_at = $3
            WHERE v.last_at < $3 - interval '15 minutes'
            """, .int8(caseID), .text(actor), moment)
        guard isNews > 0 else { return true }
        try AuditLog.append(
            AuditEntry(at: now, actor: actor, action: "view fraud case", subject: String(caseID), detail: "{}"),
            in: transaction)
        return true
    }

    private struct Judgement {
        let day: String
        let version: String
        let signals: [FraudEvidence.Signal]
    }

    /// - Returns: nil of a case about conversions alone.
    private static func judgement(
        of caseID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Judgement? {
        let names = try programs(in: transaction)
        return try transaction.query(
            """
            SELECT day, model_version, evidence::text FROM fraud_case_judgement
            WHERE fraud_case_id = $1 AND is_own
            """, .int8(caseID)
        ) { row throws(PostgresError) in
            let evidence = JSONTree(Array(try row.text(2).utf8)[...])?.array ?? []
            return Judgement(
                day: CivilDate(daysSinceEpoch: try row.date(0)).text, version: try row.text(1),
                signals: evidence.map { FraudEvidence.Signal($0, programs: names) })
        }.first
    }

    /// By the hash that evidence names them with.
    private static func programs(in transaction: borrowing Transaction) throws(PostgresError) -> [String: String] {
        let programs = try transaction.query("SELECT program_id FROM program") { row throws(PostgresError) in
            let programID = try row.text(0)
            return (String(FraudHash.of(programID)), programID)
        }
        return Dictionary(programs) { first, _ in first }
    }

    private static func mainProgram(
        of affiliateID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> String? {
        try transaction.query(
            """
            SELECT program_id FROM affiliate_day WHERE affiliate_id = $1
            GROUP BY 1 ORDER BY sum(conversions) DESC, 1 LIMIT 1
            """, .text(affiliateID)
        ) { row throws(PostgresError) in try row.text(0) }.first
    }

    private static func conversions(
        of caseID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudEvidence.Conversion] {
        try transaction.query(
            """
            SELECT v.conversion_id, v.order_id, v.program_id, v.occurred_at,
                floor(extract(epoch FROM v.occurred_at - v.click_at))::int8, v.amount_minor, v.currency, f.verdict,
                f.probability, f.codes, m.status
            FROM fraud_case_conversion x JOIN fraud_conversion f USING (conversion_id)
            JOIN conversion v USING (conversion_id) LEFT JOIN commission m ON m.commission_id = v.conversion_id
            WHERE x.fraud_case_id = $1
            ORDER BY f.probability DESC NULLS LAST, v.occurred_at DESC, v.conversion_id LIMIT $2
            """, .int8(caseID), .int8(Int64(conversionsMaximum))
        ) { row throws(PostgresError) in
            FraudEvidence.Conversion(
                conversionId: try row.identifier(0), orderId: try row.textOrNull(1), programId: try row.text(2),
                occurredAt: try row.moment(3), secondsFromClick: try row.int8OrNull(4), amountMinor: try row.int8(5),
                currency: try row.text(6), verdict: try row.text(7), probability: try row.float8OrNull(8),
                codes: try row.int4s(9), commissionState: try row.textOrNull(10))
        }
    }

    private static func paid(
        of caseID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudFlagRow.Risk] {
        try transaction.query(
            """
            SELECT m.currency, sum(m.amount_minor - m.reversed_minor)::int8
            FROM fraud_case_conversion f JOIN commission m ON m.commission_id = f.conversion_id
            WHERE f.fraud_case_id = $1 AND m.status IN ('locked', 'paid') GROUP BY 1 ORDER BY 1
            """, .int8(caseID)
        ) { row throws(PostgresError) in
            FraudFlagRow.Risk(currency: try row.text(0), amountMinor: try row.int8(1))
        }
    }

    private static func decisions(
        about affiliateID: String, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudEvidence.Decision] {
        try transaction.query(
            """
            SELECT c.fraud_case_id, c.kind, CASE WHEN d.is_confirmed THEN 'confirmed' ELSE 'dismissed' END, d.reason,
                d.decided_by, d.decided_at, d.undone_by, d.undone_at
            FROM fraud_decision d JOIN fraud_case c USING (fraud_case_id) WHERE c.affiliate_id = $1
            UNION ALL
            SELECT fraud_case_id, kind, status, COALESCE(reason, ''), COALESCE(decided_by, ''), decided_at, NULL, NULL
            FROM fraud_case c
            WHERE affiliate_id = $1 AND decided_at IS NOT NULL AND NOT EXISTS (
                SELECT FROM fraud_decision d WHERE d.fraud_case_id = c.fraud_case_id)
            ORDER BY 6 DESC, 1 LIMIT $2
            """, .text(affiliateID), .int8(Int64(decisionsMaximum))
        ) { row throws(PostgresError) in
            FraudEvidence.Decision(
                fraudFlagId: try row.int8(0), kind: try row.text(1), decision: try row.text(2),
                reason: try row.text(3), decidedBy: try row.text(4), decidedAt: try row.moment(5),
                undoneBy: try row.textOrNull(6), undoneAt: try row.momentOrNull(7))
        }
    }

    private static func appeals(
        of affiliateID: String, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [AppealRow] {
        // A listing reads one row more, to know of a next page.
        try AppealQueries.list(
            own: nil, affiliateID: affiliateID, limit: appealsMaximum - 1, at: now, in: transaction)
    }

    private static func views(
        of caseID: Int64, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [FraudEvidence.View] {
        try transaction.query(
            """
            SELECT actor, first_at, last_at FROM fraud_case_view WHERE fraud_case_id = $1
            ORDER BY last_at DESC, actor LIMIT $2
            """, .int8(caseID), .int8(Int64(viewsMaximum))
        ) { row throws(PostgresError) in
            FraudEvidence.View(actor: try row.text(0), firstAt: try row.moment(1), lastAt: try row.moment(2))
        }
    }
}

extension FraudEvidence.Signal {
    /// - Parameter programs: ids by hash.
    fileprivate init(_ tree: JSONTree, programs: [String: String]) {
        self.init(
            code: Int32(clamping: tree["code"]?.integer ?? 0), sentence: tree["sentence"]?.string ?? "",
            programId: tree["program"]?.string.flatMap { programs[$0] },
            windowDays: tree["window_days"]?.integer ?? 0, k: tree["k"]?.double, n: tree["n"]?.double,
            baseline: tree["baseline"]?.double, past: tree["past"]?.double, p: tree["p"]?.double,
            nats: tree["nats"]?.double)
    }
}

extension JSONTree {
    fileprivate var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let text): Double(text)
        default: nil
        }
    }
}
