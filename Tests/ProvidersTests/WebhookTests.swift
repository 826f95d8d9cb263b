import DevKit
import Domain
import Postgres
import Providers
import Testing
import WorkerRuntime

@Suite("Webhook signatures") struct SignatureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var body = SignatureTests.paid
        var header: String
        var secrets = [SignatureTests.secret]
        /// Seconds from the signature's moment to now.
        var age: Int64 = 0
        var signedAt: Int64 = 1_700_000_000
        var refusal: StripeSignature.Refusal?

        init(
            _ description: String, body: String = SignatureTests.paid, header: String,
            secrets: [String] = [SignatureTests.secret], signedAt: Int64 = 1_700_000_000, age: Int64 = 0,
            refusal: StripeSignature.Refusal? = nil
        ) {
            testDescription = description
            self.body = body
            self.header = header
            self.secrets = secrets
            self.signedAt = signedAt
            self.age = age
            self.refusal = refusal
        }
    }

    static let secret = "whsec_test_secret"
    static let rotated = "whsec_test_secret_rotated"
    static let digest = "d47c47328ade4cde6964501d29e3017cb52d4ea500ade8c65c2dfdd50e03efae"
    static let header = "t=1700000000,v1=\(digest)"
    static let rotation =
        "t=1700000600,v1=5fcd4d2bfbd74c1650fa68161cf375e2b3721cb95ff36d3089763a3ceb9275a7,"
        + "v1=779b31284c448addda5b3208e5b68100889866f337388470fa7169be3b8b0681,v0=00"
    static let paid =
        #"{"id":"evt_1","object":"event","type":"payout.paid","account":"acct_1","created":1700000000,"#
        + #""data":{"object":{"id":"po_1","object":"payout","amount":1100,"currency":"usd","status":"paid"}}}"#
    static let failed =
        #"{"id":"evt_2","object":"event","type":"payout.failed","data":{"object":{"id":"po_2","#
        + #""failure_message":"Zahlung zurückgewiesen – 口座なし","failure_code":"no_account"}}}"#
    static let thin =
        #"{"id":"evt_5","object":"v2.core.event","type":"v2.money_management.outbound_payment.posted","#
        + #""livemode":false,"created":"2026-11-01T00:00:00.000Z","related_object":{"id":"obp_test_1","#
        + #""type":"v2.money_management.outbound_payment","url":"/v2/money_management/outbound_payments/obp_test_1"}}"#
    static let updated = "{\n  \"id\": \"evt_4\",\n  \"object\": \"event\",\n  \"type\": \"payout.updated\"\n}\n"

    /// The digests were computed by another implementation.
    static let cases = [
        Case("genuine", header: header),
        Case(
            "not only ASCII", body: failed,
            header: "t=1700000300,v1=6ea1152cc6ec279c67aa6d1ca396d98aeb0f1b9993e1679299465fc012c98f6f",
            signedAt: 1_700_000_300),
        Case("rotating, the old secret", header: rotation, signedAt: 1_700_000_600),
        Case("rotating, the new secret", header: rotation, secrets: [rotated], signedAt: 1_700_000_600),
        Case("either of two secrets", header: header, secrets: [rotated, secret]),
        Case(
            "a last newline is part of the body", body: updated,
            header: "t=1700000900,v1=d476c30a487522acb91e0c72a75c3ae28e714ed50b1ac370c1219ad3eb6499e1",
            signedAt: 1_700_000_900),
        Case(
            "an empty body", body: "",
            header: "t=0,v1=e359a4b07054a77815d22548b11f4936e8b16e4160347fcbc7fbeac890d07c42", signedAt: 0),
        Case(
            "a thin event", body: thin,
            header: "t=1730419200,v1=b2a22d1eb18c7ccae7aacdc424cfcdcf047361801184ace83485b29ecfc295ae",
            signedAt: 1_730_419_200),
        Case(
            "without its last newline", body: String(updated.dropLast()),
            header: "t=1700000900,v1=d476c30a487522acb91e0c72a75c3ae28e714ed50b1ac370c1219ad3eb6499e1",
            signedAt: 1_700_000_900, refusal: .wrongSignature),
        Case(
            "without its last newline, signed so", body: String(updated.dropLast()),
            header: "t=1700000900,v1=b862b870e1ae011f1ccb67a6314e2ae87cdb7dc759f18b0ad8e697c496248d24",
            signedAt: 1_700_000_900),
        Case(
            "one byte of the body changed", body: paid.replacing("1100", with: "1101"), header: header,
            refusal: .wrongSignature),
        Case("300 seconds old", header: header, age: 300),
        Case("301 seconds old", header: header, age: 301, refusal: .outsideTolerance),
        Case("301 seconds ahead", header: header, age: -301, refusal: .outsideTolerance),
        Case("another secret", header: header, secrets: [rotated], refusal: .wrongSignature),
        Case("no secret", header: header, secrets: [], refusal: .wrongSignature),
        Case("under another scheme only", header: "t=1700000000,v0=\(digest)", refusal: .wrongSignature),
        Case("of another second", header: "t=1700000001,v1=\(digest)", refusal: .wrongSignature),
        Case("of another body", body: paid + " ", header: header, refusal: .wrongSignature),
        Case("one digit flipped", header: header.dropLast() + "f", refusal: .wrongSignature),
        Case("cut short", header: String(header.dropLast(2)), refusal: .wrongSignature),
        Case("no digits", header: "t=1700000000,v1=zz", refusal: .wrongSignature),
        Case("without a time", header: "v1=\(digest)", refusal: .malformedHeader),
        Case("empty", header: "", refusal: .malformedHeader),
        Case("a word for a time", header: "t=abc,v1=\(digest)", refusal: .malformedHeader),
        Case("a time beyond all calendars", header: "t=99999999999999,v1=\(digest)", refusal: .malformedHeader),
        Case("two times", header: "t=1700000000,t=1700000000,v1=\(digest)", refusal: .malformedHeader),
        Case(
            "more signatures than any rotation",
            header: "t=1700000000" + String(repeating: ",v1=\(digest)", count: 17), refusal: .malformedHeader),
    ]

    @Test("A signature holds for its bytes, its secret and its time alone", arguments: cases)
    func verify(_ example: Case) {
        let signature = StripeSignature(secrets: example.secrets)
        let now = Timestamp(secondsSinceEpoch: example.signedAt + example.age)
        var refusal: StripeSignature.Refusal?
        do throws(StripeSignature.Refusal) {
            try signature.verify(Array(example.body.utf8), header: example.header, at: now)
        } catch { refusal = error }
        #expect(refusal == example.refusal)
    }
}

@Suite("Receiving webhooks", .timeLimit(.minutes(2))) struct WebhookTests {
    private static let now = Timestamp(secondsSinceEpoch: 1_767_225_600)
    private static let secrets: [WebhookReceiver.Endpoint: [String]] = [
        .platform: ["whsec_p"], .connect: ["whsec_c", "whsec_c_next"],
    ]

    private static func event(_ id: String = "evt_1", isLive: Bool = false) -> String {
        """
        {"id":"\(id)","type":"payout.paid","account":"acct_1","livemode":\(isLive),"data":{"object":{"id":"po_1"}}}
        """
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let body: String
        /// nil: no signature.
        let secret: String?
        let ageSeconds: Int64
        let answer: WebhookReceiver.Answer

        init(
            _ description: String, body: String = WebhookTests.event(), secret: String? = "whsec_c",
            ageSeconds: Int64 = 0, _ answer: WebhookReceiver.Answer
        ) {
            testDescription = description
            self.body = body
            self.secret = secret
            self.ageSeconds = ageSeconds
            self.answer = answer
        }
    }

    static let cases = [
        Case("genuine", .stored),
        Case("signed with the next secret", secret: "whsec_c_next", .stored),
        Case("five minutes old", ageSeconds: 300, .stored),
        Case("older", ageSeconds: 301, .refused("outside_tolerance")),
        Case("signed for the other endpoint", secret: "whsec_p", .refused("wrong_signature")),
        Case("signed by somebody", secret: "whsec_x", .refused("wrong_signature")),
        Case("unsigned", secret: nil, .refused("unsigned")),
        Case("of the other mode", body: WebhookTests.event(isLive: true), .ignored),
        Case("no JSON", body: "payout.paid", .refused("unreadable")),
        Case("no event", body: "{}", .refused("unreadable")),
        Case("an id that no text column holds", body: WebhookTests.event(#"evt\u0000"#), .refused("unreadable")),
        Case(
            "too large", body: String(repeating: "x", count: WebhookReceiver.bodyBytesMaximum + 1),
            .refused("too_large")),
    ]

    @Test("What is genuine is stored, anything else leaves no trace", arguments: cases)
    func receive(_ example: Case) async throws {
        try await TestDatabase.with { database in
            let receiver = WebhookTests.makeReceiver(database.pool)
            let body = Array(example.body.utf8)
            let signature = example.secret.map {
                StripeSignature.header(
                    for: body, secret: $0, at: WebhookTests.now.adding(seconds: -example.ageSeconds))
            }
            #expect(await receiver.receive(body, signature: signature, endpoint: .connect) == example.answer)
            let stored = try await WebhookTests.stored(in: database.pool)
            #expect(stored == (example.answer == .stored ? 1 : 0))
        }
    }

    @Test("An event that comes again is answered with 200 and stored once")
    func again() async throws {
        try await TestDatabase.with { database in
            let receiver = WebhookTests.makeReceiver(database.pool)
            let body = Array(WebhookTests.event().utf8)
            let signature = StripeSignature.header(for: body, secret: "whsec_c", at: WebhookTests.now)
            for expected in [WebhookReceiver.Answer.stored, .repeated, .repeated] {
                let answer = await receiver.receive(body, signature: signature, endpoint: .connect)
                #expect(answer == expected)
                #expect(answer.status == 200)
            }
            let stored = try await WebhookTests.stored(in: database.pool)
            #expect(stored == 1)
        }
    }

    @Test("Without a database the sender is asked to try again")
    func withoutDatabase() async throws {
        try await TestDatabase.with { database in
            let pool = database.makePool()
            let receiver = WebhookTests.makeReceiver(pool)
            await pool.close()
            let body = Array(WebhookTests.event().utf8)
            let signature = StripeSignature.header(for: body, secret: "whsec_c", at: WebhookTests.now)
            #expect(await receiver.receive(body, signature: signature, endpoint: .connect) == .unavailable)
        }
    }

    private static func makeReceiver(_ pool: PostgresPool) -> WebhookReceiver {
        WebhookReceiver(
            pool: pool, secrets: secrets, isLive: false, pulse: Pulse(every: .seconds(3_600)), clock: { now },
            metrics: Metrics(), logger: .silent)
    }

    private static func stored(in pool: PostgresPool) async throws -> Int {
        try await pool.transaction { (transaction) throws(PostgresError) in
            try transaction.query("SELECT event_id FROM webhook_inbox") { row in try row.text(0) }
        }.count
    }
}
