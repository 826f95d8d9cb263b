import Domain
import Postgres
import Storage

/// What was decided lately, and by whom.
enum FraudDeskQueries {
    /// A decision about one case or several that can still be taken back.
    struct Undoable: Sendable {
        let batchID: Identifier
        let cases: Int64
        let isConfirmed: Bool
        let actor: String
        let until: Timestamp
    }

    /// - Parameter caseID: of which one of the cases is; nil for all.
    static func undoable(
        caseID: Int64?, limit: Int, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Undoable] {
        try transaction.query(
            """
            SELECT batch_id, count(*), bool_and(is_confirmed), min(decided_by), min(decided_at) FROM fraud_decision
            WHERE undone_at IS NULL AND NOT sealed AND decided_at >= $1 AND batch_id IS NOT NULL
                AND ($2::bigint IS NULL OR batch_id IN (
                    SELECT batch_id FROM fraud_decision WHERE fraud_case_id = $2))
            GROUP BY 1 ORDER BY 5 DESC, 1 LIMIT $3
            """,
            .timestamp(
                microsecondsSinceEpoch: now.adding(seconds: -FraudDecisionStore.undoSeconds).microsecondsSinceEpoch),
            .optionalInt8(caseID),
            .int8(Int64(limit))
        ) { row throws(PostgresError) in
            Undoable(
                batchID: Identifier(try row.uuid(0)), cases: try row.int8(1), isConfirmed: try row.bool(2),
                actor: try row.text(3),
                until: Timestamp(microsecondsSinceEpoch: try row.timestamp(4))
                    .adding(seconds: FraudDecisionStore.undoSeconds))
        }
    }
}
