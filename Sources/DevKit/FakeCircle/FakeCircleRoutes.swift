import Domain
import Foundation
import HTTPTypes
import Hummingbird

/// The HTTP face of the fake Circle.
actor FakeCircleRoutes {
    private var fake: FakeCircle?
    private static let bodyBytesMaximum = 1 << 16

    /// From here on requests are answered; until then they get 503.
    func serve(_ fake: FakeCircle) { self.fake = fake }

    nonisolated func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.post("/v1/addressBook/recipients") { request, _ in
            try await self.answer(request) { fake, body in await fake.addRecipient(body) }
        }
        router.get("/v1/addressBook/recipients/:id") { request, context in
            let id = try context.parameters.require("id")
            return try await self.answer(request) { fake, _ in
                FakeCircleRoutes.show(await fake.books.recipients.first { $0.id == id })
            }
        }
        router.post("/v1/payouts") { request, _ in
            try await self.answer(request) { fake, body in
                let order = try? JSONDecoder().decode(FakePayoutOrder.self, from: Data(body))
                return await fake.pay(body, to: order?.destination.id ?? "")
            }
        }
        router.get("/v1/payouts") { request, _ in
            try await self.answer(request) { fake, _ in
                FakeCircleRoutes.list(await fake.books.payouts, FormDecoding.fields(request.uri.query ?? ""))
            }
        }
        router.get("/v1/payouts/:id") { request, context in
            let id = try context.parameters.require("id")
            return try await self.answer(request) { fake, _ in
                FakeCircleRoutes.show(await fake.books.payouts.first { $0.id == id })
            }
        }
        router.get("/v1/businessAccount/balances") { request, _ in
            try await self.answer(request) { fake, _ in await FakeCircleRoutes.balances(fake) }
        }
        router.get("/v2/notifications/publicKey/:id") { request, context in
            let id = try context.parameters.require("id")
            return try await self.answer(request) { _, _ in FakeCircleRoutes.publicKey(id) }
        }
        router.get("/SimpleNotificationService-fake.pem") { _, _ in
            Response(
                status: .ok, body: .init(byteBuffer: ByteBuffer(bytes: try await self.served().settings.certificate)))
        }
        addControl(to: router)
        return router
    }

    private nonisolated func addControl(to router: Router<BasicRequestContext>) {
        router.post("/_control") { request, _ in
            let body = try await request.body.collect(upTo: FakeCircleRoutes.bodyBytesMaximum)
            guard let control = try? JSONDecoder().decode(FakeCircleControl.self, from: Data(buffer: body)) else {
                return Response(status: .badRequest)  // The sender sees its own JSON; why it is wrong is no secret.
            }
            try await self.served().apply(control)
            return Response(status: .noContent)
        }
        router.post("/_control/payouts/:id/fail") { request, context in
            let code = FormDecoding.fields(request.uri.query ?? "")["code"] ?? "transaction_failed"
            let isKnown = try await self.served().fail(payoutID: context.parameters.require("id"), code: code)
            return Response(status: isKnown ? .noContent : .notFound)
        }
        router.get("/_control/acceptances") { _, _ in
            try await FakeReply(["acceptances": try await self.served().acceptances]).response()
        }
    }

    private func served() throws -> FakeCircle {
        guard let fake else { throw HTTPError(.serviceUnavailable) }
        return fake
    }

    /// Only keys of the test mode are known, and one that says it is revoked is not.
    private func answer(
        _ request: Request, _ work: (FakeCircle, [UInt8]) async -> FakeReply
    ) async throws -> Response {
        let body = try await request.body.collect(upTo: FakeCircleRoutes.bodyBytesMaximum)
        let authorization = request.headers[.authorization] ?? ""
        guard authorization.hasPrefix("Bearer TEST_API_KEY:"), !authorization.contains("revoked") else {
            return try await FakeReply(circleError: 1, "Invalid credentials.", status: 401).response()
        }
        return try await work(try served(), Array(buffer: body)).response()
    }

    private static func show(_ object: (some Codable & Sendable)?) -> FakeReply {
        guard let object else { return FakeReply(circleError: 2, "Not found.", status: 404) }
        return FakeReply(circle: object)
    }

    /// Newest first; a page ends before or after the object of its cursor.
    private static func list(_ payouts: [FakeCirclePayout], _ fields: [String: String]) -> FakeReply {
        let size = min(max(fields["pageSize"].flatMap { Int($0) } ?? 50, 1), 50)
        let wanted = payouts.reversed().filter { payout in
            (fields["destination"] ?? payout.destination.id) == payout.destination.id
                && (fields["status"] ?? payout.status) == payout.status
                && (fields["source"] ?? payout.sourceWalletId) == payout.sourceWalletId
                // One form of writing, so the order of texts is that of time.
                && (fields["from"] ?? "") <= payout.createDate && payout.createDate <= (fields["to"] ?? "9999")
        }
        if let cursor = fields["pageBefore"], let position = wanted.firstIndex(where: { $0.id == cursor }) {
            return FakeReply(circle: Array(wanted[..<position].suffix(size)))
        }
        let start = fields["pageAfter"].flatMap { cursor in wanted.firstIndex { $0.id == cursor } }.map { $0 + 1 } ?? 0
        return FakeReply(circle: Array(wanted[start...].prefix(size)))
    }

    private static func balances(_ fake: FakeCircle) async -> FakeReply {
        struct Balances: Codable {
            let available: [FakeCircleMoney]
            let unsettled: [FakeCircleMoney]
        }
        let limits = await fake.settings.balances.sorted { $0.key < $1.key }
        var available: [FakeCircleMoney] = []
        for (currency, limit) in limits {
            let minor = limit - (await fake.spent(currency))
            available.append(
                FakeCircleMoney(amount: Money.decimal(minorUnits: minor, exponent: 2), currency: currency))
        }
        return FakeReply(circle: Balances(available: available, unsettled: []))
    }

    private static func publicKey(_ id: String) -> FakeReply {
        struct Key: Codable {
            let id: String
            let algorithm: String
            let publicKey: String
            let createDate: String
        }
        guard let publicKey = FakeCircleKey.publicKey(id) else {
            return FakeReply(circleError: 2, "Not found.", status: 404)
        }
        return FakeReply(
            circle: Key(
                id: id, algorithm: "ECDSA_SHA_256", publicKey: publicKey,
                createDate: "2026-01-01T00:00:00Z"))
    }
}
