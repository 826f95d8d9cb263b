import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The pages about what became of conversions.
enum OutcomePageRoutes {
    private static let list = "/console/conversions"

    static func all(_ services: Services) -> [Route] {
        [
            .page(list, .readConversions) { try await conversions($0, services) },
            .page("/console/commissions/{id}", .readPayments) { try await commission($0, services) },
        ]
    }

    private static func conversions(_ call: Call, _ services: Services) async throws -> Answer {
        let filter = try OutcomeRoutes.outcomeFilter(call, at: services.now())
        let query = call.query
        return try await services.page("conversions", "Conversions", for: call) {
            transaction, facts throws(PostgresError) in
            let listing = try OutcomeQueries.list(filter, in: transaction)
            let fields = [
                "outcome", "type", "program_id", "affiliate_id", "order_id", "event_id", "code", "from", "to",
            ]
            return ConversionsPage(
                rows: listing.data.map(ConversionsPage.Row.init),
                outcomes: choices(IntakeOutcome.allCases.map(\.rawValue), "All outcomes", query["outcome"]),
                types: choices(TrackingEvent.Kind.allCases.map(\.name), "All types", query["type"]),
                program: query["program_id"] ?? "", affiliate: query["affiliate_id"] ?? "",
                order: query["order_id"] ?? "", event: query["event_id"] ?? "", code: query["code"] ?? "",
                from: query["from"] ?? "", to: query["to"] ?? "",
                next: listing.nextCursor.map { cursor in
                    list
                        + PercentEncoding.query([
                            "outcome": query["outcome"], "type": query["type"], "program_id": query["program_id"],
                            "affiliate_id": query["affiliate_id"], "order_id": query["order_id"],
                            "event_id": query["event_id"], "code": query["code"], "from": query["from"],
                            "to": query["to"], "cursor": cursor,
                        ])
                }, isFiltered: fields.contains { query[$0] != nil })
        }
    }

    private static func choices(_ words: [String], _ all: String, _ selected: String?) -> [ConversionsPage.Choice] {
        [ConversionsPage.Choice(value: "", label: all, isSelected: selected == nil)]
            + words.map {
                ConversionsPage.Choice(value: $0, label: StateLabel.words($0), isSelected: $0 == selected)
            }
    }

    private static func commission(_ call: Call, _ services: Services) async throws -> Answer {
        let explanation = try await LedgerRoutes.explanation(of: call, services)
        let principal = try call.authenticated()
        return try await services.page("commission", "Commission \(explanation.commissionId.prefix(8))", for: call) {
            transaction, facts throws(PostgresError) in
            let program = try ProgramStore.program(explanation.programId, in: transaction)
            return CommissionPage(explanation, program.flatMap { Currency(code: $0.currency) }, reader: principal)
        }
    }
}
