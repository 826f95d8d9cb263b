import Postgres
import Storage

extension ProgramFile {
    /// Adds the programmes that the database does not know, with a commission of 10 %.
    static func register(_ programs: [ProgramFile], pool: PostgresPool) async throws {
        try await pool.transaction { (transaction) throws(PostgresError) in
            for program in programs {
                try transaction.run(
                    """
                    INSERT INTO program (program_id, name, currency, usd_rate, auto_approve_limit_minor,
                        attribution_window_days, main_markets)
                    VALUES ($1, $1, $2, $3, $4, $5, $6) ON CONFLICT (program_id) DO NOTHING
                    """, .text(program.programID), .text(program.currency), .optionalText(program.usdRate),
                    .int8(program.autoApproveLimitMinor ?? 100_000), .int4(program.attributionWindowDays ?? 30),
                    .texts(program.mainMarkets ?? []))
            }
            try RuleStore.addStandard(
                programs.map { ($0.programID, RegistrationStore.standardRate) }, createdBy: "demo", in: transaction)
        }
    }
}
