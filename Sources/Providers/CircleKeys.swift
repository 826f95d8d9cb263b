public import Domain
import Events

/// The keys that Circle signs webhooks with, fetched when one is first named and kept: the key of an id never changes.
///
/// Anybody can name an id, so how many are kept and how many are fetched are bounded.
public actor CircleKeys {
    /// What is known about an id.
    public enum Answer: Sendable {
        case key(CirclePublicKey)
        /// Circle has no such key.
        case unknown
        /// Nobody could be asked, or too many were asked about: the sender shall try again.
        case unavailable
    }

    private static let keptMaximum = 32
    private static let fetchesMaximum = 10
    private static let fetchesPeriodSeconds: Int64 = 60

    private let circle: CircleMint
    /// nil: Circle said that there is none.
    private var kept: [Identifier: CirclePublicKey?] = [:]
    private var fetching: [Identifier: Task<Answer, Never>] = [:]
    private var fetchedAt: [Timestamp] = []

    public init(_ circle: CircleMint) { self.circle = circle }

    /// - Parameter text: the header `X-Circle-Key-Id`.
    public func key(_ text: String, at now: Timestamp) async -> Answer {
        guard let id = Identifier(text: text) else { return .unknown }
        if let known = kept[id] { return known.map { .key($0) } ?? .unknown }
        // Deliveries that come together ask once.
        if let running = fetching[id] { return await running.value }
        fetchedAt.removeAll { now.seconds(since: $0) >= CircleKeys.fetchesPeriodSeconds }
        guard fetchedAt.count < CircleKeys.fetchesMaximum else { return .unavailable }
        fetchedAt.append(now)
        let circle = circle
        let fetch = Task { await CircleKeys.fetch(id, from: circle) }
        fetching[id] = fetch
        let answer = await fetch.value
        fetching[id] = nil
        keep(answer, of: id)
        return answer
    }

    private static func fetch(_ id: Identifier, from circle: CircleMint) async -> Answer {
        switch await circle.publicKey(id) {
        case .success(let tree):
            guard let data = tree["data"], data["algorithm"]?.string == "ECDSA_SHA_256",
                let key = data["publicKey"]?.string.flatMap({ CirclePublicKey(base64: $0) })
            else { return .unknown }
            return .key(key)
        case .failure(let failure): return failure.status == 404 || failure.status == 400 ? .unknown : .unavailable
        }
    }

    private func keep(_ answer: Answer, of id: Identifier) {
        if kept.count >= CircleKeys.keptMaximum {
            // What was made up goes first; a genuine key that goes is fetched again.
            let victim = kept.first { $0.value == nil }?.key ?? kept.keys.first
            if let victim { kept[victim] = nil }
        }
        switch answer {
        case .key(let key): kept.updateValue(key, forKey: id)
        case .unknown: kept.updateValue(nil, forKey: id)
        case .unavailable: break
        }
    }
}
