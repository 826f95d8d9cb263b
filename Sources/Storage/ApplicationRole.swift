public import Postgres

/// The role under which workers and the console connect: it may do their work, and cannot change what was recorded.
///
/// Tables belong to the role that migrates. This one gets no right to define, and of append-only tables only the right
/// to read and to add.
public enum ApplicationRole {
    /// What is only ever added to; a policy has its row from the start.
    public static let appendOnly = [
        "ledger_transaction", "ledger_posting", "accounting_period", "period_statement", "commission_event",
        "conversion_correction", "rule_version", "rule_correction", "fx_quote", "audit_log", "dropped_month",
        "retention_policy",
    ]

    /// Gives an existing role its rights, and takes those that it should not have.
    ///
    /// - Parameter name: of a role that owns none of the tables.
    /// - Throws: `PostgresError` of class `deployment` if there is no such role, or if it owns tables.
    public static func grant(to name: String, in transaction: borrowing Transaction) throws(PostgresError) {
        // Names of roles cannot be parameters of GRANT: the server quotes them itself.
        try transaction.run("SELECT set_config('tributary.role', $1, true)", .text(name))
        try transaction.run(
            "SELECT set_config('tributary.append_only', $1, true)", .text(appendOnly.joined(separator: ",")))
        try transaction.run(
            """
            DO $$
            DECLARE
                grantee text := current_setting('tributary.role');
                name text;
            BEGIN
                IF EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tableowner = grantee) THEN
                    RAISE EXCEPTION 'the role % owns tables: grant another one', grantee USING ERRCODE = '42501';
                END IF;
                EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', grantee);
                EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %I', grantee);
                EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %I', grantee);
                FOREACH name IN ARRAY string_to_array(current_setting('tributary.append_only'), ',') LOOP
                    EXECUTE format('REVOKE UPDATE, DELETE ON %I FROM %I', name, grantee);
                END LOOP;
                -- What was shown is what is confirmed; a file that was known stays known.
                EXECUTE format('REVOKE UPDATE ON import_row, import_finding FROM %I', grantee);
                EXECUTE format('REVOKE DELETE ON import FROM %I', grantee);
            END $$
            """)
    }

    /// - Returns: whether the session could change what was recorded: its role owns the ledger or is above all rights.
    public static func isTooPowerful(in transaction: borrowing Transaction) throws(PostgresError) -> Bool {
        let answers = try transaction.query(
            """
            SELECT bool_or(pg_has_role(current_user, t.tableowner, 'MEMBER'))
                OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
            FROM pg_tables t WHERE t.tablename = 'ledger_posting'
            """
        ) { row throws(PostgresError) in try row.bool(0) }
        return answers.first ?? true
    }
}
