import Crypto
import DevKit
import Domain
import Events
import Foundation
import Postgres
import Synchronization
import Testing
import WorkerRuntime

@testable import Providers

@Suite("Notifications in Amazon's envelope") struct SNSTests {
    static let message =
        #"{\"clientId\":\"c60d2d5b-203c-45bb-9f6e-93641d40a599\",\"notificationType\":\"payouts\",\"version\":1,"#
        + #"\"payout\":{\"id\":\"b8627ae8-732b-4d25-b947-1df8f4007a29\",\"status\":\"complete\"}}"#

    static let topic = "arn:aws:sns:us-east-1:908968368384:sandbox_platform-notifications-topic"

    static let certificate = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-1.pem"

    static func envelope(
        type: String = "Notification",
        topic: String = SNSTests.topic, more: String = "", message: String = SNSTests.message,
        signature: String = "x", version: String = "1", certificate: String = SNSTests.certificate
    ) -> [UInt8] {
        Array(
            """
            {"Type":"\(type)","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"\(topic)",\(more)\
            "Message":"\(message)","Timestamp":"2026-11-01T12:00:00.000Z","Signature":"\(signature)",\
            "SignatureVersion":"\(version)","SigningCertURL":"\(certificate)"}
            """.utf8)
    }

    @Test("The text to sign is that of another implementation")
    func canonical() throws {
        let text = try #require(SNSMessage(SNSTests.envelope())).stringToSign
        #expect(text.utf8.count == 357)
        func hex(_ digest: some Digest) -> String { digest.map { String(format: "%02x", $0) }.joined() }
        let bytes = Data(text.utf8)
        #expect(
            hex(SHA256.hash(data: bytes)) == "49609ce7abbe0e959ef7d1b35737c9300f6fb1ec82b845e26994c1ddd7556733")
        #expect(hex(Insecure.SHA1.hash(data: bytes)) == "31fb6b6082e7d5872293649a5c2faa8954bc1ccf")
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
            ("https://sns.us-east-1.amazonaws.com/x.pem?a=b", false), ("https://sns.us-east-1.amazonaws.com/x", false),
        ])
    func host(url: String, isAmazon: Bool) throws {
        let message = try #require(SNSMessage(SNSTests.envelope(certificate: url)))
        #expect((message.certificateURL == url) == isAmazon)
    }
}

@Suite("Amazon's signatures", .timeLimit(.minutes(2))) struct SNSSignatureTests {
    private static let now = Timestamp(secondsSinceEpoch: 1_798_761_600)

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var type = "Notification"
        /// What the signature is of, and what comes.
        var signedMessage = SNSTests.message
        var message = SNSTests.message
        var topic = SNSTests.topic
        var signedVersion = 1
        var version = "1"
        var isOtherKey = false
        var certificate = SNSTests.certificate
        var years: Int64 = 0
        let answer: SNSCertificates.Answer

        init(_ description: String, _ answer: SNSCertificates.Answer, _ change: (inout Case) -> Void = { _ in }) {
            testDescription = description
            self.answer = answer
            change(&self)
        }
    }

    static let cases = [
        Case("version 1", .genuine),
        Case("version 2", .genuine) { ($0.signedVersion, $0.version) = (2, "2") },
        Case("a confirmation", .genuine) { $0.type = "SubscriptionConfirmation" },
        Case("SHA-1 as version 2", .wrongSignature) { $0.version = "2" },
        Case("SHA-256 as version 1", .wrongSignature) { $0.signedVersion = 2 },
        Case("a version that is none", .wrongSignature) { $0.version = "3" },
        Case("another message", .wrongSignature) { $0.message = "{}" },
        Case("another topic", .wrongSignature) { $0.topic = SNSTests.topic.replacing("us-east-1", with: "eu-west-1") },
        Case("another key", .wrongSignature) { $0.isOtherKey = true },
        Case("a certificate elsewhere", .unknownKey) { $0.certificate = "https://example.com/x.pem" },
        Case("an unencrypted certificate", .unknownKey) {
            $0.certificate = SNSTests.certificate.replacing("https", with: "http")
        },
        Case("no certificate", .unknownKey) { $0.certificate = "" },
        Case("what is no certificate", .unknownKey) { $0.certificate = "https://sns.us-east-1.amazonaws.com/no.pem" },
        Case("a short key", .unknownKey) { $0.certificate = "https://sns.us-east-1.amazonaws.com/short.pem" },
        Case("nobody there", .unavailable) { $0.certificate = "https://sns.us-east-1.amazonaws.com/gone.pem" },
        Case("expired", .unknownKey) { $0.years = 20 },
        Case("not valid yet", .unknownKey) { $0.years = -20 },
    ]

    @Test("A message is genuine by the key of the certificate that it names, at Amazon's own address")
    func table() async throws {
        let (sns, other, short) = (
            try await FakeSNS.make(), try await FakeSNS.make(), try await FakeSNS.make(bits: 1_024)
        )
        for example in SNSSignatureTests.cases {
            let certificates = SNSCertificates { url in
                switch url.split(separator: "/").last {
                case "no.pem": Array("-----BEGIN CERTIFICATE-----".utf8)
                case "short.pem": short.certificate
                case "gone.pem": nil
                default: sns.certificate
                }
            }
            let isShort = example.certificate.hasSuffix("short.pem")
            let signer = example.isOtherKey ? other : isShort ? short : sns
            let signature = try signer.sign(
                try #require(SNSMessage(SNSSignatureTests.envelope(example, example.signedMessage, SNSTests.topic)))
                    .stringToSign, version: example.signedVersion)
            let message = try #require(
                SNSMessage(
                    SNSSignatureTests.envelope(example, example.message, example.topic, signature: signature)))
            let now = SNSSignatureTests.now.adding(seconds: example.years * 366 * 86_400)
            #expect(await certificates.verify(message, at: now) == example.answer, "\(example.testDescription)")
            for wrong in ["", "%%%", String(signature.dropLast(8))] where example.answer == .genuine {
                let message = try #require(
                    SNSMessage(SNSSignatureTests.envelope(example, example.message, example.topic, signature: wrong)))
                #expect(await certificates.verify(message, at: now) == .wrongSignature, "\(wrong)")
            }
        }
    }

    private static func envelope(
        _ example: Case, _ message: String, _ topic: String, signature: String = ""
    ) -> [UInt8] {
        let more =
            example.type == "Notification"
            ? "" : #""Token":"t","SubscribeURL":"https://sns.us-east-1.amazonaws.com/","#
        return SNSTests.envelope(
            type: example.type, topic: topic, more: more, message: message, signature: signature,
            version: example.version, certificate: example.certificate)
    }

    @Test("A certificate is fetched once, and however many are named, few are fetched")
    func bounds() async throws {
        let sns = try await FakeSNS.make()
        let fetched = Mutex<[String]>([])
        let certificates = SNSCertificates { url in
            fetched.withLock { $0.append(url) }
            return url == SNSTests.certificate ? sns.certificate : []
        }
        func answer(_ url: String, at now: Timestamp) async throws -> SNSCertificates.Answer {
            let body = try sns.signed(SNSTests.envelope(certificate: url))
            return await certificates.verify(try #require(SNSMessage(body)), at: now)
        }
        let now = SNSSignatureTests.now
        for _ in 0..<3 { #expect(try await answer(SNSTests.certificate, at: now) == .genuine) }
        var answers: [SNSCertificates.Answer: Int] = [:]
        for index in 0..<40 {
            answers[try await answer("https://sns.x\(index).amazonaws.com/a.pem", at: now), default: 0] += 1
        }
        #expect(answers == [.unknownKey: 9, .unavailable: 31])
        // What is made up minute by minute pushes no genuine one out.
        for minute in 1..<5 {
            for index in 0..<10 {
                let url = "https://sns.y\(minute)-\(index).amazonaws.com/a.pem"
                _ = try await answer(url, at: now.adding(seconds: Int64(minute) * 60))
            }
        }
        #expect(try await answer(SNSTests.certificate, at: now) == .genuine)
        #expect(fetched.withLock { $0.filter { $0 == SNSTests.certificate }.count } == 1)
        #expect(fetched.withLock(\.count) == 50)
    }

    @Test("What lies at an address is taken up to a size, and only if it is there")
    func download() async throws {
        let sns = try await FakeSNS.make()
        var settings = FakeCircleSettings()
        settings.certificate = sns.certificate
        let fake = try await FakeCircle.start(settings, logger: .silent)
        let client = ProviderClient(client: StripeConnect.makeClient(), timeout: .seconds(10))
        let url = fake.baseURL + "/SimpleNotificationService-fake.pem"
        #expect(await client.download(url, bytesMaximum: 64 * 1_024) == sns.certificate)
        #expect(await client.download(url, bytesMaximum: sns.certificate.count - 1) == nil)
        #expect(await client.download(url + ".gone", bytesMaximum: 64 * 1_024) == nil)
        await fake.stop()
        #expect(await client.download(url, bytesMaximum: 64 * 1_024) == nil)
        try await client.client.shutdown()
    }
}

extension FakeSNS {
    /// An envelope with its signature in place of the one that it has.
    func signed(_ body: [UInt8]) throws -> [UInt8] {
        guard let text = SNSMessage(body)?.stringToSign else { return body }
        let signature = try sign(text, version: 1)
        return Array(
            String(decoding: body, as: UTF8.self)
                .replacing(#""Signature":"x""#, with: #""Signature":"\#(signature)""#).utf8)
    }
}

@Suite("Hints that Amazon brings from Circle", .timeLimit(.minutes(2))) struct CircleHintTests {
    private static func notification(_ message: String, topic: String = SNSTests.topic) -> [UInt8] {
        let escaped = message.replacing("\"", with: "\\\"")
        return SNSTests.envelope(topic: topic, message: escaped)
    }

    @Test("A hint has the provider asked about a payout that it has, and stores nothing; a forged one does nothing")
    func payout() async throws {
        let sns = try await FakeSNS.make()
        try await CircleRig.with(webhooks: .missing, isSimulated: true) { rig in
            let payoutID = try await rig.request()
            try await rig.work(until: "it to be sent") { try await rig.history(of: payoutID).contains("submitted") }
            // Its first question came too early, and the next one is a day away.
            for _ in 0..<2 {
                rig.clock.advance(seconds: 1)
                await rig.fake.turn()
            }
            let object = try #require(await rig.fake.acceptances.first).id
            #expect(await rig.fake.status(of: object) == "complete")
            let receiver = CircleHintTests.receiver(rig, sns)
            let about = { (id: String) in
                CircleHintTests.notification(
                    "{\"clientId\":\"c\",\"notificationType\":\"payouts\",\"version\":1,"
                        + "\"payout\":{\"id\":\"\(id)\",\"status\":\"failed\"}}")
            }
            let says = { (id: String) in try sns.signed(about(id)) }
            let forged = await receiver.receive(about(object), signed: nil, endpoint: .circleHints)
            #expect(forged == .refused("wrong_signature"))
            let strange = await receiver.receive(
                try says("0f8fad5b-d9cb-469f-a165-70867728950e"), signed: nil, endpoint: .circleHints)
            #expect(strange == .ignored)
            #expect(await receiver.receive(try says(object), signed: nil, endpoint: .circleHints) == .hinted)
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
            let sns = try await FakeSNS.make()
            let receiver = CircleHintTests.receiver(rig, sns)
            let body = try sns.signed(body)
            #expect(await receiver.receive(body, signed: nil, endpoint: .circleHints) == answer, "\(name)")
        }
    }

    @Test("However often somebody asks for a confirmation, few are made")
    func flood() async throws {
        try await CircleRig.with { rig in
            let sns = try await FakeSNS.make()
            let receiver = CircleHintTests.receiver(rig, sns)
            let body = try sns.signed(CircleHintTests.confirmation("https://sns.us-east-1.amazonaws.com/"))
            var answers: [WebhookReceiver.Answer: Int] = [:]
            for _ in 0..<20 {
                answers[await receiver.receive(body, signed: nil, endpoint: .circleHints), default: 0] += 1
            }
            #expect(answers == [.hinted: 5, .unavailable: 15])
        }
    }

    private static func receiver(_ rig: CircleRig, _ sns: FakeSNS) -> WebhookReceiver {
        let clock = rig.clock
        return WebhookReceiver(
            pool: rig.database.pool, secrets: [:],
            circle: .init(
                keys: CircleKeys(rig.circle), pulse: Pulse(every: .seconds(3_600)),
                certificate: { _ in sns.certificate }, confirm: { $0.contains("us-east-1") }), isLive: false,
            pulse: Pulse(every: .seconds(3_600)),
            clock: { clock.now }, metrics: Metrics(), logger: .silent)
    }
}
