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
    /// connected accounts.
    public enum Endpoint: String, Sendable, CaseIterable {
        case platform = "stripe"
        case connect = "stripe-connect"

        /// The path that the provider posts to.
        public var path: String { "/webhooks/\(rawValue)" }
    }

    /// What the sender is told.
    public enum Answer: Hashable, Sendable {
        case stored
        /// Stored before; the sender may forget it.
        case repeated
        /// Genuine, and not for this mode.
        case ignored
        case refused(String)
        /// The sender shall try again.
        case unavailable

        /// The HTTP status.
        public var status: Int {
            switch self {
            case .stored, .repeated, .ignored: 200
            case .refused: 400
            case .unavailable: 503
            }
        }
    }

    /// Bytes of a request; Stripe's events are far smaller.
    public static let bodyBytesMaximum = 256 * 1_024

    private let pool: PostgresPool
    private let signatures: [Endpoint: StripeSignature]
    private let isLive: Bool
    private let pulse: Pulse
    private let clock: @Sendable () -> Timestamp
    private let metrics: Metrics
    private let logger: Logger

    /// - Parameters:
    ///   - secrets: per endpoint, all that are active during a rotation.
    ///   - pulse: rung when a notice was stored.
    public init(
        pool: PostgresPool, secrets: [Endpoint: [String]], isLive: Bool, pulse: Pulse,
        clock: @escaping @Sendable () -> Timestamp = systemNow, metrics: Metrics, logger: Logger
    ) {
        self.pool = pool
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
        let answer = await judge(body, signature: signature, endpoint: endpoint)
        metrics.add(to: "webhooks_total", [("endpoint", endpoint.rawValue), ("result", answer.label)])
        if case .refused(let reason) = answer {
            logger.warning("webhook refused", metadata: [LogKey.reason: "\(reason)"])
        }
        return answer
    }

    private func judge(_ body: [UInt8], signature: String?, endpoint: Endpoint) async -> Answer {
        guard body.count <= WebhookReceiver.bodyBytesMaximum else { return .refused("too_large") }
        guard let signature, let verifier = signatures[endpoint] else { return .refused("unsigned") }
        let now = clock()
        do { try verifier.verify(body, header: signature, at: now) } catch { return .refused(error.rawValue) }
        guard let tree = JSONTree(ArraySlice(body)), let notice = WebhookReceiver.notice(tree, body: body) else {
            return .refused("unreadable")
        }
        // A connect endpoint of a live account also hears of tests; refusing them would only make it hear again.
        guard tree["livemode"]?.bool == isLive else { return .ignored }
        do {
            let isNew = try await pool.transaction { (transaction) throws(PostgresError) in
                try WebhookInboxStore.store(notice, at: now, in: transaction)
            }
            CrashPoint.hit(.afterWebhookStored)
            if isNew { pulse.ring() }
            return isNew ? .stored : .repeated
        } catch {
            logger.warning("webhook not stored", metadata: [LogKey.error: "\(error)"])
            return .unavailable
        }
    }

    private static func notice(_ tree: JSONTree, body: [UInt8]) -> WebhookNotice? {
        guard let eventID = tree["id"]?.string, !eventID.isEmpty, eventID.utf8.count <= 255,
            let kind = tree["type"]?.string, let objectID = tree["data"]?["object"]?["id"]?.string
        else { return nil }
        let account = tree["account"]?.string ?? ""
        // PostgreSQL's text holds every character but U+0000.
        guard ![eventID, kind, objectID, account].contains(where: { $0.utf8.contains(0) }) else { return nil }
        return WebhookNotice(
            provider: "stripe", eventID: eventID, account: account, kind: kind, objectID: objectID, body: body)
    }
}

extension WebhookReceiver.Answer {
    fileprivate var label: String {
        switch self {
        case .stored: "stored"
        case .repeated: "repeated"
        case .ignored: "ignored"
        case .refused(let reason): reason
        case .unavailable: "unavailable"
        }
    }
}
