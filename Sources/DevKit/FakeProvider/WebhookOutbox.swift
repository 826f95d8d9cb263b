import AsyncHTTPClient
import Domain
import NIOCore

/// An event on its way to a webhook endpoint.
struct FakeNotice: Sendable {
    /// To the endpoint of connected accounts rather than the platform's.
    var isConnect = false
    /// Whose faults it has.
    let account: String
    let eventID: String
    let objectID: String
    let endsObject: Bool
    let body: [UInt8]
}

/// Events that wait for their delivery, in order, with the faults of their accounts.
struct WebhookOutbox: Sendable {
    struct Entry: Sendable {
        let notice: FakeNotice
        var tries = 0
        var notBefore: Timestamp
    }

    /// Real providers try for days; the fake's time is short.
    static let triesMaximum = 40
    private static let delay = Duration.milliseconds(500)

    private(set) var entries: [Entry] = []
    /// Events of accounts whose events come in the wrong order, by object.
    private var heldBack: [String: [FakeNotice]] = [:]

    mutating func add(_ notices: [FakeNotice], faults: [String: WebhookFault], now: Timestamp) {
        for notice in notices {
            switch faults[notice.account] ?? faults["*"] ?? .none {
            case .none: append([notice], now)
            case .duplicated: append([notice, notice, notice], now)
            case .delayed: append([notice], now.adding(WebhookOutbox.delay))
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
        guard entry.tries < WebhookOutbox.triesMaximum else { return }
        var entry = entry
        entry.tries += 1
        entry.notBefore = now.adding(.milliseconds(min(100 << min(entry.tries, 6), 5_000)))
        entries.append(entry)
    }

    /// Posts a body to an endpoint.
    ///
    /// - Returns: the HTTP status; 0 if there was no answer.
    static func post(
        _ body: [UInt8], headers: [(name: String, value: String)], to url: String, with client: HTTPClient
    ) async -> Int {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        for header in headers { request.headers.add(name: header.name, value: header.value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        // No answer is a reason to try again, whatever the cause.
        guard let response = try? await client.execute(request, timeout: .seconds(5)) else { return 0 }
        return Int(response.status.code)
    }
}
