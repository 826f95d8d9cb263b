import Foundation
import HTTPTypes
import Hummingbird

/// The HTTP face of the fake provider.
actor FakeStripeRoutes {
    private var fake: FakeStripe?
    private static let bodyBytesMaximum = 1 << 16

    /// From here on requests are answered; until then they get 503.
    func serve(_ fake: FakeStripe) { self.fake = fake }

    nonisolated func router() -> Router<BasicRequestContext> {
        let router = Router()
        for path in ["/v1/transfers", "/v1/payouts"] {
            router.post(RouterPath(path)) { request, _ in try await self.create(path, request) }
            router.get(RouterPath(path)) { request, _ in try await self.list(path, request) }
            router.get(RouterPath(path + "/:id")) { request, context in
                try await self.show(path, id: context.parameters.require("id"), request)
            }
        }
        router.post("/v1/payouts/:id/cancel") { request, context in
            if let refusal = FakeStripeRoutes.refusal(request) { return try await refusal.response() }
            return try await self.served().cancel(
                payoutID: context.parameters.require("id"), of: request.headers[.stripeAccount] ?? ""
            ).response()
        }
        router.get("/v1/events") { request, _ in
            if let refusal = FakeStripeRoutes.refusal(request) { return try await refusal.response() }
            let fields = FormDecoding.fields(request.uri.query ?? "")
            // Those that were delivered are nobody's question.
            guard fields["delivery_success"] == "false" else { return Response(status: .notImplemented) }
            let unheard = try await self.served().unheard
            return try await UnheardEvent.page(unheard, of: request.headers[.stripeAccount] ?? "", fields).response()
        }
        router.get("/v1/balance") { request, _ in try await self.balance(request) }
        router.post("/_control") { request, context in try await self.control(request, context) }
        router.post("/_control/payouts/:id/fail") { request, context in
            let code = FormDecoding.fields(request.uri.query ?? "")["code"] ?? "account_closed"
            let isKnown = try await self.served().fail(payoutID: context.parameters.require("id"), code: code)
            return Response(status: isKnown ? .noContent : .notFound)
        }
        router.get("/_control/acceptances") { _, _ in
            try await FakeReply(["acceptances": try await self.served().acceptances]).response()
        }
        return router
    }

    private func served() throws -> FakeStripe {
        guard let fake else { throw HTTPError(.serviceUnavailable) }
        return fake
    }

    private func create(_ path: String, _ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: FakeStripeRoutes.bodyBytesMaximum)
        if let refusal = FakeStripeRoutes.refusal(request) { return try await refusal.response() }
        let creation = FakeCreation(
            path: path, account: request.headers[.stripeAccount] ?? "", key: request.headers[.idempotencyKey],
            body: String(buffer: body))
        let reply = try await served().create(creation)
        return try await reply.response()
    }

    private func show(_ path: String, id: String, _ request: Request) async throws -> Response {
        if let refusal = FakeStripeRoutes.refusal(request) { return try await refusal.response() }
        let books = try await served().books
        let account = request.headers[.stripeAccount] ?? ""
        if path == "/v1/transfers", let transfer = books.transfers.first(where: { $0.id == id }) {
            return try await FakeReply(transfer).response()
        }
        if path == "/v1/payouts", let payout = books.payouts(of: account).first(where: { $0.id == id }) {
            return try await FakeReply(payout).response()
        }
        return try await FakeReply(status: 404, FakeErrorBody(code: "resource_missing", "No such object.")).response()
    }

    private func list(_ path: String, _ request: Request) async throws -> Response {
        if let refusal = FakeStripeRoutes.refusal(request) { return try await refusal.response() }
        let books = try await served().books
        let filter = ListFilter(FormDecoding.fields(request.uri.query ?? ""))
        if path == "/v1/transfers" {
            let isWrittenOut = (request.uri.query ?? "").contains("data.balance_transaction")
            let transfers = isWrittenOut ? books.writtenOutTransfers : books.transfers
            return try await filter.page(of: transfers, id: \.id, created: \.created) { transfer in
                filter.accepts(transfer.destination, \.destination) && filter.accepts(transfer.transferGroup, \.group)
            }.response()
        }
        let payouts = books.payouts(of: request.headers[.stripeAccount] ?? "")
        return try await filter.page(of: payouts, id: \.id, created: \.created) {
            filter.accepts($0.status, \.status)
        }.response()
    }

    private func balance(_ request: Request) async throws -> Response {
        if let refusal = FakeStripeRoutes.refusal(request) { return try await refusal.response() }
        struct Amount: Codable {
            let amount: Int64
            let currency: String
        }
        let account = request.headers[.stripeAccount] ?? ""
        let fake = try served()
        // The platform's own is only known where it has a limit.
        let balance =
            if account.isEmpty, let limit = await fake.settings.platformBalance {
                ["usd": await fake.platformBalance(of: limit)]
            } else {
                await fake.balance(of: account)
            }
        let available = balance.sorted { $0.key < $1.key }.map { Amount(amount: $0.value, currency: $0.key) }
        return try await FakeReply(["available": available, "pending": []]).response()
    }

    private func control(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let body = try await request.body.collect(upTo: FakeStripeRoutes.bodyBytesMaximum)
        guard let control = try? JSONDecoder().decode(FakeStripeControl.self, from: Data(buffer: body)) else {
            return Response(status: .badRequest)  // The sender sees its own JSON; why it is wrong is no secret.
        }
        try await served().apply(control)
        return Response(status: .noContent)
    }

    /// Only keys of the test mode are known, and one that says it is revoked is not.
    private static func refusal(_ request: Request) -> FakeReply? {
        let authorization = request.headers[.authorization] ?? ""
        let isKnown = ["Bearer sk_test_", "Bearer rk_test_"].contains(where: authorization.hasPrefix)
        guard !isKnown || authorization.contains("revoked") else { return nil }
        return FakeReply(status: 401, FakeErrorBody("Invalid API key."))
    }
}

/// The filters and the cursor of a listing.
private struct ListFilter {
    let limit: Int
    let startingAfter: String?
    let endingBefore: String?
    /// The bounds that were given, as comparisons.
    let bounds: [@Sendable (Int64) -> Bool]
    let destination: String?
    let group: String?
    let status: String?

    init(_ fields: [String: String]) {
        limit = min(max(fields["limit"].flatMap { Int($0) } ?? 10, 1), 100)
        startingAfter = fields["starting_after"]
        endingBefore = fields["ending_before"]
        let comparisons: [(String, @Sendable (Int64, Int64) -> Bool)] = [
            ("gt", { $0 > $1 }), ("gte", { $0 >= $1 }), ("lt", { $0 < $1 }), ("lte", { $0 <= $1 }),
        ]
        bounds = comparisons.compactMap { name, holds in
            fields["created[\(name)]"].flatMap { Int64($0) }.map { bound in { holds($0, bound) } }
        }
        destination = fields["destination"]
        group = fields["transfer_group"]
        status = fields["status"]
    }

    func accepts(_ value: String?, _ wanted: KeyPath<ListFilter, String?>) -> Bool {
        self[keyPath: wanted] == nil || self[keyPath: wanted] == value
    }

    /// One page, newest first.
    func page<Element: Codable & Sendable>(
        of elements: [Element], id: KeyPath<Element, String>, created: KeyPath<Element, Int64>,
        where isWanted: (Element) -> Bool
    ) -> FakeReply {
        var found = elements.filter { element in
            bounds.allSatisfy { $0(element[keyPath: created]) } && isWanted(element)
        }.reversed().map { $0 }
        if let startingAfter, let position = found.firstIndex(where: { $0[keyPath: id] == startingAfter }) {
            found.removeFirst(position + 1)
        }
        if let endingBefore, let position = found.firstIndex(where: { $0[keyPath: id] == endingBefore }) {
            // Backwards: the page right before the cursor.
            let before = found[..<position]
            return FakeReply(FakeList(data: Array(before.suffix(limit)), hasMore: before.count > limit))
        }
        return FakeReply(FakeList(data: Array(found.prefix(limit)), hasMore: found.count > limit))
    }
}

extension HTTPField.Name {
    // Both are valid names; the type asks all the same.
    fileprivate static let stripeAccount = HTTPField.Name("Stripe-Account") ?? .accept
    fileprivate static let idempotencyKey = HTTPField.Name("Idempotency-Key") ?? .accept
}
