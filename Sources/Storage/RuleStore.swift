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
                r.priority, r.definition
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
        return RuleVersion(
            ruleID: try row.text(2), version: try row.int4(3), rulesVersion: try row.int4(4),
            validFrom: Timestamp(microsecondsSinceEpoch: try row.timestamp(5)),
            validUntil: try row.timestampOrNull(6).map(Timestamp.init(microsecondsSinceEpoch:)),
            priority: try row.int4(7), terms: terms)
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
}
