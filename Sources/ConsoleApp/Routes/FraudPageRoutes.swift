import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The fraud desk's pages and forms.
enum FraudPageRoutes {
    static let list = "/console/fraud"
    /// Decisions that the queue offers to take back.
    private static let undoableMaximum = 10

    static func all(_ services: Services) -> [Route] {
        [
            .page(list, .readFraud) { try await queue($0, services) },
            .page(list + "/{id}", .readFraud) { call in
                let (evidence, undoable) = try await FraudRoutes.evidence(call, services)
                let page = FraudCasePage(evidence, undoable: undoable, reader: try call.authenticated())
                return try await services.page(
                    "fraud-case", "Fraud: \(evidence.flag.affiliateName)", for: call
                ) { _, _ in page }
            },
            .form(list + "/{id}/decide", .decideFraud) { try await decide($0, services) },
            .form(list + "/decide", .decideFraud) { try await decideMany($0, services) },
            .form(list + "/decisions/{id}/undo", .decideFraud) { try await undo($0, services) },
        ]
    }

    private static func queue(_ call: Call, _ services: Services) async throws -> Answer {
        let query = call.query
        let filter = try FraudFilter(query, limit: try query.limit(), unlessGiven: "open")
        let principal = try call.authenticated()
        let canDecide = principal.permissions.contains(.decideFraud)
        let fields = FraudRoutes.filterFields.map { ($0, query[$0]) }
        return try await services.page("fraud", "Fraud", for: call) { transaction, facts throws(PostgresError) in
            let listing = Listing(
                try FraudQueries.flags(filter, in: transaction), limit: filter.limit, cursor: \.cursor)
            let undoable = try FraudDeskQueries.undoable(
                caseID: nil, limit: undoableMaximum, at: facts.now, in: transaction)
            let status = filter.status ?? "all"
            return FraudQueuePage(
                rows: listing.data.map { FraudQueuePage.Row($0, canDecide: canDecide) },
                canDecide: canDecide && listing.data.contains { $0.status == "open" },
                statuses: FraudQueuePage.choices(FraudFilter.statuses + ["all"], nil, selected: status),
                kinds: FraudQueuePage.choices(
                    FraudSignal.Family.allCases.map(\.rawValue), ("", "All kinds"), selected: filter.kind),
                verdicts: ["hold", "review", "clear"].reduce(
                    into: [.init(value: "", label: "All verdicts", isSelected: filter.verdict == nil)]
                ) {
                    $0.append(
                        .init(
                            value: $1, label: StateLabel(fraudVerdict: $1).text, isSelected: filter.verdict == $1))
                },
                orders: [
                    .init(value: "at_risk", label: "Money at risk", isSelected: filter.order == .atRisk),
                    .init(value: "newest", label: "Newest", isSelected: filter.order == .newest),
                ], program: query["program_id"] ?? "", affiliate: query["affiliate_id"] ?? "",
                isFiltered: fields.contains { $0.1 != nil },
                undoable: canDecide ? undoable.map(FraudQueuePage.Undoable.init) : [],
                csv: "/fraud-flags"
                    + PercentEncoding.query(
                        fields.filter { $0.0 != "status" } + [
                            ("status", status), ("format", "csv"),
                        ]),
                next: listing.nextCursor.map { list + PercentEncoding.query(fields + [("cursor", $0)]) },
                allowanceDays: String(FraudDecision.allowanceDaysStandard),
                csrfToken: principal.session?.csrfToken ?? "")
        }
    }

    private static func decide(_ call: Call, _ services: Services) async throws -> Answer {
        let caseID = try FraudDecisionRoutes.caseID(call)
        let wanted = try wanted(call)
        let write = try IdempotentWrite(form: call, route: "/fraud-flags/{id}/decide \(caseID)")
        let answer = try await FraudDecisionRoutes.decide(caseID, wanted, write, services)
        return .redirect(after: answer, done: "cases-decided", to: "\(list)/\(caseID)")
    }

    private static func wanted(_ call: Call) throws(Problem) -> FraudDecisionRoutes.Wanted {
        try FraudDecisionRoutes.Wanted(
            decision: call.form["decision"], reason: call.form["reason"], allowanceDays: call.form["allowance_days"])
    }

    private static func decideMany(_ call: Call, _ services: Services) async throws -> Answer {
        let texts = call.form.values("fraud_flag_id")
        let caseIDs = try FraudDecisionRoutes.checked(texts.compactMap { Int64($0) }, of: texts.count)
        let wanted = try wanted(call)
        let write = try IdempotentWrite(form: call, route: "/fraud-flags/decide")
        let answer = try await FraudDecisionRoutes.decideMany(caseIDs, wanted, write, services)
        let refused = JSONTree(answer.body[...])?["refused"]?.array?.isEmpty == false
        return .redirect(
            after: answer, done: refused ? "cases-decided-partly" : "cases-decided", to: list)
    }

    private static func undo(_ call: Call, _ services: Services) async throws -> Answer {
        let batchID = try FraudDecisionRoutes.identifier(call)
        let write = try IdempotentWrite(form: call, route: "undo fraud decision \(batchID)")
        let answer = try await FraudDecisionRoutes.undo(batchID, write, services)
        let approved = JSONTree(answer.body[...])?["approved_meanwhile"]?.integer ?? 0
        return .redirect(
            after: answer, done: approved > 0 ? "decision-undone-late" : "decision-undone", to: list)
    }
}

extension FraudQueuePage.Undoable {
    init(_ decision: FraudDeskQueries.Undoable) {
        id = decision.batchID.description
        what =
            (decision.isConfirmed ? "Confirmed " : "Dismissed ")
            + (decision.cases == 1 ? "one case" : Figures.count(decision.cases) + " cases")
        by = decision.actor
        until = Figures.moment(decision.until.rfc3339)
    }
}
