import AsyncHTTPClient
import DevKit
import Events
import Foundation
import NIOCore
import Providers
import Testing

/// What the payer relies on, asked of the fake over HTTP as the payer asks it.
@Suite("The fake Stripe behaves as Stripe does", .timeLimit(.minutes(2))) struct FakeStripeTests {
    private static let body = "amount=100&currency=usd&destination=acct_a"

    @Test("A key answers the same request with the same reply, and any other with status 400")
    func replay() async throws {
        try await FakeStripeTests.with { stripe in
            let first = try await stripe.transfer(FakeStripeTests.body, key: "k")
            let second = try await stripe.transfer(FakeStripeTests.body, key: "k")
            let other = try await stripe.transfer(FakeStripeTests.body + "&description=x", key: "k")
            #expect(first.status == 200 && !first.isReplayed)
            #expect(second.status == 200 && second.isReplayed && second.body == first.body)
            #expect(other.status == 400 && other.body["error"]?["type"]?.string == "idempotency_error")
            #expect(await stripe.fake.acceptances.count == 1)
        }
    }

    @Test("A failure is remembered like any other reply, and a request that is malformed is not")
    func failures() async throws {
        try await FakeStripeTests.with { stripe in
            let refused = "amount=100&currency=usd&destination=acct_a_not_allowed"
            for isReplayed in [false, true] {
                let reply = try await stripe.transfer(refused, key: "refused")
                #expect(reply.status == 400 && reply.isReplayed == isReplayed)
            }
            #expect(try await stripe.transfer("amount=100", key: "malformed").status == 400)
            #expect(try await stripe.transfer(FakeStripeTests.body, key: "malformed").status == 200)
        }
    }

    @Test("A key whose first send is under way gets status 409, and its reply afterwards")
    func running() async throws {
        try await FakeStripeTests.with { stripe in
            await stripe.setFault(.running)
            async let first = stripe.transfer(FakeStripeTests.body, key: "k")
            try await wait(for: "the first send to arrive", within: .seconds(30), every: .milliseconds(2)) {
                await stripe.fake.acceptances.count == 1
            }
            let second = try await stripe.transfer(FakeStripeTests.body, key: "k")
            #expect(second.status == 409 && second.body["error"]?["code"]?.string == "idempotency_key_in_use")
            #expect(try await first.status == 200)
            try await wait(for: "the key to be free", within: .seconds(30), every: .milliseconds(2)) {
                try await stripe.transfer(FakeStripeTests.body, key: "k").status == 200
            }
            #expect(await stripe.fake.acceptances.count == 1)
        }
    }

    @Test("A key is forgotten after a day: sent again, it pays again")
    func expiry() async throws {
        try await FakeStripeTests.with { stripe in
            _ = try await stripe.transfer(FakeStripeTests.body, key: "k")
            for (hours, payments) in [(23, 1), (24, 2)] {
                var control = FakeStripeControl()
                control.aheadSeconds = Int64(hours) * 3_600
                await stripe.fake.apply(control)
                _ = try await stripe.transfer(FakeStripeTests.body, key: "k")
                #expect(await stripe.fake.acceptances.count == payments)
            }
        }
    }

    @Test("Too many requests are told why")
    func limited() async throws {
        try await FakeStripeTests.with { stripe in
            await stripe.setFault(.rateLimited)
            let reply = try await stripe.transfer(FakeStripeTests.body, key: "k")
            #expect(reply.status == 429 && reply.limitReason == "endpoint-rate")
        }
    }

    @Test("A listing has pages in both directions, and bounds by creation")
    func listing() async throws {
        try await FakeStripeTests.with { stripe in
            for index in 0..<5 {
                var control = FakeStripeControl()
                control.aheadSeconds = Int64(index) * 1_000
                await stripe.fake.apply(control)
                _ = try await stripe.transfer(FakeStripeTests.body, key: "k\(index)")
            }
            let all = try await stripe.list("limit=100")
            #expect(all.count == 5)
            #expect(try await stripe.list("limit=2").map(\.id) == Array(all.prefix(2).map(\.id)))
            #expect(try await stripe.list("limit=2&starting_after=\(all[1].id)").map(\.id) == all[2...3].map(\.id))
            #expect(try await stripe.list("limit=2&ending_before=\(all[3].id)").map(\.id) == all[1...2].map(\.id))
            let middle = all[2].created
            for (bound, count) in [("gt", 2), ("gte", 3), ("lt", 2), ("lte", 3)] {
                #expect(try await stripe.list("limit=9&created[\(bound)]=\(middle)").count == count, "\(bound)")
            }
            #expect(try await stripe.list("limit=9&destination=acct_b").isEmpty)
        }
    }

    /// The fake, and requests to it.
    private struct Stripe: Sendable {
        struct Reply: Sendable {
            let status: UInt
            let isReplayed: Bool
            let limitReason: String?
            let body: JSONTree
        }

        let fake: FakeStripe
        let client: HTTPClient

        func setFault(_ fault: ProviderFault) async {
            var control = FakeStripeControl()
            control.faults = ["*": [fault]]
            await fake.apply(control)
        }

        func transfer(_ body: String, key: String) async throws -> Reply {
            var request = HTTPClientRequest(url: fake.baseURL + "/v1/transfers")
            request.method = .POST
            request.headers.add(name: "Idempotency-Key", value: key)
            request.body = .bytes(ByteBuffer(string: body))
            return try await send(request)
        }

        func list(_ query: String) async throws -> [(id: String, created: Int64)] {
            let page = try await send(HTTPClientRequest(url: fake.baseURL + "/v1/transfers?" + query))
            return (page.body["data"]?.array ?? []).map { object in
                (id: object["id"]?.string ?? "", created: object["created"]?.integer ?? 0)
            }
        }

        private func send(_ request: HTTPClientRequest) async throws -> Reply {
            var request = request
            request.headers.add(name: "Authorization", value: "Bearer \(FakeStripe.apiKey)")
            let response = try await client.execute(request, timeout: .seconds(10))
            let body = try await response.body.collect(upTo: 1 << 20)
            return Reply(
                status: response.status.code,
                isReplayed: response.headers.first(name: "Idempotent-Replayed") == "true",
                limitReason: response.headers.first(name: "Stripe-Rate-Limited-Reason"),
                body: JSONTree(Array(buffer: body)[...]) ?? .null)
        }
    }

    private static func with(_ body: (Stripe) async throws -> Void) async throws {
        var settings = FakeStripeSettings()
        settings.slowness = .milliseconds(300)
        let stripe = Stripe(
            fake: try await FakeStripe.start(settings, logger: .silent), client: StripeConnect.makeClient())
        var failure: (any Error)?
        do { try await body(stripe) } catch { failure = error }
        await stripe.fake.stop()
        try await stripe.client.shutdown()
        if let failure { throw failure }
    }
}
