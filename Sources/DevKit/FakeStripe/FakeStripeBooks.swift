import Domain
import Foundation

/// A request that creates something.
struct FakeCreation: Sendable {
    /// `/v1/transfers` or `/v1/payouts`.
    let path: String
    /// The account in whose name it is made; empty for the platform.
    let account: String
    let key: String?
    let body: String

    var fields: [String: String] { FormDecoding.fields(body) }
}

/// The fake's state: objects, balances, keys and what is due. It has no clock and no network.
struct FakeStripeBooks: Sendable {
    /// A payout's next change of status.
    private struct Due: Sendable {
        let at: Timestamp
        let payoutID: String
    }

    private(set) var acceptances: [StripeAcceptance] = []
    private(set) var transfers: [FakeTransfer] = []
    private(set) var payouts: [FakePayout] = []
    private var accountOfPayout: [String: String] = [:]
    /// Where each payout, and those of each account, are among all: thousands are asked for one by one.
    private var positionOfPayout: [String: Int] = [:]
    private var positionsOfAccount: [String: [Int]] = [:]
    /// Minor units by account and currency.
    private var balances: [String: Int64] = [:]
    private var transferredMinor: Int64 = 0
    private var replies = IdempotentReplies(.stripe)
    /// The moment of the call under way.
    private var now = FakeMoment(Timestamp(secondsSinceEpoch: 0), aheadSeconds: 0)
    /// When each key was seen first and last; a request that was turned away for its rate was not seen.
    private(set) var keySpans: [String: ClosedRange<Timestamp>] = [:]
    private var due: [Due] = []
    private var serial = 0
    /// Events that nobody took yet.
    private var events: [FakeEvent<FakePayout>] = []
    private var transferEvents: [FakeEvent<FakeTransfer>] = []

    /// Answers a creation as Stripe does: a known key gets its stored reply, whatever happened meanwhile.
    mutating func create(
        _ creation: FakeCreation, fault: ProviderFault?, settings: FakeStripeSettings, now: FakeMoment
    ) -> FakeReply {
        self.now = now
        if let key = creation.key, fault != .rateLimited {
            keySpans[key] = (keySpans[key]?.lowerBound ?? now.instant)...now.instant
        }
        let request = KeyedRequest(
            key: creation.key.map { "\(creation.account)/\($0)" }, content: "\(creation.path)\n\(creation.body)")
        if let reply = replies.early(request, fault: fault, at: now) { return reply }
        if let reply = replies.instead(request, fault: fault, at: now) { return reply }
        // A request that fails validation is not executed and leaves its key free.
        let (reply, isFinal) = execute(creation, settings)
        return replies.late(
            reply, isFinal: isFinal, of: request, fault: fault, slowness: settings.slowness, at: now)
    }

    private mutating func execute(
        _ creation: FakeCreation, _ settings: FakeStripeSettings
    ) -> (FakeReply, isStored: Bool) {
        let fields = creation.fields
        guard let amount = fields["amount"].flatMap({ Int64($0) }), amount > 0, let currency = fields["currency"] else {
            return (FakeReply(status: 400, FakeErrorBody(code: "parameter_missing", "amount or currency")), false)
        }
        let metadata = FormDecoding.members(of: "metadata", in: fields)
        return creation.path == "/v1/transfers"
            ? (transfer(amount, currency, metadata, fields, settings), true)
            : (payOut(amount, currency, metadata, creation.account, settings), true)
    }

    private mutating func transfer(
        _ amount: Int64, _ currency: String, _ metadata: [String: String], _ fields: [String: String],
        _ settings: FakeStripeSettings
    ) -> FakeReply {
        guard let destination = fields["destination"], destination.hasPrefix("acct_") else {
            return FakeReply(status: 400, FakeErrorBody(code: "account_invalid", "No such destination."))
        }
        if destination.hasSuffix("_not_allowed") {
            return FakeReply(status: 400, FakeErrorBody(code: "transfers_not_allowed", "Transfers are not allowed."))
        }
        if let limit = settings.platformBalance, transferredMinor + amount > limit {
            return FakeReply(status: 400, FakeErrorBody(code: "balance_insufficient", "Insufficient funds."))
        }
        transferredMinor += amount
        balances["\(destination)/\(currency)", default: 0] += amount
        let transfer = FakeTransfer(
            id: nextID("tr"), amount: amount, created: seconds(), currency: currency, destination: destination,
            livemode: destination.hasSuffix("_live"), metadata: metadata, transferGroup: fields["transfer_group"])
        transfers.append(transfer)
        acceptances.append(
            StripeAcceptance(
                id: transfer.id, object: "transfer", account: destination, amount: amount, currency: currency,
                payoutID: metadata["payout_id"] ?? "", attempt: metadata["attempt"] ?? ""))
        transferEvents.append(
            FakeEvent(
                id: nextID("evt"), type: "transfer.created", account: nil, created: seconds(),
                data: .init(object: transfer)))
        return FakeReply(transfer)
    }

    private mutating func payOut(
        _ amount: Int64, _ currency: String, _ metadata: [String: String], _ account: String,
        _ settings: FakeStripeSettings
    ) -> FakeReply {
        guard balances["\(account)/\(currency)", default: 0] >= amount else {
            return FakeReply(status: 400, FakeErrorBody(code: "balance_insufficient", "Insufficient funds."))
        }
        balances["\(account)/\(currency)", default: 0] -= amount
        let payout = FakePayout(
            id: nextID("po"), amount: account.hasSuffix("_other_amount") ? amount - 1 : amount, arrivalDate: seconds(),
            created: seconds(), currency: account.hasSuffix("_other_currency") ? "eur" : currency, metadata: metadata)
        positionOfPayout[payout.id] = payouts.count
        positionsOfAccount[account, default: []].append(payouts.count)
        payouts.append(payout)
        accountOfPayout[payout.id] = account
        acceptances.append(
            StripeAcceptance(
                id: payout.id, object: "payout", account: account, amount: amount, currency: currency,
                payoutID: metadata["payout_id"] ?? "", attempt: metadata["attempt"] ?? ""))
        announce(payout, "payout.created")
        due.append(Due(at: now.instant.adding(settings.settleAfter), payoutID: payout.id))
        return FakeReply(payout)
    }

    /// Lets time do its work: pending payouts go in transit, those in transit are paid or fail.
    mutating func advance(to now: FakeMoment, settings: FakeStripeSettings) {
        self.now = now
        let ripe = due.filter { $0.at <= now.instant }
        due.removeAll { $0.at <= now.instant }
        for entry in ripe {
            guard let position = positionOfPayout[entry.payoutID] else { continue }
            let account = accountOfPayout[entry.payoutID] ?? ""
            switch payouts[position].status {
            case "pending": change(position, to: "in_transit", "payout.updated")
            case "in_transit" where account.hasSuffix("_no_account"): fail(position, code: "no_account")
            case "in_transit": change(position, to: "paid", "payout.paid")
            case "paid" where account.hasSuffix("_returned"): fail(position, code: "account_closed")
            default: continue
            }
            due.append(Due(at: now.instant.adding(settings.settleAfter), payoutID: entry.payoutID))
        }
    }

    /// Takes a transfer back, as somebody does in the dashboard.
    ///
    /// - Returns: whether there is such a transfer.
    mutating func reverse(transferID: String, now: FakeMoment) -> Bool {
        self.now = now
        guard let position = transfers.firstIndex(where: { $0.id == transferID && !$0.reversed }) else { return false }
        transfers[position].amountReversed = transfers[position].amount
        transfers[position].reversed = true
        let transfer = transfers[position]
        transferredMinor -= transfer.amount
        balances["\(transfer.destination)/\(transfer.currency)", default: 0] -= transfer.amount
        transferEvents.append(
            FakeEvent(
                id: nextID("evt"), type: "transfer.reversed", account: nil, created: seconds(),
                data: .init(object: transfer)))
        return true
    }

    /// What the platform has left of what it had.
    func platformBalance(of limit: Int64) -> Int64 { limit - transferredMinor }

    /// The transfers with what each did to the platform's balance.
    var writtenOutTransfers: [FakeTransfer] {
        transfers.map { transfer in
            var transfer = transfer
            let fee: Int64 = transfer.destination.hasSuffix("_fee") ? 25 : 0
            transfer.balanceTransaction = FakeBalanceTransaction(
                id: "txn_\(transfer.id)", amount: -transfer.amount, currency: transfer.currency, fee: fee,
                net: -transfer.amount - fee)
            return transfer
        }
    }

    /// A bank sends a payout back.
    ///
    /// - Returns: whether there is such a payout.
    mutating func fail(payoutID: String, code: String, now: FakeMoment) -> Bool {
        self.now = now
        guard let position = positionOfPayout[payoutID] else { return false }
        fail(position, code: code)
        return true
    }

    private mutating func fail(_ position: Int, code: String) {
        let payout = payouts[position]
        guard payout.status != "failed", payout.status != "canceled" else { return }
        giveBack(payout)
        payouts[position].failureCode = code
        payouts[position].failureMessage = "The bank sent it back."
        change(position, to: "failed", "payout.failed")
    }

    /// Says of a payout that failed that it was paid.
    mutating func contradict(payoutID: String, now: FakeMoment) {
        self.now = now
        guard let position = positionOfPayout[payoutID] else { return }
        change(position, to: "paid", "payout.paid")
    }

    /// Takes a payout back, which works until the bank has it.
    mutating func cancel(payoutID: String, of account: String, now: FakeMoment) -> FakeReply {
        self.now = now
        guard let position = payouts.firstIndex(where: { $0.id == payoutID && accountOfPayout[$0.id] == account })
        else { return FakeReply(status: 404, FakeErrorBody(code: "resource_missing", "No such payout.")) }
        guard payouts[position].status == "pending" else {
            return FakeReply(
                status: 400, FakeErrorBody(code: "status_transition_invalid", "It cannot be canceled any more."))
        }
        giveBack(payouts[position])
        change(position, to: "canceled", "payout.canceled")
        return FakeReply(payouts[position])
    }

    private mutating func giveBack(_ payout: FakePayout) {
        balances["\(accountOfPayout[payout.id] ?? "")/\(payout.currency)", default: 0] += payout.amount
    }

    private mutating func change(_ position: Int, to status: String, _ kind: String) {
        payouts[position].status = status
        announce(payouts[position], kind)
    }

    private mutating func announce(_ payout: FakePayout, _ kind: String) {
        events.append(
            FakeEvent(
                id: nextID("evt"), type: kind, account: accountOfPayout[payout.id], created: seconds(),
                data: .init(object: payout)))
    }

    /// The events since the last call, with whether their object has ended.
    mutating func takeEvents() -> [FakeNotice] {
        defer {
            events = []
            transferEvents = []
        }
        return transferEvents.map { event in
            FakeNotice(
                isConnect: false, account: event.data.object.destination, eventID: event.id,
                objectID: event.data.object.id,
                endsObject: true, body: FakeReply(event).body)
        }
            + events.map { event in
                FakeNotice(
                    isConnect: true, account: event.account ?? "", eventID: event.id, objectID: event.data.object.id,
                    endsObject: ["paid", "failed", "canceled"].contains(event.data.object.status),
                    body: FakeReply(event).body)
            }
    }

    func payouts(of account: String) -> [FakePayout] {
        (positionsOfAccount[account] ?? []).map { payouts[$0] }
    }

    func balance(of account: String) -> [String: Int64] {
        var found: [String: Int64] = [:]
        for (key, amount) in balances where key.hasPrefix(account + "/") {
            found[String(key.dropFirst(account.count + 1))] = amount
        }
        return found
    }

    private mutating func nextID(_ prefix: String) -> String {
        serial += 1
        return "\(prefix)_fake\(String(serial + 1_000_000).dropFirst())"
    }

    private func seconds() -> Int64 { now.seconds }
}

extension FakeDialect {
    static let stripe = FakeDialect(
        rateLimited: {
            var reply = FakeReply(status: 429, FakeErrorBody(code: "rate_limit", "Too many requests."))
            reply.limitReason = "endpoint-rate"
            return reply
        }(),
        keyInUse: FakeReply(status: 409, FakeErrorBody(code: "idempotency_key_in_use", "The key is in use.")),
        keyMismatch: FakeReply(
            status: 400,
            FakeErrorBody(
                type: "idempotency_error",
                "Keys for idempotent requests can only be used with the same parameters they were first used with.")),
        internalError: FakeReply(status: 500, FakeErrorBody(type: "api_error", "Something went wrong.")),
        keyLifetimeSeconds: 86_400, remembersFailures: true, marksReplays: true)
}
