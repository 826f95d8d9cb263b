public import Domain
public import Postgres

/// Programmes and affiliates that are registered when an event first names them; for demonstrations and replays.
public enum RegistrationStore {
    /// What an unknown programme pays.
    public static let standardRate = BasisPoints(1_000)

    /// - Parameter programs: ids with the currency of the event that named them first.
    public static func addPrograms(
        _ programs: [String: Currency], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !programs.isEmpty else { return }
        let sorted = programs.sorted { $0.key < $1.key }
        try transaction.run(
            """
            INSERT INTO program (program_id, name, currency, auto_registered)
            SELECT id, id, currency, true FROM unnest($1::text[], $2::text[]) AS p(id, currency)
            ON CONFLICT (program_id) DO NOTHING
            """, .texts(sorted.map(\.key)), .texts(sorted.map(\.value.code)))
        try RuleStore.addStandard(
            sorted.map { ($0.key, standardRate) }, createdBy: "registration", in: transaction)
    }

    public static func addAffiliates(
        _ affiliates: [String], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        guard !affiliates.isEmpty else { return }
        try transaction.run(
            """
            INSERT INTO affiliate (affiliate_id, name, provider_account, auto_registered)
            SELECT id, id, 'acct_' || id, true FROM unnest($1::text[]) AS a(id)
            ON CONFLICT (affiliate_id) DO NOTHING
            """, .texts(affiliates.sorted()))
    }
}
