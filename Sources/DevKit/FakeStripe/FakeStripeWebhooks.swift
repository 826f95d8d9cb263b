import AsyncHTTPClient
import Crypto
import Domain
import Foundation
import NIOCore

/// A signed request to a webhook endpoint, as the fake sends it.
public struct StripeDelivery: Sendable {
    /// To the endpoint of connected accounts rather than the platform's.
    public let isConnect: Bool
    public let body: [UInt8]
    /// The value of `Stripe-Signature`; new for every try.
    public let signature: String
}

/// Events that wait for their delivery, in order, with the faults of their accounts.
struct FakeStripeOutbox: Sendable {
    struct Entry: Sendable {
        let notice: FakeNotice
        var tries = 0
        var notBefore: Timestamp
    }

    /// Real Stripe tries for days; the fake's time is short.
    static let triesMaximum = 40

    private(set) var entries: [Entry] = []
    /// Events of accounts whose events come in the wrong order, by object.
    private var heldBack: [String: [FakeNotice]] = [:]

    mutating func add(_ notices: [FakeNotice], faults: [String: WebhookFault], now: Timestamp) {
        for notice in notices {
            switch faults[notice.account] ?? faults["*"] ?? .none {
            case .none: append([notice], now)
            case .duplicated: append([notice, notice, notice], now)
            case .missing: continue
            case .reordered:
                heldBack[notice.objectID, default: []].append(notice)
                if notice.endsObject { append(heldBack.removeValue(forKey: notice.objectID)?.reversed() ?? [], now) }
            }
        }
    }

    private mutating func append(_ notices: [FakeNotice], _ now: Timestamp) {
        entries += notices.map { Entry(notice: $0, notBefore: now) }
    }

    /// Takes what is due and has an address.
    mutating func takeDue(at now: Timestamp, canSend: (FakeNotice) -> Bool) -> [Entry] {
        let due = entries.filter { $0.notBefore <= now && canSend($0.notice) }
        entries.removeAll { $0.notBefore <= now && canSend($0.notice) }
        return due
    }

    /// Puts back what was not answered by a 2xx.
    mutating func retry(_ entry: Entry, at now: Timestamp) {
        guard entry.tries < FakeStripeOutbox.triesMaximum else { return }
        var entry = entry
        entry.tries += 1
        entry.notBefore = now.adding(.milliseconds(min(100 << min(entry.tries, 6), 5_000)))
        entries.append(entry)
    }
}

extension StripeDelivery {
    init(_ notice: FakeNotice, secret: String, at moment: Timestamp) {
        let seconds = moment.seconds(since: Timestamp(secondsSinceEpoch: 0))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(seconds).".utf8) + notice.body, using: SymmetricKey(data: Array(secret.utf8)))
        isConnect = notice.isConnect
        body = notice.body
        signature = "t=\(seconds),v1=" + code.map { String(format: "%02x", $0) }.joined()
    }

    /// Posts it.
    ///
    /// - Returns: the HTTP status; 0 if there was no answer.
    func post(to url: String, with client: HTTPClient) async -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Stripe-Signature", value: signature)
        request.body = .bytes(ByteBuffer(bytes: body))
        // No answer is a reason to try again, whatever the cause.
        guard let response = try? await client.execute(request, timeout: .seconds(5)) else { return 0 }
        return Int(response.status.code)
    }
}

extension Timestamp {
    /// - Parameter duration: below a day; what is finer than a microsecond is cut off.
    func adding(_ duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        return Timestamp(
            microsecondsSinceEpoch: microsecondsSinceEpoch + seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }
}
