public import Domain
import Events
public import Postgres

/// The rules of programmes.
public enum RuleStore {
    /// The rules of programmes as they are known; a programme that does not exist is absent.
    public static func ruleSets(
        of programIDs: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: RuleSet] {
        try ruleSets(of: programIDs, knownUpTo: programIDs.map { _ in Int32.max }, in: transaction)
    }

    /// The rules of programmes as they were known once.
    ///
    /// - Parameter rulesVersions: of each programme, the last of its rule changes that counts.
    public static func ruleSets(
        of programIDs: [String], knownUpTo rulesVersions: [Int32], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [String: RuleSet] {
        guard !programIDs.isEmpty else { return [:] }
        let rows = try transaction.query(
            """
            SELECT p.program_id, p.currency, r.rule_id, r.version, r.rules_version, r.valid_from, r.valid_until,
                r.priority, r.definition, r.corrects_from, r.corrects_until
            FROM unnest($1::text[], $2::int4[]) AS k(program_id, known) JOIN program p USING (program_id)
            LEFT JOIN rule_version r ON r.program_id = p.program_id AND r.rules_version <= k.known
            """, .texts(programIDs), .int4s(rulesVersions)
        ) { row throws(PostgresError) in
            (
                programID: try row.text(0), currency: try row.currency(1),
                version: try row.isNull(2) ? nil : try version(row)
            )
        }
        var sets: [String: RuleSet] = [:]
        for (programID, rows) in Dictionary(grouping: rows, by: \.programID) {
            guard let currency = rows.first?.currency else { continue }
            sets[programID] = RuleSet(
                programID: programID, programCurrency: currency, versions: rows.compactMap(\.version))
        }
        return sets
    }

    private static func version(_ row: borrowing Row) throws(PostgresError) -> RuleVersion {
        let definition = try row.json(8)
        let terms: RuleTerms
        do throws(RuleDefinitionError) {
            terms = try RuleDefinition.terms(JSONTree(Array(definition.utf8)[...]) ?? .null)
        } catch {
            throw PostgresError(code: .decoding, message: "a stored rule cannot be read: \(error)")
        }
        var corrects: Range<Timestamp>?
        if let first = try row.timestampOrNull(9), let end = try row.timestampOrNull(10) {
            corrects = Timestamp(microsecondsSinceEpoch: first)..<Timestamp(microsecondsSinceEpoch: end)
        }
        return RuleVersion(
            ruleID: try row.text(2), version: try row.int4(3), rulesVersion: try row.int4(4),
            validFrom: Timestamp(microsecondsSinceEpoch: try row.timestamp(5)),
            validUntil: try row.timestampOrNull(6).map(Timestamp.init(microsecondsSinceEpoch:)),
            priority: try row.int4(7), terms: terms, corrects: corrects)
    }

    /// Gives programmes their first rule, a share of every order from the beginning of time on.
    public static func addStandard(
        _ rates: [(programID: String, rate: BasisPoints)], createdBy actor: String,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !rates.isEmpty else { return }
        try transaction.run(
            """
            INSERT INTO rule_version (program_id, rule_id, version, rules_version, valid_from, priority, definition,
                created_by)
            SELECT id, 'standard', 1, 1, '1970-01-01Z', 0, definition::jsonb, $3
            FROM unnest($1::text[], $2::text[]) AS r(id, definition) ON CONFLICT DO NOTHING
            """, .texts(rates.map(\.programID)),
            .texts(rates.map { RuleTerms(action: .percent($0.rate)).json }), .text(actor))
    }
    /// Records what a plan brings, unless the programme's rules changed since it was made.
    ///
    /// - Returns: the programme's count of rule changes now; nil if the plan is out of date.
    public static func apply(
        _ plan: RulePlan, to programID: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> Int32? {
        let versions = plan.changes.compactMap(\.version)
        guard !versions.isEmpty else { return plan.rulesVersion }
        let isCurrent = try transaction.run(
            "UPDATE program SET rules_version = rules_version + 1 WHERE program_id = $1 AND rules_version = $2",
            .text(programID), .int4(plan.rulesVersion))
        guard isCurrent == 1 else { return nil }
        try save(versions, of: programID, by: actor, at: now, in: transaction)
        try AuditLog.append(
            AuditEntry(
                at: now, actor: actor, action: "change rules", subject: programID,
                detail: RuleStore.detail(of: plan)), in: transaction)
        return plan.rulesVersion + 1
    }

    /// Records versions; `program.rules_version` is theirs already.
    static func save(
        _ versions: [RuleVersion], of programID: String, by actor: String, at now: Timestamp,
        in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try transaction.run(
            """
            INSERT INTO rule_version (program_id, rule_id, version, rules_version, valid_from, valid_until, priority,
                definition, corrects_from, corrects_until, created_by, created_at)
            SELECT $1, rule_id, version, rules_version, valid_from, valid_until, priority, definition::jsonb,
                corrects_from, corrects_until, $2, $3
            FROM unnest($4::text[], $5::int4[], $6::int4[], $7::timestamptz[], $8::timestamptz[], $9::int4[],
                    $10::text[], $11::timestamptz[], $12::timestamptz[])
                AS r (rule_id, version, rules_version, valid_from, valid_until, priority, definition, corrects_from,
                    corrects_until)
            """, .text(programID), .text(actor), .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch),
            .texts(versions.map(\.ruleID)), .int4s(versions.map(\.version)), .int4s(versions.map(\.rulesVersion)),
            .timestamps(versions.map(\.validFrom.microsecondsSinceEpoch)),
            .optionalTimestamps(versions.map(\.validUntil?.microsecondsSinceEpoch)),
            .int4s(versions.map(\.priority)), .texts(versions.map(\.terms.json)),
            .optionalTimestamps(versions.map(\.corrects?.lowerBound.microsecondsSinceEpoch)),
            .optionalTimestamps(versions.map(\.corrects?.upperBound.microsecondsSinceEpoch)))
    }

    private static func detail(of plan: RulePlan) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("rules_version", Int64(plan.rulesVersion + 1))
            writer.name("rules")
            writer.array(plan.changes.compactMap(\.version)) { $0.string("\($1.ruleID) version \($1.version)") }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
