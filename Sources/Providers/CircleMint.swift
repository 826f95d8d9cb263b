public import AsyncHTTPClient
public import Domain
import Events
import NIOCore
import NIOHTTP1
public import Storage

/// Circle Mint: USDC from the company's balance to an address of Circle's address book, in one step.
///
/// A payout's destination is the id that the address has there. Circle keeps no reference of ours: what became of a
/// lost reply is learned by sending the same key again, which answers with the record that the key is bound to.
public struct CircleMint: SendingProvider {
    public let name = "circle"
    public let schedule: PayoutSchedule

    private let configuration: CircleConfiguration
    let http: ProviderClient

    /// From this amount on Circle wants to know who pays; minor units.
    private static let originatorFromMinor: Int64 = 300_000
    private static let payoutsPath = "/v1/payouts"
    private static let pageSize = 50

    /// - Parameters:
    ///   - client: as `StripeConnect.makeClient` makes it; its owner shuts it down.
    ///   - requestTimeoutSeconds: less than half of the schedule's lease, so that an attempt never has two senders.
    public init(
        configuration: CircleConfiguration, client: HTTPClient, schedule: PayoutSchedule = .circle,
        requestTimeoutSeconds: Int64 = 25
    ) {
        self.configuration = configuration
        self.schedule = schedule
        http = ProviderClient(client: client, timeout: .seconds(requestTimeoutSeconds))
    }

    public func firstStep(of requested: RequestedPayout) -> FirstStep {
        let payout = requested.payout
        // USDC for dollars and EURC for euros; of anything else, and of what lacks its originator, a person sees to it.
        guard ["USD", "EUR"].contains(payout.amount.currency.code), Identifier(text: payout.destination) != nil,
            configuration.originator != nil || !CircleMint.needsOriginator(payout.amount)
        else { return .byHand }
        return .send(makeAttempt(payout, .payout, 1, payout.amount))
    }

    /// The request of a step, byte by byte the same for the same arguments; the key is a part of it.
    public func makeAttempt(
        _ payout: PayoutRecord, _ operation: PayoutOperation, _ number: Int32, _ amount: Money
    ) -> NewAttempt {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member(
                "idempotencyKey", CircleMint.key(operation.key(payoutID: payout.payoutID, number: number)).description)
            writer.name("source")
            writer.object { writer in
                writer.member("type", "wallet")
                writer.member("id", configuration.walletID)
                if let originator = configuration.originator, CircleMint.needsOriginator(amount) {
                    writer.member("identities", [originator]) { $0.json($1) }
                }
            }
            writer.name("destination")
            writer.object { writer in
                writer.member("type", "address_book")
                writer.member("id", payout.destination)
            }
            writer.name("amount")
            writer.object { writer in
                // With a point and two digits, made from integers alone.
                writer.member("amount", amount.decimal)
                writer.member("currency", amount.currency.code)
            }
        }
        return NewAttempt(
            payoutID: payout.payoutID, operation: operation, number: number, provider: name,
            account: payout.destination, requestPath: CircleMint.payoutsPath, requestBody: writer.bytes, amount: amount,
            isLive: configuration.isLive)
    }

    private static func needsOriginator(_ amount: Money) -> Bool { amount.minorUnits >= originatorFromMinor }

    /// The UUID of version 4 that Circle wants, always the same for the same key of ours.
    static func key(_ text: String) -> Identifier {
        let hash = Identifier(hashing: "circle idempotency key", text).value
        let version = UInt128(0xF) << 76
        let variant = UInt128(0x3) << 62
        return Identifier(hash & ~version & ~variant | UInt128(0x4) << 76 | UInt128(0x2) << 62)
    }
}

extension CircleMint {
    /// Sends the stored bytes, which hold the key.
    public func send(_ attempt: ClaimedAttempt, at now: Timestamp) async -> ProviderReply {
        if let objection = attempt.objection(isLive: configuration.isLive, at: now) {
            return .notSent(reason: objection)
        }
        var request = makeRequest(.POST, attempt.request.requestPath)
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: attempt.request.requestBody))
        return await http.send(request) { status, headers, body in
            CircleObjects.answer(status: status, body: body, requestID: headers.first(name: "X-Request-Id"))
        }
    }

    public func outcome(of reply: ProviderReply, isFirstSend: Bool) -> ProviderOutcome {
        ProviderOutcome(circle: reply, isFirstSend: isFirstSend)
    }

    public func operation(ofNotice kind: String) -> PayoutOperation? { kind == "payouts" ? .payout : nil }

    /// Circle has no call for that: what is under way goes on.
    public func cancel(_ payoutID: Identifier, objectID: String, account: String) async {}

    public func fetch(
        _ operation: PayoutOperation, objectID: String, account: String, at now: Timestamp
    ) async -> ProviderFinding {
        // Ids come from webhooks and listings and become part of a path.
        guard operation == .payout, let id = Identifier(text: objectID) else { return .found([]) }
        switch await http.ask(makeRequest(.GET, "\(CircleMint.payoutsPath)/\(id)")) {
        case .success(let tree):
            return .found(
                [tree["data"]].compactMap { $0 }.compactMap { CircleObjects.observation($0, observedAt: now) })
        case .failure(let failure): return failure.status == 404 ? .found([]) : .unavailable(reason: failure.reason)
        }
    }

    /// Finds nothing: no object tells which attempt made it, and one of the same amount to the same address may be
    /// another's. The same key sent again tells it.
    public func search(_ check: DueCheck, at now: Timestamp) async -> ProviderFinding { .found([]) }

    /// One page of the payouts that were created at `since` or later.
    ///
    /// - Parameter cursor: as the page before it gave it.
    func page(
        since: Timestamp, after cursor: String?, at now: Timestamp
    ) async -> Result<(payouts: [ProviderObservation], next: String?), ProviderClient.Unanswered> {
        let after = cursor.map { "&pageAfter=\($0)" } ?? ""
        let path = "\(CircleMint.payoutsPath)?from=\(since.rfc3339)&pageSize=\(CircleMint.pageSize)\(after)"
        return await http.ask(makeRequest(.GET, path)).map { page in
            let objects = page["data"]?.array ?? []
            let last = objects.last?["id"]?.string.flatMap { Identifier(text: $0) }
            return (
                payouts: objects.compactMap { CircleObjects.observation($0, observedAt: now) },
                next: objects.count == CircleMint.pageSize ? last?.description : nil
            )
        }
    }

    /// The public key that webhooks are signed with.
    func publicKey(_ id: Identifier) async -> Result<JSONTree, ProviderClient.Unanswered> {
        await http.ask(makeRequest(.GET, "/v2/notifications/publicKey/\(id)"))
    }

    func makeRequest(_ method: HTTPMethod, _ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: configuration.baseURL + path)
        request.method = method
        request.headers.add(name: "Authorization", value: "Bearer \(configuration.apiKey)")
        request.headers.add(name: "Accept", value: "application/json")
        return request
    }
}
