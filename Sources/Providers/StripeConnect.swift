public import AsyncHTTPClient
public import Domain
import Events
import NIOCore
import NIOHTTP1
public import Storage

/// Stripe Connect: a transfer to the affiliate's connected account, then a payout from there to the bank.
public struct StripeConnect: SendingProvider {
    public let name = "stripe"
    public let schedule: PayoutSchedule

    let configuration: StripeConfiguration
    private let http: ProviderClient

    static let pageSize = 100
    private static let pagesMaximum = 10
    /// A provider's clock and ours differ by less.
    private static let clockSkewSeconds: Int64 = 300

    /// - Parameters:
    ///   - client: must not follow redirects; its owner shuts it down.
    ///   - requestTimeoutSeconds: less than half of the schedule's lease, so that an attempt never has two senders.
    public init(
        configuration: StripeConfiguration, client: HTTPClient, schedule: PayoutSchedule = .stripe,
        requestTimeoutSeconds: Int64 = 25
    ) {
        self.configuration = configuration
        self.schedule = schedule
        http = ProviderClient(client: client, timeout: .seconds(requestTimeoutSeconds))
    }

    /// A client as `init` wants it.
    public static func makeClient() -> HTTPClient { ProviderClient.makeHTTPClient() }

    public func firstStep(of requested: RequestedPayout) -> FirstStep {
        let payout = requested.payout
        let missing = payout.amount.minorUnits - min(requested.connectedFreeMinor, payout.amount.minorUnits)
        // What an earlier, failed bank payout left on the account is used up first: never a second transfer of it.
        guard missing > 0 else { return .send(makeAttempt(payout, .payout, 1, payout.amount)) }
        return .send(makeAttempt(payout, .transfer, 1, Money(minorUnits: missing, currency: payout.amount.currency)))
    }

    /// The request of a step, byte by byte the same for the same arguments.
    public func makeAttempt(
        _ payout: PayoutRecord, _ operation: PayoutOperation, _ number: Int32, _ amount: Money
    ) -> NewAttempt {
        var fields = [
            (name: "amount", value: String(amount.minorUnits)),
            (name: "currency", value: amount.currency.code.lowercased()),
        ]
        if operation == .transfer {
            fields.append((name: "destination", value: payout.destination))
            fields.append((name: "transfer_group", value: StripeConnect.group(of: payout.payoutID)))
        }
        fields.append((name: "metadata[payout_id]", value: payout.payoutID.description))
        fields.append((name: "metadata[attempt]", value: String(number)))
        return NewAttempt(
            payoutID: payout.payoutID, operation: operation, number: number, provider: name,
            account: payout.destination, requestPath: StripeConnect.path(of: operation),
            requestBody: FormEncoding.bytes(fields), amount: amount, isLive: configuration.isLive)
    }

    private static func group(of payoutID: Identifier) -> String { "payout:\(payoutID)" }

    private static func path(of operation: PayoutOperation) -> String {
        switch operation {
        case .transfer: "/v1/transfers"
        case .payout: "/v1/payouts"
        }
    }
}

extension StripeConnect {
    /// Sends the stored bytes under the stored key.
    ///
    /// - Parameter now: if the key's life is over, nothing is sent: to the provider it would be a new payment.
    public func send(_ attempt: ClaimedAttempt, at now: Timestamp) async -> ProviderReply {
        if let objection = attempt.objection(isLive: configuration.isLive, at: now) {
            return .notSent(reason: objection)
        }
        let stored = attempt.request
        var request = makeRequest(
            .POST, stored.requestPath, account: account(for: stored.operation, stored.account))
        request.headers.add(name: "Idempotency-Key", value: attempt.idempotencyKey)
        request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
        request.body = .bytes(ByteBuffer(bytes: stored.requestBody))
        return await http.send(request) { status, headers, body in
            StripeObjects.answer(
                status: status, body: body, isReplayed: headers.first(name: "Idempotent-Replayed") == "true",
                requestID: headers.first(name: "Request-Id"))
        }
    }

    /// Works until the bank has it.
    public func cancel(_ payoutID: Identifier, objectID: String, account: String) async {
        guard StripeConnect.isObjectID(objectID) else { return }
        let path = "\(StripeConnect.path(of: .payout))/\(objectID)/cancel"
        var request = makeRequest(.POST, path, account: account)
        request.headers.add(name: "Idempotency-Key", value: "payout:\(payoutID):cancel")
        // Whatever the answer is, the object says what became of it.
        _ = await http.ask(request)
    }

    public func outcome(of reply: ProviderReply, isFirstSend: Bool) -> ProviderOutcome {
        ProviderOutcome(reply, isFirstSend: isFirstSend)
    }

    public func operation(ofNotice kind: String) -> PayoutOperation? {
        if kind.hasPrefix("payout.") { return .payout }
        return kind.hasPrefix("transfer.") ? .transfer : nil
    }

    /// Fetches one object.
    public func fetch(
        _ operation: PayoutOperation, objectID: String, account: String, at now: Timestamp
    ) async -> ProviderFinding {
        guard StripeConnect.isObjectID(objectID) else { return .found([]) }
        let path = "\(StripeConnect.path(of: operation))/\(objectID)"
        switch await get(path, account: self.account(for: operation, account)) {
        case .success(let tree):
            return .found(
                [tree].compactMap {
                    StripeObjects.observation($0, account: account, isLive: configuration.isLive, observedAt: now)
                })
        case .failure(let failure): return failure.status == 404 ? .found([]) : .unavailable(reason: failure.reason)
        }
    }

    /// Looks for the object of a step whose reply was lost. Finding none proves nothing.
    public func search(_ check: DueCheck, at now: Timestamp) async -> ProviderFinding {
        let since = check.firstSentAt?.adding(seconds: -StripeConnect.clockSkewSeconds)
        var query =
            switch check.operation {
            case .transfer: "transfer_group=payout%3A\(check.payoutID)"
            case .payout: "created[gte]=\((since ?? now).seconds(since: Timestamp(secondsSinceEpoch: 0)))"
            }
        query += "&limit=\(StripeConnect.pageSize)"
        var found: [ProviderObservation] = []
        var cursor: String?
        for _ in 0..<StripeConnect.pagesMaximum {
            let page = cursor.map { "&starting_after=\($0)" } ?? ""
            let path = "\(StripeConnect.path(of: check.operation))?\(query)\(page)"
            switch await get(path, account: account(for: check.operation, check.account)) {
            case .failure(let failure): return .unavailable(reason: failure.reason)
            case .success(let page):
                let objects = page["data"]?.array ?? []
                found += objects.compactMap {
                    StripeObjects.observation($0, account: check.account, isLive: configuration.isLive, observedAt: now)
                }
                cursor = objects.last?["id"]?.string
                guard page["has_more"]?.bool == true, cursor.map(StripeConnect.isObjectID) == true else {
                    return .found(StripeConnect.matches(found, of: check))
                }
            }
        }
        return .found(StripeConnect.matches(found, of: check))
    }

    private static func matches(_ found: [ProviderObservation], of check: DueCheck) -> [ProviderObservation] {
        found.filter {
            $0.reference == AttemptReference(payoutID: check.payoutID, number: check.attemptNumber)
        }
    }

    /// Ids come from webhooks and listings and become part of a path.
    static func isObjectID(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                let character = Character(UnicodeScalar(byte))
                return byte == UInt8(ascii: "_") || (character.isASCII && (character.isLetter || character.isNumber))
            }
    }

    /// The account in whose name a request is made: a transfer is the platform's, a payout the connected account's.
    private func account(for operation: PayoutOperation, _ account: String) -> String? {
        operation == .payout ? account : nil
    }

    func get(_ path: String, account: String?) async -> Result<JSONTree, ProviderClient.Unanswered> {
        await http.ask(makeRequest(.GET, path, account: account))
    }

    private func makeRequest(_ method: HTTPMethod, _ path: String, account: String?) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: configuration.baseURL + path)
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(configuration.apiKey)")
        request.headers.add(name: "Stripe-Version", value: StripeConfiguration.apiVersion)
        if let account { request.headers.add(name: "Stripe-Account", value: account) }
        return request
    }
}
