import AsyncHTTPClient
import DevKit
import Domain
import Providers
import Testing

@testable import Storage

@Suite("Requests to Circle") struct CircleRequestTests {
    private static let recipientID = "b8627ae8-732b-4d25-b947-1df8f4007a29"
    private static let originator = #"{"type":"business","name":"Tributary"}"#

    private static func payout(
        minorUnits: Int64, currency: String = "USD", destination: String = recipientID
    ) throws -> RequestedPayout {
        let now = Timestamp(secondsSinceEpoch: 1_798_761_600)
        let amount = Money(minorUnits: minorUnits, currency: try #require(Currency(code: currency)))
        let payoutID = try #require(Identifier(text: "0f8fad5b-d9cb-469f-a165-70867728950e"))
        return RequestedPayout(
            payout: PayoutRecord(
                payoutID: payoutID, affiliateID: "a", amount: amount, provider: "circle", destination: destination,
                state: .reserved, submittedBy: "planner", failureCode: nil, arrivalAt: nil, updatedAt: now,
                needsSecond: false, approvedBy: nil),
            connectedFreeMinor: 0)
    }

    private static func firstStep(of requested: RequestedPayout, originator: String? = nil) async throws -> FirstStep {
        let client = StripeConnect.makeClient()
        let circle = CircleMint(
            configuration: try CircleConfiguration(
                baseURL: "http://127.0.0.1:1", apiKey: FakeCircle.apiKey, walletID: "1000066041",
                originator: originator, isLive: false), client: client)
        let step = circle.firstStep(of: requested)
        try await client.shutdown()
        return step
    }

    @Test("The bytes of a request follow from the payout, with a key that is a UUID of version 4")
    func bytes() async throws {
        let requested = try CircleRequestTests.payout(minorUnits: 2_505)
        guard case .send(let attempt) = try await CircleRequestTests.firstStep(of: requested) else {
            Issue.record("a person would have to pay it")
            return
        }
        let text = String(decoding: attempt.requestBody, as: UTF8.self)
        let key = try #require(text.firstMatch(of: #/"idempotencyKey":"([0-9a-f-]{36})"/#)).1
        #expect(key.wholeMatch(of: #/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/#) != nil)
        #expect(
            text == """
                {"idempotencyKey":"\(key)","source":{"type":"wallet","id":"1000066041"},\
                "destination":{"type":"address_book","id":"\(CircleRequestTests.recipientID)"},\
                "amount":{"amount":"25.05","currency":"USD"}}
                """)
        guard case .send(let again) = try await CircleRequestTests.firstStep(of: requested) else { return }
        #expect(again.requestBody == attempt.requestBody)
        #expect(attempt.requestPath == "/v1/payouts" && attempt.account == CircleRequestTests.recipientID)
    }

    /// An amount, a currency, a destination, an originator, and whether Circle is asked to pay it.
    static let cases: [(Int64, String, String, String?, Bool)] = [
        (1, "USD", recipientID, nil, true), (299_999, "USD", recipientID, nil, true),
        (300_000, "USD", recipientID, nil, false), (300_000, "USD", recipientID, originator, true),
        (2_500, "EUR", recipientID, nil, true), (2_500, "GBP", recipientID, nil, false),
        (2_500, "USD", "acct_1", nil, false), (2_500, "USD", "", nil, false),
    ]

    @Test("What Circle does not pay, or not without knowing who pays, is left to a person", arguments: cases)
    func byHand(
        minorUnits: Int64, currency: String, destination: String, originator: String?, isSent: Bool
    ) async throws {
        let requested = try CircleRequestTests.payout(
            minorUnits: minorUnits, currency: currency, destination: destination)
        switch try await CircleRequestTests.firstStep(of: requested, originator: originator) {
        case .byHand: #expect(!isSent)
        case .send(let attempt):
            let names = String(decoding: attempt.requestBody, as: UTF8.self)
            #expect(isSent)
            #expect(names.contains(#""identities":[{"type":"business""#) == (minorUnits >= 300_000))
        }
    }

    /// A key, a mode, a host, an originator, and the beginning of the refusal.
    static let configurations: [(key: String, mode: String?, host: String?, originator: String?, refusal: String?)] = [
        ("TEST_API_KEY:a:b", nil, sandbox, nil, nil), ("SAND_API_KEY:a:b", "test", sandbox, nil, nil),
        ("LIVE_API_KEY:a:b", "live", live, originator, nil),
        ("TEST_API_KEY:a:b", nil, nil, nil, "CIRCLE_API_BASE is not set."),
        ("TEST_API_KEY:a:b", nil, "ftp://x", nil, "CIRCLE_API_BASE must begin with https:// or http://."),
        ("LIVE_API_KEY:a:b", "live", "http://x", nil, "A live CIRCLE_API_KEY is only sent over https."),
        ("LIVE_API_KEY:a:b", nil, sandbox, nil, "CIRCLE_API_KEY is of the other mode than CIRCLE_MODE says."),
        ("TEST_API_KEY:a:b", "live", live, nil, "CIRCLE_API_KEY is of the other mode than CIRCLE_MODE says."),
        ("LIVE_API_KEY:a:b", "live", sandbox, nil, "CIRCLE_API_BASE is of the other mode than CIRCLE_MODE says."),
        ("TEST_API_KEY:a:b", nil, live, nil, "CIRCLE_API_BASE is of the other mode than CIRCLE_MODE says."),
        ("x", "both", sandbox, nil, "CIRCLE_MODE is test or live."),
        ("x", nil, sandbox, "[]", "CIRCLE_ORIGINATOR must be a JSON object."),
    ]

    @Test("A configuration that mixes modes, or lacks a part, is refused with a sentence", arguments: configurations)
    func configuration(key: String, mode: String?, host: String?, originator: String?, refusal: String?) {
        var environment = ["CIRCLE_API_KEY": key, "CIRCLE_WALLET_ID": "1"]
        environment["CIRCLE_MODE"] = mode
        environment["CIRCLE_API_BASE"] = host
        environment["CIRCLE_ORIGINATOR"] = originator
        var sentence: String?
        do { _ = try CircleConfiguration.read(environment) } catch { sentence = error.description }
        #expect(sentence == refusal)
    }

    @Test("Without a key nobody is paid over Circle")
    func unconfigured() throws {
        #expect(try CircleConfiguration.read([:]) == nil)
        #expect(try CircleConfiguration.read(["CIRCLE_API_KEY": ""]) == nil)
    }

    private static let sandbox = "https://api-sandbox.circle.com"
    private static let live = "https://api.circle.com"
}
