import Domain
import Events
import Hummingbird
import Postgres

/// The pages about payouts and their forms.
enum PayoutPageRoutes {
    /// Balances that are not paid, on one page.
    private static let withheldMaximum = 20
    static let list = "/console/payouts"

    static func all(_ services: Services) -> [Route] {
        [
            .page(list, .readPayments) { try await payouts($0, services) },
            .page(list + "/{id}", .readPayments) { try await payout($0, services) },
            .form(list + "/plan", .processPayments) { try await plan($0, services) },
            .form(list + "/{id}/approve", .decidePayouts) { try await decide(.approve, $0, services) },
            .form(list + "/{id}/reject", .decidePayouts) { call in
                let reason = try PaymentRoutes.checked(reason: call.form["reason"])
                return try await decide(.reject(reason: reason), call, services)
            },
        ]
    }

    private static func payouts(_ call: Call, _ services: Services) async throws -> Answer {
        let filter = try ReadRoutes.payoutFilter(call, limit: call.query.limit())
        let principal = try call.authenticated()
        let query = call.query
        return try await services.page("payouts", "Payouts", for: call) { transaction, facts throws(PostgresError) in
            let rows = try PayoutQueries.list(filter, in: transaction)
            let listing = Listing(rows, limit: filter.limit, cursor: \.cursor)
            let shown = listing.data.map { PayoutsPage.Row($0, reader: principal) }
            let withheld = try WithheldRow.list(
                affiliateID: filter.affiliateID, limit: withheldMaximum, cursor: nil, in: transaction)
            let freezes = principal.permissions.contains(.readLedger) ? try FreezeQueries.inForce(in: transaction) : []
            return PayoutsPage(
                rows: shown, canDecide: shown.contains(where: \.isDecidable),
                withheld: withheld.prefix(withheldMaximum).map(PayoutsPage.Withheld.init),
                freezes: freezes.map(PayoutsPage.Freeze.init),
                canFreeze: principal.permissions.contains(.decidePayouts),
                states: choices(selected: filter.state), isOfAll: principal.session?.affiliateID == nil,
                affiliate: query["affiliate_id"] ?? "",
                from: query["from"] ?? "", to: query["to"] ?? "",
                csv: "/payouts"
                    + PercentEncoding.query(ReadRoutes.payoutFields.map { ($0, query[$0]) } + [("format", "csv")]),
                next: listing.nextCursor.map { cursor in
                    list
                        + PercentEncoding.query([
                            "state": query["state"], "affiliate_id": query["affiliate_id"], "from": query["from"],
                            "to": query["to"], "cursor": cursor,
                        ])
                }, canPlan: principal.permissions.contains(.processPayments), planKey: SecureToken.make(),
                csrfToken: principal.session?.csrfToken ?? "")
        }
    }

    private static func choices(selected: String?) -> [PayoutsPage.Choice] {
        let all = PayoutsPage.Choice(value: "", label: "All states", isSelected: selected == nil)
        return [all]
            + PayoutState.allCases.map { state in
                PayoutsPage.Choice(
                    value: state.rawValue, label: StateLabel(payoutState: state.rawValue).text,
                    isSelected: selected == state.rawValue)
            }
    }

    private static func payout(_ call: Call, _ services: Services) async throws -> Answer {
        let payoutID = try PaymentRoutes.identifier(call)
        let principal = try call.authenticated()
        let filter = PayoutFilter(
            payoutID: payoutID, affiliateID: try principal.affiliateScope(requested: nil), limit: 1)
        let found = try await services.pool.transaction { transaction throws(PostgresError) in
            try PayoutQueries.status(filter, in: transaction)
        }
        guard let status = found.first else { throw Problem.notFound("payout", payoutID.description) }
        return try await services.page("payout", "Payout \(status.payout.payoutId.prefix(8))", for: call) {
            transaction, facts throws(PostgresError) in
            let commissions = try CommissionQueries.of(
                payout: payoutID, limit: PayoutPage.commissionsMaximum + 1, in: transaction)
            let card = try PayoutCard.load(status, payoutID, in: transaction)
            return PayoutPage(status, card, commissions, reader: principal)
        }
    }

    private static func plan(_ call: Call, _ services: Services) async throws -> Answer {
        let write = try IdempotentWrite(form: call, route: "/process-payments")
        let answer = try await PaymentRoutes.plan(write, services)
        return .redirect(after: answer, done: answer.status == .created ? "planned" : "nothing-payable", to: list)
    }

    private static func decide(
        _ decision: PaymentRoutes.Decision, _ call: Call, _ services: Services
    ) async throws -> Answer {
        let payoutID = try PaymentRoutes.identifier(call)
        let write = try IdempotentWrite(form: call, route: decision.action + " " + payoutID.description)
        let answer = try await PaymentRoutes.decide(decision, payoutID, write, services)
        let done: String
        switch decision {
        case .approve: done = JSONTree(answer.body[...])?["state"]?.string == "reserved" ? "approved" : "approved-first"
        case .reject: done = "rejected"
        }
        return .redirect(after: answer, done: done, to: list)
    }
}
