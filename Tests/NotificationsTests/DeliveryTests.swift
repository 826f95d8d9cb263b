import AsyncHTTPClient
import Crypto
import DevKit
import Domain
import Events
import Foundation
import Logging
import Postgres
import Storage
import Synchronization
import Testing
import WorkerRuntime

@testable import Notifications

@Suite("Delivering notifications") struct DeliveryTests {
    private static let start = Timestamp(secondsSinceEpoch: 1_770_000_000)
    private static let logger = Logger(label: "test")

    /// What deliveries need: a database with users, a clock, a mail server, an endpoint.
    private struct Rig: Sendable {
        let database: TestDatabase
        let mail: MailServer
        let sink: WebhookSink
        let delivery: NotificationDelivery
        let clock: Clock
        let endpointID: Int64
        let secret: [UInt8]

        func tell(_ notifications: [NewNotification]) async throws -> Int {
            let now = clock.now
            return try await database.pool.transaction { transaction throws(PostgresError) in
                try NotificationStore.insert(notifications, at: now, in: transaction)
            }
        }

        func texts(_ statement: Statement) async throws -> [String] {
            try await database.pool.transaction { transaction throws(PostgresError) in
                try transaction.query(statement) { row in try row.text(0) }
            }
        }
    }

    final class Clock: Sendable {
        private let moment = Mutex(DeliveryTests.start)
        var now: Timestamp { moment.withLock { $0 } }
        func advance(seconds: Int64) { moment.withLock { $0 = $0.adding(seconds: seconds) } }
    }

    /// - Parameter kinds: what the endpoint wants; none: everything.
    private static func with(
        statuses: [Int] = [204], kinds: [NotificationKind] = [], _ body: (Rig) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            try await MailServer.with { mail in
                let (sink, clock) = (WebhookSink(statuses: statuses, logger: logger), Clock())
                let (url, secret) = (try await sink.start(), WebhookEndpointStore.makeSecret())
                let endpointID = try await database.pool.transaction { transaction throws(PostgresError) in
                    _ = try transaction.run(
                        "INSERT INTO affiliate (affiliate_id, name, joined_at) VALUES ('a', 'A', now())")
                    _ = try transaction.run(
                        """
                        INSERT INTO console_user (email, name, password_hash, role, affiliate_id, disabled) VALUES
                        ('owner@x.example', 'Olga', '', 'owner', NULL, false),
                        ('old@x.example', 'Otto', '', 'owner', NULL, true),
                        ('busy@x.example', 'Bea', '', 'finance', NULL, false),
                        ('ada@x.example', 'Ada', '', 'affiliate', 'a', false)
                        """)
                    return try WebhookEndpointStore.add(
                        url: url, kinds: kinds, secret: secret, by: "test", at: start, in: transaction) ?? 0
                }
                let server = SMTPServer(url: mail.url, encryption: .none, login: nil, from: "pay@x.example")
                let delivery = NotificationDelivery(
                    pool: database.pool, mailer: SMTPMailer(server), webhooks: WebhookSender(allowsLoopback: true),
                    consoleURL: "https://console.example", clock: { clock.now }, metrics: Metrics(), logger: logger)
                try await body(
                    Rig(
                        database: database, mail: mail, sink: sink, delivery: delivery, clock: clock,
                        endpointID: endpointID, secret: secret))
                await sink.stop()
            }
        }
    }

    private static func failed(_ number: Int = 1) -> [NewNotification] {
        guard let euro = Currency(code: "EUR") else { return [] }
        return NewNotification.about(
            PayoutSettled(
                payoutID: Identifier(hashing: "payout \(number)"), affiliateID: "a",
                amount: Money(minorUnits: 1_250, currency: euro), outcome: .failed, failureCode: "account_closed"))
    }

    @Test("A failed payout reaches each person once by e-mail and each endpoint once, however often it is told")
    func once() async throws {
        try await DeliveryTests.with { rig in
            #expect(try await rig.tell(DeliveryTests.failed()) == 2)
            #expect(try await rig.tell(DeliveryTests.failed() + DeliveryTests.failed()) == 0)
            #expect(try await rig.delivery.runOnce() == 4)
            #expect(try await rig.delivery.runOnce() == 0)
            // One mail waits: its server wants it later, and then takes it.
            #expect(rig.mail.mails.map(\.recipient).sorted() == ["ada@x.example", "owner@x.example"])
            rig.clock.advance(seconds: 5)
            #expect(try await rig.delivery.runOnce() == 1)
            rig.clock.advance(seconds: 7 * 86_400)
            #expect(try await rig.delivery.runOnce() == 0)
            #expect(
                rig.mail.mails.map(\.recipient).sorted() == ["ada@x.example", "busy@x.example", "owner@x.example"])
            let ada = try #require(rig.mail.mails.first { $0.recipient == "ada@x.example" })
            #expect(ada.subject == "Payout of EUR 12.50 failed")
            #expect(ada.text.contains("The bank account is closed. Enter another account."))
            #expect(ada.text.contains("https://console.example/console/payouts/"))
            #expect(await rig.sink.requests.count == 1)
            #expect(
                try await rig.texts(
                    """
                    SELECT concat_ws(' ', channel, state, attempts) FROM notification_delivery ORDER BY 1
                    """) == ["email delivered 1", "email delivered 1", "email delivered 2", "webhook delivered 1"])
            #expect(
                try await rig.texts("SELECT status::text FROM notification_attempt WHERE error IS NOT NULL") == ["451"])
        }
    }

    @Test("A webhook says what happened in figures, signed so that the other side can check it by itself")
    func signature() async throws {
        try await DeliveryTests.with { rig in
            _ = try await rig.tell(DeliveryTests.failed())
            _ = try await rig.delivery.runOnce()
            let request = try #require(await rig.sink.requests.first)
            let tree = try #require(JSONTree(Array(request.body.utf8)[...]))
            #expect(tree["type"]?.string == "payout_failed")
            #expect(tree["timestamp"]?.string == DeliveryTests.start.rfc3339)
            #expect(tree["data"]?["amount_minor"]?.integer == 1_250)
            #expect(tree["data"]?["failure_code"]?.string == "account_closed")
            #expect(request.timestamp == "1770000000")
            let expected = HMAC<SHA256>.authenticationCode(
                for: Data("\(request.id).\(request.timestamp).\(request.body)".utf8),
                using: SymmetricKey(data: rig.secret))
            #expect(request.signature == "v1," + Data(expected).base64EncodedString())
        }
    }

    @Test("The published example of the signature comes out as published")
    func vector() throws {
        // standard-webhooks, spec/standard-webhooks.md: libraries' common test vector.
        let secret = try #require(Data(base64Encoded: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        let value = WebhookSignature.value(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at: Timestamp(secondsSinceEpoch: 1_614_265_330),
            body: Array(#"{"test": 2432232314}"#.utf8), secret: Array(secret))
        #expect(value == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    }

    @Test("An endpoint that fails is asked again under the same id, later and later")
    func retries() async throws {
        try await DeliveryTests.with(statuses: [500, 503, 204], kinds: [.payoutFailed]) { rig in
            _ = try await rig.tell(DeliveryTests.failed())
            for seconds: Int64 in [0, 5, 300] {
                rig.clock.advance(seconds: seconds - 1)
                let early = await rig.sink.requests.count
                _ = try await rig.delivery.runOnce()
                #expect(await rig.sink.requests.count == early)
                rig.clock.advance(seconds: 1)
                _ = try await rig.delivery.runOnce()
                #expect(await rig.sink.requests.count == early + 1)
            }
            let requests = await rig.sink.requests
            #expect(Set(requests.map(\.id)).count == 1)
            #expect(Set(requests.map(\.timestamp)).count == 3)
        }
    }

    @Test("A process that dies after sending makes a repetition with the same id, once its lease is over")
    func death() async throws {
        try await DeliveryTests.with { rig in
            _ = try await rig.tell(DeliveryTests.failed())
            let now = rig.clock.now
            let claimed = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try DeliveryStore.claim(limit: 10, at: now, in: transaction)
            }
            #expect(claimed.count == 4)
            #expect(try await rig.delivery.runOnce() == 0)
            rig.clock.advance(seconds: DeliveryStore.leaseSeconds)
            #expect(try await rig.delivery.runOnce() == 4)
            let mail = try #require(rig.mail.mails.first { $0.recipient == "ada@x.example" })
            let first = try #require(claimed.first { "\($0.recipient)".contains("ada@x.example") })
            #expect(mail.messageID == "<\(first.eventID).\(first.deliveryID)@x.example>")
            #expect(
                try await rig.texts("SELECT DISTINCT attempt_number::text FROM notification_attempt") == ["2"])
        }
    }

    @Test("However slow a mail server is, a round is over before its deliveries may be claimed again")
    func lease() async throws {
        try await DeliveryTests.with { rig in
            for number in 0..<10 { _ = try await rig.tell(DeliveryTests.failed(number)) }
            let due = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try transaction.query("SELECT count(*) FROM notification_delivery WHERE state = 'waiting'") { row in
                    try row.int8(0)
                }.first
            }
            #expect(due == 40)
            let tried = try await rig.delivery.runOnce()
            #expect(tried < 40)
            #expect(Int64(tried * SMTPMailer.messageSeconds) < DeliveryStore.leaseSeconds)
        }
    }

    @Test("An endpoint that is gone, or that failed twenty times in a row, is left alone; a replay tells it all again")
    func disabling() async throws {
        try await DeliveryTests.with(statuses: [410], kinds: [.payoutFailed]) { rig in
            _ = try await rig.tell(DeliveryTests.failed())
            _ = try await rig.delivery.runOnce()
            #expect(try await rig.texts("SELECT disabled_reason FROM webhook_endpoint") == ["it says that it is gone"])
            _ = try await rig.tell(DeliveryTests.failed(2))
            _ = try await rig.delivery.runOnce()
            #expect(await rig.sink.requests.count == 1)
            try await resume(rig)
            await rig.sink.answer([500])
            for number in 3..<23 {
                _ = try await rig.tell(DeliveryTests.failed(number))
                _ = try await rig.delivery.runOnce()
            }
            #expect(try await rig.texts("SELECT disabled_reason FROM webhook_endpoint") == ["it failed too often"])
            #expect(
                try await rig.texts(
                    "SELECT state FROM notification_delivery WHERE state = 'waiting' AND channel = 'webhook'") == [])
            try await resume(rig)
            await rig.sink.answer([204])
            let before = await rig.sink.requests.count
            let now = rig.clock.now
            let replayed = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try WebhookEndpointStore.replay(rig.endpointID, from: DeliveryTests.start, at: now, in: transaction)
            }
            #expect(replayed == 22)
            while try await rig.delivery.runOnce() > 0 {}
            let requests = await rig.sink.requests
            #expect(requests.count == before + 22)
            #expect(Set(requests.dropFirst(before).map(\.id)).count == 22)
            #expect(requests.last.map(\.id) != nil && Set(requests.map(\.id)).count == 22)
        }
    }

    @Test("A mail that waits for somebody who is disabled meanwhile is given up, and the log says why")
    func disabledMeanwhile() async throws {
        try await DeliveryTests.with(kinds: [.fraudHold]) { rig in
            _ = try await rig.tell(DeliveryTests.failed())
            _ = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try transaction.run("UPDATE console_user SET disabled = true WHERE email = 'ada@x.example'")
            }
            _ = try await rig.delivery.runOnce()
            #expect(!rig.mail.mails.map(\.recipient).contains("ada@x.example"))
            #expect(
                try await rig.texts(
                    """
                    SELECT concat_ws(' ', d.state, a.error) FROM notification_delivery d
                    JOIN notification_attempt a USING (notification_delivery_id)
                    JOIN console_user u ON u.user_id = d.recipient_id WHERE u.email = 'ada@x.example'
                    """) == ["failed its user is disabled"])
        }
    }

    @Test("What was told long ago is forgotten with its deliveries, but not what waits for one")
    func retention() async throws {
        try await DeliveryTests.with(statuses: [500], kinds: [.payoutFailed]) { rig in
            _ = try await rig.tell(DeliveryTests.failed(1))
            _ = try await rig.delivery.runOnce()
            rig.clock.advance(seconds: 5)
            _ = try await rig.delivery.runOnce()
            let later = rig.clock.now.adding(days: 400)
            #expect(try await RetentionRun.once(on: rig.database.pool, at: later).prunedNotifications == 1)
            #expect(
                try await rig.texts(
                    """
                    SELECT concat_ws(' ', (SELECT count(*) FROM notification),
                        (SELECT string_agg(DISTINCT channel, ' ') FROM notification_delivery))
                    """) == ["1 email webhook"])
            #expect(try await RetentionRun.once(on: rig.database.pool, at: later).prunedNotifications == 0)
            _ = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try WebhookEndpointStore.stop(rig.endpointID, reason: "test", at: later, in: transaction)
            }
            #expect(try await RetentionRun.once(on: rig.database.pool, at: later).prunedNotifications == 1)
            #expect(try await rig.texts("SELECT count(*)::text FROM notification_attempt") == ["0"])
        }
    }

    @Test("Before each delivery a host is looked at again, and only the address that was looked at is connected to")
    func rebinding() async throws {
        try await DeliveryTests.with { rig in
            _ = try await rig.tell(DeliveryTests.failed())
            let now = rig.clock.now
            let claimed = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try DeliveryStore.claim(limit: 10, at: now, in: transaction)
            }
            let delivery = try #require(claimed.first)
            let port = try await rig.texts("SELECT substring(url FROM ':([0-9]+)/') FROM webhook_endpoint")[0]
            func send(_ host: String, _ bytes: [[UInt8]], allowsLoopback: Bool) async -> DeliveryResult {
                let sender = WebhookSender(allowsLoopback: allowsLoopback) { _ in bytes.compactMap(NetworkAddress.init)
                }
                return await sender.send(delivery, to: "http://\(host):\(port)/hook", secret: rig.secret, at: now)
            }
            let own: [UInt8] = [127, 0, 0, 1]
            #expect(
                await send("localhost", [own], allowsLoopback: false)
                    == .refused(status: nil, error: "its host leads to 127.0.0.1, which is not public"))
            #expect(
                await send("localhost", [own, [10, 0, 0, 7]], allowsLoopback: true)
                    == .refused(status: nil, error: "its host leads to 10.0.0.7, which is not public"))
            #expect(
                await send("localhost", [], allowsLoopback: true)
                    == .delayed(status: nil, error: "its host has no address"))
            #expect(await rig.sink.requests.isEmpty)
            // The system would say 127.0.0.1, where somebody listens; 127.0.0.2 was looked at, where nobody does.
            guard case .delayed(nil, _) = await send("localhost", [[127, 0, 0, 2]], allowsLoopback: true) else {
                Issue.record("another address was connected to")
                return
            }
            #expect(await rig.sink.requests.isEmpty)
            #expect(await send("localhost", [[127, 0, 0, 2], own], allowsLoopback: true) == .delivered(status: 204))
            #expect(await rig.sink.requests.count == 1)
        }
    }

    @Test("An affiliate's endpoint is told what its affiliate is told, and nothing else, at a replay too")
    func affiliates() async throws {
        try await DeliveryTests.with { rig in
            let own = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                _ = try transaction.run("UPDATE webhook_endpoint SET affiliate_id = 'a'")
                _ = try transaction.run(
                    "INSERT INTO affiliate (affiliate_id, name, joined_at) VALUES ('b', 'B', now())")
                return rig.endpointID
            }
            let euro = try #require(Currency(code: "EUR"))
            let other = NewNotification.about(
                PayoutSettled(
                    payoutID: Identifier(hashing: "another's"), affiliateID: "b",
                    amount: Money(minorUnits: 1_250, currency: euro), outcome: .failed, failureCode: "no_account"))
            let review = NewNotification(
                .fraudReview, event: "1", audience: .admin, affiliateID: "a", title: "", body: "", link: "")
            #expect(try await rig.tell(DeliveryTests.failed() + other + [review]) == 5)
            while try await rig.delivery.runOnce() > 0 {}
            let told = await rig.sink.requests
            #expect(told.count == 1)
            #expect(told[0].body.contains(#""affiliate_id": "a""#))
            let now = rig.clock.now
            let replayed = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                (
                    try WebhookEndpointStore.replay(own, of: "b", from: now, at: now, in: transaction),
                    try WebhookEndpointStore.replay(own, of: "a", from: now, at: now, in: transaction)
                )
            }
            #expect(replayed.0 == nil)
            #expect(replayed.1 == 1)
        }
    }

    private func resume(_ rig: Rig) async throws {
        let isThere = try await rig.database.pool.transaction { transaction throws(PostgresError) in
            try WebhookEndpointStore.resume(rig.endpointID, in: transaction)
        }
        #expect(isThere)
    }

    @Test("What a person does not want by e-mail stays in the inbox, and an endpoint gets what it asked for")
    func preferences() async throws {
        try await DeliveryTests.with(kinds: [.fraudHold]) { rig in
            _ = try await rig.database.pool.transaction { transaction throws(PostgresError) in
                try transaction.run(
                    """
                    INSERT INTO notification_mute SELECT user_id, 'payout_failed' FROM console_user
                    WHERE name <> 'Ada'
                    """
                )
            }
            #expect(try await rig.tell(DeliveryTests.failed()) == 2)
            _ = try await rig.delivery.runOnce()
            #expect(rig.mail.mails.map(\.recipient) == ["ada@x.example"])
            #expect(await rig.sink.requests.isEmpty)
        }
    }
}
