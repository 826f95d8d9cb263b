import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The cases of the fraud desk.
enum FraudRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/fraud-flags", .readFraud) { try await flags($0, services) },
            .api(.get, "/fraud-flags/{id}", .readFraud) { call in
                .json(try await evidence(call, services).evidence)
            },
        ]
    }

    private static func flags(_ call: Call, _ services: Services) async throws -> Answer {
        let (isCSV, limit) = try CSVListing<FraudFlagRow>.wanted(call)
        let filter = try FraudFilter(call.query, limit: limit)
        let rows = try await services.pool.transaction { transaction throws(PostgresError) in
            try FraudQueries.flags(filter, in: transaction)
        }
        let listing = Listing(rows, limit: limit, cursor: \.cursor)
        return isCSV ? csv.answer(listing, call.query) : .json(listing)
    }

    /// The evidence of a case; who looks at it is noted.
    static func evidence(
        _ call: Call, _ services: Services
    ) async throws -> (evidence: FraudEvidence, undoable: [FraudDeskQueries.Undoable]) {
        let caseID = try FraudDecisionRoutes.caseID(call)
        let (actor, now, programID) = (try call.authenticated().actor, services.now(), call.query["program_id"])
        let found = try await services.pool.transaction { transaction throws(PostgresError) in
            let isThere = try FraudEvidenceQueries.note(caseID, seenBy: actor, at: now, in: transaction)
            let evidence =
                try isThere
                ? FraudEvidenceQueries.evidence(of: caseID, programID: programID, at: now, in: transaction) : nil
            return (
                evidence: evidence,
                undoable: try FraudDeskQueries.undoable(caseID: caseID, limit: 1, at: now, in: transaction)
            )
        }
        guard let evidence = found.evidence else { throw Problem.notFound("case", call.parameter("id")) }
        return (evidence, found.undoable)
    }

    private static let csv = CSVListing<FraudFlagRow>(
        path: "/fraud-flags", filters: filterFields,
        columns: [
            "fraud_flag_id", "affiliate_id", "programs", "kind", "code", "verdict", "probability", "at_risk",
            "at_risk_usd", "measured", "first_day", "last_day", "status", "decided_by", "decided_at", "reason",
            "opened_at", "last_seen_at",
        ]
    ) { row in
        [
            String(row.fraudFlagId), row.affiliateId, row.programs.joined(separator: " "), row.kind,
            String(row.code), row.verdict, row.probability.map { Figures.probability($0) } ?? "",
            row.atRisk.map { OutcomeRoutes.decimal($0.amountMinor, $0.currency) + " " + $0.currency }
                .joined(separator: "; "),
            Money.decimal(minorUnits: row.atRiskUsdMinor, exponent: 2), row.measured, row.firstDay ?? "",
            row.lastDay ?? "", row.status, row.decidedBy ?? "", row.decidedAt ?? "", row.reason ?? "",
            row.openedAt, row.lastSeenAt,
        ]
    }

    /// What a list is narrowed and ordered by.
    static let filterFields = ["status", "kind", "verdict", "program_id", "affiliate_id", "sort"]
}
