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

@Suite("Notifications in Amazon's envelope") struct SNSTests {
    static let message =
        #"{\"clientId\":\"c60d2d5b-203c-45bb-9f6e-93641d40a599\",\"notificationType\":\"payouts\",\"version\":1,"#
        + #"\"payout\":{\"id\":\"b8627ae8-732b-4d25-b947-1df8f4007a29\",\"status\":\"complete\"}}"#

    static let topic = "arn:aws:sns:us-east-1:908968368384:sandbox_platform-notifications-topic"

    static func envelope(
        type: String = "Notification",
        topic: String = SNSTests.topic, more: String = "", message: String = SNSTests.message
    ) -> [UInt8] {
        Array(
            """
            {"Type":"\(type)","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"\(topic)",\(more)\
            "Message":"\(message)","Timestamp":"2026-11-01T12:00:00.000Z","Signature":"x","SignatureVersion":"1"}
            """.utf8)
    }

    @Test("The text to sign is that of another implementation")
    func canonical() throws {
        let text = try #require(SNSMessage(SNSTests.envelope())).stringToSign
        #expect(text.utf8.count == 357)
        // The first half of its SHA-256.
        #expect(Identifier(hashing: Array(text.utf8)).description == "49609ce7-abbe-0e95-9ef7-d1b35737c930")
    }

    @Test("A subject is signed where there is one, a confirmation's members always")
    func members() throws {
        let subject = try #require(SNSMessage(SNSTests.envelope(more: #""Subject":"s","#)))
        #expect(subject.stringToSign.contains("\nSubject\ns\nTimestamp\n"))
        let more = #""Token":"t","SubscribeURL":"https://sns.us-east-1.amazonaws.com/","#
        let confirmation = try #require(
            SNSMessage(SNSTests.envelope(type: "SubscriptionConfirmation", more: more)))
        #expect(
            confirmation.stringToSign.split(separator: "\n").enumerated().filter { $0.offset.isMultiple(of: 2) }
                .map(\.element)
                == ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"])
        #expect(SNSMessage(SNSTests.envelope(type: "SubscriptionConfirmation")) == nil)
        #expect(SNSMessage(SNSTests.envelope(type: "Other")) == nil)
        #expect(SNSMessage(Array("{}".utf8)) == nil)
    }

    @Test(
        "Only Circle's topics are Circle's",
        arguments: [
            ("arn:aws:sns:us-east-1:908968368384:sandbox_platform-notifications-topic", true),
            ("arn:aws:sns:eu-west-1:908968368384:prod_platform-notifications-topic", true),
            ("arn:aws:sns:us-east-1:908968368385:sandbox_platform-notifications-topic", false),
            ("arn:aws:sns:us-east-1:908968368384:other", false),
            ("xarn:aws:sns:us-east-1:908968368384:prod_platform-notifications-topic", false),
            ("arn:aws:sns:us-east-1:908968368384:prod_platform-notifications-topic:x", false),
        ])
    func topic(topic: String, isCircles: Bool) throws {
        #expect(try #require(SNSMessage(SNSTests.envelope(topic: topic))).isFromCircle == isCircles)
    }

    @Test(
        "Only Amazon's own hosts may be asked",
        arguments: [
            ("https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem", true),
            ("http://sns.us-east-1.amazonaws.com/x.pem", false),
            ("https://sns.us-east-1.amazonaws.com.example.com/x.pem", false),
            ("https://example.com/sns.us-east-1.amazonaws.com", false),
            ("https://sns.us-east-1.amazonaws.com:8443/x.pem", false),
            ("https://a@sns.us-east-1.amazonaws.com/x.pem", false), ("https://sns..amazonaws.com/x.pem", false),
        ])
    func host(url: String, isAmazon: Bool) {
        #expect(SNSMessage.isAmazon(url) == isAmazon)
    }
}

@Suite("Hints that Amazon brings from Circle", .timeLimit(.minutes(2))) struct CircleHintTests {
    private static func notification(_ message: String, topic: String = SNSTests.topic) -> [UInt8] {
        let escaped = message.replacing("\"", with: "\\\"")
        return SNSTests.envelope(topic: topic, message: escaped)
    }

    @Test("A hint has the provider asked about a payout that it has, and stores nothing, whoever sent it")
    func payout() async throws {
        try await CircleRig.with(webhooks: .missing) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: "it to be sent") { try await rig.history(of: payoutID).contains("submitted") }
            // Its first question came too early, and the next one is a day away.
            try await wait(for: "Circle to be done", within: .seconds(10), every: .milliseconds(10)) {
                guard let payout = await rig.fake.acceptances.first else { return false }
                return await rig.fake.status(of: payout.id) == "complete"
            }
            let object = try #require(await rig.fake.acceptances.first).id
            let receiver = CircleHintTests.receiver(rig)
            let says = { (id: String) in
                CircleHintTests.notification(
                    "{\"clientId\":\"c\",\"notificationType\":\"payouts\",\"version\":1,"
                        + "\"payout\":{\"id\":\"\(id)\",\"status\":\"failed\"}}")
            }
            let strange = await receiver.receive(
                says("0f8fad5b-d9cb-469f-a165-70867728950e"), signed: nil, endpoint: .circleHints)
            #expect(strange == .ignored)
            #expect(await receiver.receive(says(object), signed: nil, endpoint: .circleHints) == .hinted)
            #expect(try await rig.texts("SELECT event_id FROM webhook_inbox WHERE kind = 'payouts'") == [])
            // What it said about the status is believed in nothing.
            _ = try await rig.reconciler.runOnce()
            #expect(try await rig.history(of: payoutID).suffix(2) == ["paid", "final"])
        }
    }

    static let envelopes: [(String, [UInt8], WebhookReceiver.Answer)] = [
        ("another topic", notification("{}", topic: "arn:aws:sns:us-east-1:1:x"), .refused("unreadable")),
        ("no envelope", Array("{}".utf8), .refused("unreadable")),
        ("no JSON inside", notification("payouts"), .refused("unreadable")),
        ("about a transfer", notification("{\"notificationType\":\"transfers\"}"), .ignored),
        (
            "an id that is none",
            notification("{\"notificationType\":\"payouts\",\"payout\":{\"id\":\"../x\"}}"), .ignored
        ),
        ("a confirmation", confirmation("https://sns.us-east-1.amazonaws.com/?Action=x"), .hinted),
        ("a confirmation that Amazon refuses", confirmation("https://sns.eu-west-1.amazonaws.com/"), .unavailable),
        ("a confirmation elsewhere", confirmation("https://example.com/"), .refused("unreadable")),
    ]

    private static func confirmation(_ url: String) -> [UInt8] {
        SNSTests.envelope(type: "SubscriptionConfirmation", more: "\"Token\":\"t\",\"SubscribeURL\":\"\(url)\",")
    }

    @Test("Only Circle's topics and Amazon's own addresses are followed", arguments: envelopes)
    func envelope(name: String, body: [UInt8], answer: WebhookReceiver.Answer) async throws {
        try await CircleRig.with { rig in
            let receiver = CircleHintTests.receiver(rig)
            #expect(await receiver.receive(body, signed: nil, endpoint: .circleHints) == answer, "\(name)")
        }
    }

    @Test("However often somebody asks for a confirmation, few are made")
    func flood() async throws {
        try await CircleRig.with { rig in
            let receiver = CircleHintTests.receiver(rig)
            let body = CircleHintTests.confirmation("https://sns.us-east-1.amazonaws.com/")
            var answers: [WebhookReceiver.Answer: Int] = [:]
            for _ in 0..<20 {
                answers[await receiver.receive(body, signed: nil, endpoint: .circleHints), default: 0] += 1
            }
            #expect(answers == [.hinted: 5, .unavailable: 15])
        }
    }

    private static func receiver(_ rig: CircleRig) -> WebhookReceiver {
        let clock = rig.clock
        return WebhookReceiver(
            pool: rig.database.pool, secrets: [:],
            circle: .init(
                keys: CircleKeys(rig.circle), pulse: Pulse(every: .seconds(3_600)),
                confirm: { $0.contains("us-east-1") }), isLive: false, pulse: Pulse(every: .seconds(3_600)),
            clock: { clock.now }, metrics: Metrics(), logger: .silent)
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
