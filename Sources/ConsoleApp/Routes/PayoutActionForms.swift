import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The forms about payouts beside one approval, and the page of breaks.
enum PayoutActionForms {
    private static let list = PayoutPageRoutes.list
    private static let breaksPage = "/console/breaks"

    static func all(_ services: Services) -> [Route] {
        [
            .form(list + "/decide", .decidePayouts) { try await decideMany($0, services) },
            .form(list + "/freeze", .decidePayouts) { try await freeze($0, services) },
            .form(list + "/freezes/{id}/lift", .decidePayouts) { call in
                let write = try IdempotentWrite(form: call, route: "lift " + call.parameter("id"))
                let answer = try await BreakRoutes.lift(call.parameter("id"), write, services)
                return .redirect(after: answer, done: "lifted", to: list)
            },
            .form(list + "/{id}/cancel", .decidePayouts) { call in
                let reason = try PaymentRoutes.checked(reason: call.form["reason"])
                return try await act(.cancel(reason: reason), "canceled", call, services)
            },
            .form(list + "/{id}/check", .processPayments) { try await act(.check, "checked", $0, services) },
            .form(list + "/{id}/resolve", .decidePayouts) { call in
                let action = try PayoutControlRoutes.proposal(
                    call.form["verdict"], objectID: call.form["provider_object_id"], evidence: call.form["evidence"])
                return try await act(action, "proposed", call, services)
            },
            .form(list + "/{id}/confirm", .decidePayouts) { try await act(.confirm, "confirmed", $0, services) },
            .page(breaksPage, .readLedger) { try await breaks($0, services) },
            .form(breaksPage + "/{id}/resolve", .decidePayouts) { try await resolve($0, services) },
        ]
    }

    private static func act(
        _ action: PayoutControlRoutes.Action, _ done: String, _ call: Call, _ services: Services
    ) async throws -> Answer {
        let payoutID = try PaymentRoutes.identifier(call)
        let write = try IdempotentWrite(form: call, route: "\(action.name) \(payoutID)")
        let answer = try await PayoutControlRoutes.act(action, payoutID, write, services)
        return .redirect(after: answer, done: done, to: "\(list)/\(payoutID)")
    }

    private static func decideMany(_ call: Call, _ services: Services) async throws -> Answer {
        let decision: PaymentRoutes.Decision =
            call.form["decision"] == "reject"
            ? .reject(reason: try PaymentRoutes.checked(reason: call.form["reason"])) : .approve
        let payoutIDs = try PayoutControlRoutes.identifiers(call.form.values("payout_id"))
        let write = try IdempotentWrite(form: call, route: "many: " + decision.action)
        let answer = try await PayoutControlRoutes.decideMany(decision, payoutIDs, write, services)
        return .redirect(after: answer, done: "decided-many", to: list)
    }

    private static func freeze(_ call: Call, _ services: Services) async throws -> Answer {
        let reason = try PaymentRoutes.checked(reason: call.form["reason"])
        let write = try IdempotentWrite(form: call, route: "/payout-freezes")
        let answer = try await BreakRoutes.freeze(call.form["scope"], call.form["subject"], reason, write, services)
        return .redirect(after: answer, done: "frozen", to: list)
    }

    private static func breaks(_ call: Call, _ services: Services) async throws -> Answer {
        var filter = try BreakRoutes.filter(call)
        let showsResolved = filter.isOpen == false
        filter.isOpen = !showsResolved
        let (wanted, principal) = (filter, try call.authenticated())
        return try await services.page("breaks", "Breaks", for: call) { transaction, _ throws(PostgresError) in
            let listing = Listing(
                try BreakQueries.list(wanted, in: transaction), limit: wanted.limit, cursor: \.cursor)
            return BreaksPage(
                rows: listing.data.map(BreaksPage.Row.init), showsResolved: showsResolved,
                canResolve: principal.permissions.contains(.decidePayouts),
                next: listing.nextCursor.map { cursor in
                    breaksPage
                        + PercentEncoding.query(["status": showsResolved ? "resolved" : "open", "cursor": cursor])
                }, csrfToken: principal.session?.csrfToken ?? "")
        }
    }

    private static func resolve(_ call: Call, _ services: Services) async throws -> Answer {
        let words = try PaymentRoutes.checked(reason: call.form["resolution"])
        let write = try IdempotentWrite(form: call, route: "resolve " + call.parameter("id"))
        let answer = try await BreakRoutes.resolve(call.parameter("id"), words, write, services)
        return .redirect(after: answer, done: "break-resolved", to: breaksPage)
    }
}
