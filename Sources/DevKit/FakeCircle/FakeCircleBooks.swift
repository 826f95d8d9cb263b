import Domain
import Events
import Foundation

/// The fake's state: recipients, payouts, balances, keys and what is due. It has no clock and no network.
struct FakeCircleBooks: Sendable {
    /// The next change of a payout or a recipient.
    private struct Due: Sendable {
        let at: Timestamp
        let id: String
    }

    private(set) var acceptances: [CircleAcceptance] = []
    private(set) var recipients: [FakeCircleRecipient] = []
    private(set) var payouts: [FakeCirclePayout] = []
    private var spentMinor: [String: Int64] = [:]
    private var replies = IdempotentReplies(.circle)
    private var due: [Due] = []
    private var serial = 0
    private var notices: [FakeNotice] = []

    // MARK: Recipients

    mutating func addRecipient(_ body: [UInt8], settings: FakeCircleSettings, now: FakeMoment) -> FakeReply {
        guard let order = try? JSONDecoder().decode(FakeRecipientOrder.self, from: Data(body)) else {
            return FakeReply(circleError: 2, "Invalid entity.", status: 400)
        }
        let request = KeyedRequest(
            key: "recipient/\(order.idempotencyKey)", content: String(decoding: body, as: UTF8.self))
        if let reply = replies.early(request, fault: nil, at: now) { return reply }
        let reply = register(order, settings, now)
        return replies.late(
            reply, isFinal: true, of: request, fault: nil, slowness: settings.slowness, at: now)
    }

    private mutating func register(
        _ order: FakeRecipientOrder, _ settings: FakeCircleSettings, _ now: FakeMoment
    ) -> FakeReply {
        guard let chain = USDCChain(rawValue: order.chain) else {
            return FakeReply(circleError: 2_005, "Unsupported chain.", status: 400)
        }
        guard let address = try? USDCAddress(chain: chain, text: order.address) else {
            return FakeReply(circleError: 5_011, "Invalid address.", status: 400)
        }
        guard !recipients.contains(where: { $0.chain == order.chain && $0.address == address.text }) else {
            return FakeReply(circleError: 2_003, "Address already registered.", status: 409)
        }
        let recipient = FakeCircleRecipient(
            id: nextID("recipient"), chain: order.chain, address: address.text, createDate: now.rfc3339,
            updateDate: now.rfc3339)
        recipients.append(recipient)
        due.append(Due(at: now.instant.adding(settings.activateAfter), id: recipient.id))
        return FakeReply(circle: recipient, status: 201)
    }

    // MARK: Payouts

    /// Answers an order as Circle does: a key that has a payout is answered with that payout.
    mutating func pay(
        _ body: [UInt8], fault: ProviderFault?, settings: FakeCircleSettings, now: FakeMoment
    ) -> FakeReply {
        guard let order = try? JSONDecoder().decode(FakePayoutOrder.self, from: Data(body)),
            Identifier(text: order.idempotencyKey) != nil
        else { return FakeReply(circleError: 2, "Invalid entity.", status: 400) }
        let request = KeyedRequest(
            key: "payout/\(order.idempotencyKey)", content: String(decoding: body, as: UTF8.self))
        if let reply = replies.early(request, fault: fault, at: now) { return reply }
        if let reply = replies.instead(request, fault: fault, at: now) { return reply }
        let reply = execute(order, settings, now)
        return replies.late(
            reply, isFinal: true, of: request, fault: fault, slowness: settings.slowness, at: now)
    }

    private mutating func execute(
        _ order: FakePayoutOrder, _ settings: FakeCircleSettings, _ now: FakeMoment
    ) -> FakeReply {
        guard order.source.id == settings.walletID, order.source.type == "wallet" else {
            return FakeReply(circleError: 1_088, "Source not found.", status: 400)
        }
        guard order.destination.type == "address_book",
            let recipient = recipients.first(where: { $0.id == order.destination.id })
        else { return FakeReply(circleError: 5_001, "Recipient not found.", status: 404) }
        let script = settings.script(of: recipient.id)
        guard recipient.status == "active", script != .inactive else {
            return FakeReply(circleError: 5_003, "The recipient is inactive.", status: 400)
        }
        guard script != .invalid else { return FakeReply(circleError: 5_014, "Invalid address.", status: 400) }
        guard let minor = FakeCircleBooks.minorUnits(order.amount.amount), minor > 0 else {
            return FakeReply(circleError: 2, "Invalid amount.", status: 400)
        }
        let spent = spentMinor[order.amount.currency, default: 0]
        if let limit = settings.balances[order.amount.currency], spent + minor > limit {
            return FakeReply(circleError: 5_006, "Insufficient funds.", status: 400)
        }
        spentMinor[order.amount.currency] = spent + minor
        let paid = Money.decimal(minorUnits: script == .otherAmount ? minor - 1 : minor, exponent: 2)
        let payout = FakeCirclePayout(
            id: nextID("payout"), sourceWalletId: order.source.id,
            destination: .init(type: "address_book", id: recipient.id),
            amount: FakeCircleMoney(amount: paid, currency: order.amount.currency),
            fees: FakeCircleMoney(amount: script == .fee ? "0.25" : "0.00", currency: order.amount.currency),
            createDate: now.rfc3339,
            updateDate: now.rfc3339, trackingRef: nextID("tracking"))
        payouts.append(payout)
        acceptances.append(
            CircleAcceptance(
                id: payout.id, key: order.idempotencyKey, recipientID: recipient.id, amountMinor: minor,
                currency: order.amount.currency))
        announce(payout, now)
        due.append(Due(at: now.instant.adding(settings.settleAfter), id: payout.id))
        return FakeReply(circle: payout, status: 201)
    }

    // MARK: Time

    /// Lets time do its work: recipients become active, payouts run and come to their end.
    mutating func advance(to now: FakeMoment, settings: FakeCircleSettings) {
        let ripe = due.filter { $0.at <= now.instant }
        due.removeAll { $0.at <= now.instant }
        for entry in ripe {
            if let position = recipients.firstIndex(where: { $0.id == entry.id }) {
                recipients[position].status = "active"
                recipients[position].updateDate = now.rfc3339
                let recipient = recipients[position]
                announce(recipient, "addressBookRecipients", of: recipient.id, account: recipient.id, true, now)
            }
            if let position = payouts.firstIndex(where: { $0.id == entry.id }) {
                step(position, settings.script(of: payouts[position].destination.id), now)
                if !payouts[position].hasEnded {
                    due.append(Due(at: now.instant.adding(settings.settleAfter), id: entry.id))
                }
            }
        }
    }

    private mutating func step(_ position: Int, _ script: CircleScript, _ now: FakeMoment) {
        switch (payouts[position].status, script) {
        case (_, .stuck): return
        case ("pending", .undocumented): change(position, to: "screening", nil, now)
        case ("pending", _): change(position, to: "running", nil, now)
        case (_, .failed): end(position, code: "transaction_failed", now)
        case (_, .denied): end(position, code: "transaction_denied", now)
        default: change(position, to: "complete", nil, now)
        }
    }

    /// Lets a payout fail that has not ended; what is complete is on the chain and stays there.
    ///
    /// - Returns: whether there is such a payout.
    mutating func fail(payoutID: String, code: String, now: FakeMoment) -> Bool {
        guard let position = payouts.firstIndex(where: { $0.id == payoutID }), !payouts[position].hasEnded else {
            return false
        }
        end(position, code: code, now)
        return true
    }

    private mutating func end(_ position: Int, code: String, _ now: FakeMoment) {
        let amount = payouts[position].amount
        spentMinor[amount.currency, default: 0] -= FakeCircleBooks.minorUnits(amount.amount) ?? 0
        change(position, to: "failed", code, now)
    }

    private mutating func change(_ position: Int, to status: String, _ code: String?, _ now: FakeMoment) {
        payouts[position].status = status
        payouts[position].errorCode = code
        payouts[position].updateDate = now.rfc3339
        if code == "transaction_denied" {
            payouts[position].riskEvaluation = .init(decision: "denied", reason: "3210")
        }
        announce(payouts[position], now)
    }

    private mutating func announce(_ payout: FakeCirclePayout, _ now: FakeMoment) {
        announce(payout, "payouts", of: payout.id, account: payout.destination.id, payout.hasEnded, now)
    }

    private mutating func announce(
        _ object: some Codable & Sendable, _ kind: String, of id: String, account: String, _ endsObject: Bool,
        _ now: FakeMoment
    ) {
        let notification = FakeCircleNotification(
            subscriptionId: "00000000-0000-4000-8000-000000000001", notificationId: nextID("notification"),
            notificationType: kind, notification: object, timestamp: now.rfc3339)
        notices.append(
            FakeNotice(
                account: account, eventID: notification.notificationId, objectID: id, endsObject: endsObject,
                body: FakeReply(notification, names: .useDefaultKeys).body))
    }

    /// The notices since the last call.
    mutating func takeNotices() -> [FakeNotice] {
        defer { notices = [] }
        return notices
    }

    /// What was sent and did not come back.
    func spent(_ currency: String) -> Int64 { spentMinor[currency, default: 0] }

    private mutating func nextID(_ kind: String) -> String {
        serial += 1
        return Identifier(hashing: "fake circle", kind, String(serial)).description
    }

    /// - Returns: nil unless it is an amount with two digits behind its point.
    private static func minorUnits(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count == 2 else { return nil }
        return Int64(parts[0] + parts[1])
    }
}

extension FakeCirclePayout {
    var hasEnded: Bool { status == "complete" || status == "failed" }
}

extension FakeCircleSettings {
    func script(of recipientID: String) -> CircleScript { scripts[recipientID] ?? scripts["*"] ?? .complete }
}

extension FakeDialect {
    /// A key is bound to the payout that it made, for good; what was refused leaves it free.
    static let circle = FakeDialect(
        rateLimited: FakeReply(circleError: 429, "Too many requests.", status: 429),
        keyInUse: FakeReply(circleError: 1, "The request is being processed.", status: 409),
        keyMismatch: FakeReply(circleError: 1_083, "The idempotency key is bound to another request.", status: 409),
        internalError: FakeReply(circleError: -1, "Something went wrong.", status: 500),
        keyLifetimeSeconds: nil, remembersFailures: false, marksReplays: false)
}
