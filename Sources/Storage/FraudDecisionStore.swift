public import Domain
public import Postgres

/// What people decided about cases.
public enum FraudDecisionStore {
    /// Decisions that are not part of the engine's state yet, by the day from whose end on they count, in order.
    public static func unsealed(
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Int32: [FraudDecision]] {
        let decisions = try transaction.query(
            "SELECT day, affiliate_id, is_confirmed FROM fraud_decision WHERE NOT sealed ORDER BY fraud_decision_id"
        ) { row throws(PostgresError) in
            (
                day: try row.int4(0),
                decision: FraudDecision(affiliate: FraudHash.of(try row.text(1)), isConfirmed: try row.bool(2))
            )
        }
        return Dictionary(grouping: decisions, by: \.day).mapValues { $0.map(\.decision) }
    }

    public static func seal(through day: Int32, in transaction: borrowing Transaction) throws(PostgresError) {
        try transaction.run("UPDATE fraud_decision SET sealed = true WHERE NOT sealed AND day <= $1", .int4(day))
    }
}
