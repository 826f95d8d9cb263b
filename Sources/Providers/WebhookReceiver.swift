public import Domain
import Events
public import Logging
public import Postgres
import Storage
public import WorkerRuntime

/// Takes a provider's webhooks in: verifies the raw bytes, stores the notice, and only then says yes.
///
/// A notice is a hint to look, never a fact: what it says about money is fetched again before it is believed.
public struct WebhookReceiver: Sendable {
    /// Stripe signs for two endpoints with secrets of their own: one for the platform's events, one for those of
    /// connected accounts. Circle has one, and signs with a key that it publishes; what Amazon brings from it is signed
    /// by Amazon.
    public enum Endpoint: String, Sendable, CaseIterable {
        case platform = "stripe"
        case connect = "stripe-connect"
        case circle
        case circleHints = "circle-sns"

        /// The path that the provider posts to.
        public var path: String { "/webhooks/\(rawValue)" }
    }

    /// What Circle's endpoint needs.
    public struct Circle: Sendable {
        let keys: CircleKeys
        let pulse: Pulse
        let certificates: SNSCertificates
        let hints: CircleHints

        /// - Parameters:
        ///   - pulse: rung when Circle told something.
        ///   - certificate: what lies at an address of Amazon's; nil: it did not answer.
        ///   - confirm: asks for an address of Amazon's, which subscribes to its notifications; whether that worked.
        public init(
            keys: CircleKeys, pulse: Pulse,
            certificate: @escaping @Sendable (String) async -> [UInt8]? = { _ in nil },
            confirm: @escaping @Sendable (String) async -> Bool = { _ in false }
        ) {
            self.keys = keys
            self.pulse = pulse
            certificates = SNSCertificates(fetch: certificate)
            hints = CircleHints(confirm: confirm)
        }
    }

    /// The headers of a request that say who signed it.
    public struct Signature: Sendable {
        let value: String
        /// The id of the key, where the header names one.
        let keyID: String

        public init(_ value: String, keyID: String = "") {
            self.value = value
            self.keyID = keyID
        }
    }

    /// What the sender is told.
    public enum Answer: Hashable, Sendable {
        case stored
        /// Stored before; the sender may forget it.
        case repeated
        /// Genuine, and not for this mode.
        case ignored
        /// Nothing is stored of it, and the provider is asked about what it names.
        case hinted
        case refused(String)
        /// The sender shall try again.
        case unavailable

        /// The HTTP status.
        public var status: Int {
            switch self {
            case .stored, .repeated, .ignored, .hinted: 200
            case .refused: 400
            case .unavailable: 503
            }
        }
    }

    /// Bytes of a request; the providers' events are far smaller.
    public static let bodyBytesMaximum = 256 * 1_024

    private let pool: PostgresPool
    private let signatures: [Endpoint: StripeSignature]
    private let circle: Circle?
    private let isLive: Bool
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameters:
    ///   - secrets: per endpoint of Stripe, all that are active during a rotation.
    ///   - circle: nil: what comes to its endpoint is refused.
    ///   - pulse: rung when a notice of Stripe was stored.
    public init(
        pool: PostgresPool, secrets: [Endpoint: [String]], circle: Circle? = nil, isLive: Bool, pulse: Pulse,
        clock: @escaping @Sendable () -> Timestamp = systemNow, metrics: Metrics, logger: Logger
    ) {
        self.pool = pool
        self.circle = circle
        self.isLive = isLive
        self.pulse = pulse
        self.clock = clock
        self.metrics = metrics
        self.logger = logger
        signatures = secrets.mapValues(StripeSignature.init(secrets:))
        metrics.declare("webhooks_total", .counter, "Webhooks by endpoint and what was done with them.")
    }

    /// - Parameters:
    ///   - body: as it came.
    ///   - signature: the header `Stripe-Signature`; nil if there was none.
    public func receive(_ body: [UInt8], signature: String?, endpoint: Endpoint) async -> Answer {
        await receive(body, signed: signature.map { Signature($0) }, endpoint: endpoint)
    }

    /// - Parameters:
    ///   - body: as it came.
    ///   - signature: nil if a header was missing.
    public func receive(_ body: [UInt8], signed signature: Signature?, endpoint: Endpoint) async -> Answer {
        let answer = await judge(body, signature, endpoint)
        metrics.add(to: "webhooks_total", [("endpoint", endpoint.rawValue), ("result", answer.label)])
        if case .refused(let reason) = answer {
            // Anybody can send such, any number of times: they are counted, and not to fill the log.
            logger.debug("webhook refused", metadata: [LogKey.reason: "\(reason)"])
        }
        return answer
    }

    private func judge(_ body: [UInt8], _ signature: Signature?, _ endpoint: Endpoint) async -> Answer {
        guard body.count <= WebhookReceiver.bodyBytesMaximum else { return .refused("too_large") }
        let now = clock()
        if endpoint == .circleHints { return await hint(body, at: now) }
        guard let signature else { return .refused("unsigned") }
        if let answer = await verify(body, signature, endpoint, at: now) { return answer }
        guard let tree = JSONTree(ArraySlice(body)) else { return .refused("unreadable") }
        switch endpoint {
        case .platform, .connect:
            guard let notice = WebhookNotice(stripe: tree, body: body) else { return .refused("unreadable") }
            // A connect endpoint of a live account also hears of tests; refusing them would only make it hear again.
            guard tree["livemode"]?.bool == isLive else { return .ignored }
            return await store(notice, pulse, at: now)
        case .circle, .circleHints:
            guard let notice = WebhookNotice(circle: tree, body: body), let circle else {
                return .refused("unreadable")
            }
            guard CircleNotices.isTimely(tree, at: now) else { return .refused("outside_tolerance") }
            // A test of the endpoint is about nothing.
            return notice.objectID.isEmpty ? .ignored : await store(notice, circle.pulse, at: now)
        }
    }

    /// - Returns: what a sender is told whose request is not genuine; nil for a genuine one.
    private func verify(
        _ body: [UInt8], _ signature: Signature, _ endpoint: Endpoint, at now: Timestamp
    ) async -> Answer? {
        guard endpoint == .circle else {
            guard let verifier = signatures[endpoint] else { return .refused("unsigned") }
            do { try verifier.verify(body, header: signature.value, at: now) } catch { return .refused(error.rawValue) }
            return nil
        }
        switch await circle?.keys.key(signature.keyID, at: now) ?? .unknown {
        case .unknown: return .refused("unknown_key")
        case .unavailable: return .unavailable
        case .key(let key): return key.isValid(signature.value, for: body) ? nil : .refused("wrong_signature")
        }
    }

    /// At most the provider is asked about a payout that it has.
    private func hint(_ body: [UInt8], at now: Timestamp) async -> Answer {
        guard let circle else { return .refused("not_configured") }
        guard let message = SNSMessage(body), let hint = CircleHint(message) else { return .refused("unreadable") }
        switch await circle.certificates.verify(message, at: now) {
        case .genuine: break
        case .unknownKey: return .refused("unknown_key")
        case .wrongSignature: return .refused("wrong_signature")
        case .unavailable: return .unavailable
        }
        switch hint {
        case .confirmation(let url): return await circle.hints.confirm(url, at: now) ? .hinted : .unavailable
        case .other: return .ignored
        case .payout(let objectID):
            do {
                let isOurs = try await pool.transaction { (transaction) throws(PostgresError) in
                    try PayoutStore.checkNow(provider: "circle", objectID: objectID, at: now, in: transaction)
                }
                if isOurs { circle.pulse.ring() }
                return isOurs ? .hinted : .ignored
            } catch {
                logger.warning("webhook not applied", metadata: [LogKey.error: "\(error)"])
                return .unavailable
            }
        }
    }

    private func store(_ notice: WebhookNotice, _ pulse: Pulse, at now: Timestamp) async -> Answer {
        do {
            let isNew = try await pool.transaction { (transaction) throws(PostgresError) in
                try WebhookInboxStore.store([notice], at: now, in: transaction) == 1
            }
            CrashPoint.hit(.afterWebhookStored)
            if isNew { pulse.ring() }
            return isNew ? .stored : .repeated
        } catch {
            logger.warning("webhook not stored", metadata: [LogKey.error: "\(error)"])
            return .unavailable
        }
    }
}

extension WebhookReceiver.Answer {
    fileprivate var label: String {
        switch self {
        case .stored: "stored"
        case .repeated: "repeated"
        case .ignored: "ignored"
        case .hinted: "hinted"
        case .refused(let reason): reason
        case .unavailable: "unavailable"
        }
    }
}
