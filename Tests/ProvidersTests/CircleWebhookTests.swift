import DevKit
import Domain
import Events
import Postgres
import Providers
import Testing
import WorkerRuntime

@Suite("Circle's signatures") struct CircleSignatureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let key: String
        let body: String
        let signature: String
        let isValid: Bool

        init(_ description: String, key: String = made, body: String, signature: String, _ isValid: Bool) {
            testDescription = description
            self.key = key
            self.body = body
            self.signature = signature
            self.isValid = isValid
        }
    }

    /// Circle's own example.
    private static let documented =
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESl76SZPBJemW0mJNN4KTvYkLT8bOT4UGhFhzNk3fJqf6iuPlLQLq53"
        + "3FelXwczJbjg2U1PHTvQTK"
        + "7qOQnDL2Tg=="
    private static let documentedSignature =
        "MEQCIBlJPX7t0FDOcozsRK6qIQwik5Fq6mhAtCSSgIB/yQO7AiB9U5lVpdufKvPhk3cz4TH2f5MP7ArnmPRBmhPztpsIFQ=="
    private static let documentedBody =
        #"{"subscriptionId":"00000000-0000-0000-0000-000000000000","#
        + #""notificationId":"00000000-0000-0000-0000-000000000000","notificationType":"webhooks.test","#
        + #""notification":{"hello":"world"},"timestamp":"2024-01-26T18:22:19.779834211Z","version":2}"#

    /// Made by another implementation.
    static let made =
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUVw9brnjlrkE0/7Kf1T9zQzB6Ze/N13KUVrQpsO0A19FNr46UPMY+/"
        + "mlR1kCoiFQK+8NV+CMU7LM"
        + "ClbxfZ+TVA=="
    static let madeSignature =
        "MEUCIQCAwPMtNrsebc1xPVmFW7XbAmWaBbKrGa3XNeMmxIszpQIgUyWq/STJmtPIcs5ltSL0/SlWz6eocmleuIUR9/1d2u0="
    static let madeBody =
        #"{"subscriptionId":"d4c07d5f-f05f-4fe4-853d-4dd434806dfb","#
        + #""notificationId":"acab8c14-92ae-481a-8335-6eb5271da014","notificationType":"transactions.outbound","#
        + #""notification":{"id":"ad3f40ae-9c0e-52cf-816f-91838850572a","blockchain":"BASE-SEPOLIA","#
        + #""refId":"payout_01J","transactionType":"OUTBOUND","state":"COMPLETE","amounts":["27.17"],"#
        + #""txHash":"0x535ff240984f54e755d67cdc9c79c88768fe5997955f09f3a66b4d1126810900"},"#
        + #""timestamp":"2026-11-01T12:00:00.000Z","version":2}"#

    static let cases = [
        Case("Circle's own", key: documented, body: documentedBody, signature: documentedSignature, true),
        Case(
            "a newline more", key: documented, body: "{\n" + documentedBody.dropFirst(),
            signature: documentedSignature, false),
        Case("another implementation's", body: madeBody, signature: madeSignature, true),
        Case(
            "the other signature of the same body", body: madeBody,
            signature:
                "MEYCIQCAwPMtNrsebc1xPVmFW7XbAmWaBbKrGa3XNeMmxIszpQIhAKzaVQHbNmUtN40xmkrdCwKTkCsF/qU1Jjs0uMr/BUpk",
            true),
        Case(
            "another amount", body: madeBody.replacing("27.17", with: "27.18"), signature: madeSignature, false),
        Case("another key", key: documented, body: madeBody, signature: madeSignature, false),
        Case("another body's signature", body: madeBody, signature: documentedSignature, false),
        Case("cut short", body: madeBody, signature: String(madeSignature.dropLast(4)), false),
        Case("not base64", body: madeBody, signature: "%%%", false),
        Case("none", body: madeBody, signature: "", false),
        Case(
            "the two numbers without their DER form", body: madeBody,
            signature: "gMDzLTa7Hm3NcT1ZhVu12wJlmgWyqxmt1zXjJsSLM6VTJar9JMma08hyzmW1IvT9KVbPp6hyaV64hRH3/V3a7Q==", false
        ),
    ]

    @Test("A signature holds for its bytes and its key alone", arguments: cases)
    func verify(_ example: Case) throws {
        let key = try #require(CirclePublicKey(base64: example.key))
        #expect(key.isValid(example.signature, for: Array(example.body.utf8)) == example.isValid)
    }

    @Test("What is no key of the curve is none", arguments: ["", "AAAA", "not base64", String(documented.dropLast(8))])
    func noKey(text: String) {
        #expect(CirclePublicKey(base64: text) == nil)
    }
}

@Suite("Receiving Circle's webhooks", .timeLimit(.minutes(2))) struct CircleReceivingTests {
    private static let now = Timestamp(secondsSinceEpoch: 1_798_761_600)

    private static func body(
        _ id: String = "acab8c14-92ae-481a-8335-6eb5271da014", kind: String = "payouts",
        object: String = #"{"id":"ad3f40ae-9c0e-52cf-816f-91838850572a"}"#, ageSeconds: Int64 = 0
    ) -> String {
        """
        {"subscriptionId":"s","notificationId":"\(id)","notificationType":"\(kind)","notification":\(object),\
        "timestamp":"\(now.adding(seconds: -ageSeconds).rfc3339)","version":2}
        """
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var body = CircleReceivingTests.body()
        /// nil: the genuine one.
        var signature: String?
        var keyID = FakeCircleKey.id
        let answer: WebhookReceiver.Answer

        init(
            _ description: String, body: String = CircleReceivingTests.body(), signature: String? = nil,
            keyID: String = FakeCircleKey.id, _ answer: WebhookReceiver.Answer
        ) {
            testDescription = description
            self.body = body
            self.signature = signature
            self.keyID = keyID
            self.answer = answer
        }
    }

    static let cases = [
        Case("genuine", .stored),
        Case("three days old", body: body(ageSeconds: 3 * 86_400), .stored),
        Case("older", body: body(ageSeconds: 3 * 86_400 + 1), .refused("outside_tolerance")),
        Case("from the future", body: body(ageSeconds: -301), .refused("outside_tolerance")),
        Case("about an entry of the address book", body: body(kind: "addressBookRecipients"), .stored),
        Case("a test of the endpoint", body: body(kind: "webhooks.test", object: #"{"hello":"world"}"#), .ignored),
        Case("another signature", signature: FakeCircleKey.sign([1]), .refused("wrong_signature")),
        Case("no signature", signature: "", .refused("wrong_signature")),
        Case("a key that Circle has not", keyID: "0f8fad5b-d9cb-469f-a165-70867728950e", .refused("unknown_key")),
        Case("a key that is no id", keyID: "../../v1/payouts", .refused("unknown_key")),
        Case("no notification", body: "{}", .refused("unreadable")),
        Case("no JSON", body: "payouts", .refused("unreadable")),
        Case("an id that no text column holds", body: body(#"x\u0000"#), .refused("unreadable")),
        Case("an empty id", body: body(""), .refused("unreadable")),
    ]

    @Test("What is genuine is stored, anything else leaves no trace", arguments: cases)
    func receive(_ example: Case) async throws {
        try await CircleReceivingTests.with { receiver, pool in
            let body = Array(example.body.utf8)
            let signature = WebhookReceiver.Signature(
                example.signature ?? FakeCircleKey.sign(body), keyID: example.keyID)
            #expect(await receiver.receive(body, signed: signature, endpoint: .circle) == example.answer)
            let stored = try await CircleReceivingTests.stored(in: pool)
            #expect(stored == (example.answer == .stored ? 1 : 0))
        }
    }

    @Test("A notification that comes again, with another signature each time, is stored once")
    func again() async throws {
        try await CircleReceivingTests.with { receiver, pool in
            let body = Array(CircleReceivingTests.body().utf8)
            for expected in [WebhookReceiver.Answer.stored, .repeated, .repeated] {
                let signature = WebhookReceiver.Signature(FakeCircleKey.sign(body), keyID: FakeCircleKey.id)
                #expect(await receiver.receive(body, signed: signature, endpoint: .circle) == expected)
            }
            let stored = try await CircleReceivingTests.stored(in: pool)
            #expect(stored == 1)
        }
    }

    @Test("Without Circle configured nothing is taken at its endpoint, nor without a signature")
    func unconfigured() async throws {
        try await TestDatabase.with { database in
            let receiver = WebhookReceiver(
                pool: database.pool, secrets: [:], isLive: false, pulse: Pulse(every: .seconds(3_600)),
                metrics: Metrics(), logger: .silent)
            let body = Array(CircleReceivingTests.body().utf8)
            let signature = WebhookReceiver.Signature(FakeCircleKey.sign(body), keyID: FakeCircleKey.id)
            #expect(await receiver.receive(body, signed: signature, endpoint: .circle) == .refused("unknown_key"))
            #expect(await receiver.receive(body, signed: nil, endpoint: .circle) == .refused("unsigned"))
        }
    }

    @Test("Made-up key ids cause few questions, and a known key keeps its answer meanwhile")
    func flood() async throws {
        try await CircleReceivingTests.with { receiver, _ in
            let body = Array(CircleReceivingTests.body().utf8)
            func answer(_ keyID: String) async -> WebhookReceiver.Answer {
                await receiver.receive(
                    body, signed: .init(FakeCircleKey.sign(body), keyID: keyID), endpoint: .circle)
            }
            #expect(await answer(FakeCircleKey.id) == .stored)
            var answers: [WebhookReceiver.Answer: Int] = [:]
            for index in 0..<40 { answers[await answer(Identifier(UInt128(index)).description), default: 0] += 1 }
            // Ten questions a minute, one of which was for the genuine key.
            #expect(answers == [.refused("unknown_key"): 9, .unavailable: 31])
            #expect(await answer(FakeCircleKey.id) == .repeated)
        }
    }

    private static func with(
        _ body: (WebhookReceiver, PostgresPool) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let fake = try await FakeCircle.start(logger: .silent)
            let client = StripeConnect.makeClient()
            let circle = CircleMint(
                configuration: try CircleConfiguration(
                    baseURL: fake.baseURL, apiKey: FakeCircle.apiKey, walletID: "1", isLive: false), client: client)
            let receiver = WebhookReceiver(
                pool: database.pool, secrets: [:],
                circle: .init(keys: CircleKeys(circle), pulse: Pulse(every: .seconds(3_600))), isLive: false,
                pulse: Pulse(every: .seconds(3_600)), clock: { now }, metrics: Metrics(), logger: .silent)
            let result = await Result { try await body(receiver, database.pool) }
            await fake.stop()
            try await client.shutdown()
            try result.get()
        }
    }

    private static func stored(in pool: PostgresPool) async throws -> Int {
        try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query("SELECT event_id FROM webhook_inbox WHERE provider = 'circle'") { row in
                try row.text(0)
            }
        }.count
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
