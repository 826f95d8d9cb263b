import Domain
import Foundation
import Testing

@testable import ConsoleApp

/// The document that describes the API, against the routes and answers of the API.
@Suite struct OpenAPITests {
    struct Document: Decodable, Sendable {
        struct Operation: Decodable, Sendable {
            struct Parameter: Decodable, Sendable {
                let name: String
            }
            let description: String
            let parameters: [Parameter]?
        }

        struct Components: Decodable, Sendable {
            let schemas: [String: Schema]
        }

        let openapi: String
        let paths: [String: [String: Operation]]
        let components: Components
    }

    final class Schema: Decodable, Sendable {
        let properties: [String: Schema]?
        let required: [String]?
        let items: Schema?
        let reference: String?
        let `enum`: [String]?

        private enum CodingKeys: String, CodingKey {
            case properties, required, items, `enum`
            case reference = "$ref"
        }
    }

    static func document() throws -> Document {
        try JSONDecoder().decode(Document.self, from: Data(Resources().openAPI))
    }

    @Test("The document names every route of the API with its permission, and no other")
    func routes() async throws {
        let document = try Self.document()
        #expect(document.openapi.hasPrefix("3.1"))
        try await TestConsole.with { console in
            let routes = console.app.routes.filter { $0.kind == .api }
            let served = routes.map { "\($0.method.rawValue.lowercased()) \($0.path)" }
            let described = document.paths.flatMap { path, operations in operations.keys.map { "\($0) \(path)" } }
            #expect(served.sorted() == described.sorted())
            for route in routes {
                let operation = try #require(document.paths[route.path]?[route.method.rawValue.lowercased()])
                let permission = try #require(route.permission).rawValue
                #expect(operation.description == "Permission: `\(permission)`.", "\(route.path)")
                let parameters = operation.parameters?.map(\.name) ?? []
                #expect(route.changes == parameters.contains("X-CSRF-Token"), "\(route.path)")
            }
        }
    }

    @Test("Each kind of notification is among the words of the document, in the same order")
    func notificationKinds() throws {
        let words = try Self.document().components.schemas["NotificationKind"]?.enum
        #expect(words == NotificationKind.allCases.map(\.rawValue))
    }

    @Test(
        "Every answer has the members that the document says, and no other",
        arguments: [
            ("/dashboard-metrics", "DashboardMetrics"), ("/affiliates-performance", "AffiliatePerformanceList"),
            ("/affiliates-performance?limit=1", "AffiliatePerformanceList"), ("/insights", "InsightList"),
            ("/payouts", "PayoutList"),
            ("/payment-status?affiliate_id=aff-1", "PaymentStatusList"), ("/topics", "Topics"),
            ("/dead-letters", "DeadLetterList"), ("/notifications", "NotificationList"),
            ("/notifications/preferences", "NotificationPreferenceList"), ("/webhook-endpoints", "WebhookEndpointList"),
            ("/webhook-endpoints/1/deliveries", "WebhookDeliveryList"),
            ("/fraud-flags", "FraudFlagList"),
            ("/fraud-flags/1", "FraudEvidence"), ("/appeals", "AppealList"), ("/payment-status", "Problem"),
            ("/rules?program_id=shoes", "RuleList"), ("/reason-codes", "ReasonCodeList"), ("/fx-quotes", "FxQuoteList"),
            ("/conversions", "ConversionOutcomeList"), ("/commissions", "CommissionList"), ("/programs", "ProgramList"),
            ("/programs/shoes", "Program"), ("/affiliates", "AffiliateList"),
            ("/affiliates/aff-1", "Affiliate"), ("/programs/shoes/coupons", "CouponList"),
            ("/ledger/periods", "PeriodList"), ("/ledger/periods/2026-10", "PeriodStatementList"),
            ("/statements?affiliate_id=aff-2", "StatementList"),
            ("/statements/2026-10?affiliate_id=aff-2", "Statement"),
            ("/imports", "ImportList"), ("/imports/none", "Problem"), ("/withheld-payouts", "WithheldPayoutList"),
            ("/reconciliation-breaks", "ReconciliationBreakList"), ("/payout-freezes", "PayoutFreezeList"),
            ("/settings", "SettingList"),
        ])
    func answers(path: String, schema: String) async throws {
        let schemas = try Self.document().components.schemas
        try await TestConsole.with { console in
            try await OutcomeAPITests.feed(console)
            let reply = try await console.browser(.owner).get(path)
            let value = try JSONSerialization.jsonObject(with: Data(reply.body.utf8))
            #expect(Self.differences(value, try #require(schemas[schema]), schemas, at: schema) == [])
        }
    }

    static func differences(
        _ value: Any, _ schema: Schema, _ schemas: [String: Schema], at place: String
    ) -> [String] {
        if let reference = schema.reference {
            let name = reference.split(separator: "/").last.map(String.init) ?? ""
            guard let target = schemas[name] else { return ["\(place): no schema \(name)"] }
            return differences(value, target, schemas, at: name)
        }
        if let items = schema.items {
            guard let values = value as? [Any] else { return ["\(place): no array"] }
            return values.flatMap { differences($0, items, schemas, at: place + "[]") }
        }
        if let words = schema.enum, let text = value as? String {
            return words.contains(text) ? [] : ["\(place): \(text) is not among the words"]
        }
        guard let properties = schema.properties else { return [] }
        guard let members = value as? [String: Any] else { return ["\(place): no object"] }
        let missing = (schema.required ?? []).filter { members[$0] == nil }.map { "\(place).\($0): missing" }
        return missing
            + members.flatMap { name, member in
                guard let property = properties[name] else { return ["\(place).\(name): not described"] }
                return differences(member, property, schemas, at: "\(place).\(name)")
            }
    }
}
