/// The clicks that orders name. An id may name one click in each month.
public struct ClickBook: Sendable {
    /// Oldest first.
    private var byKey: [Identifier: [Attribution.Click]] = [:]

    public init(_ clicks: some Sequence<Attribution.Click> = []) {
        for click in clicks { add(click) }
    }

    public mutating func add(_ click: Attribution.Click) {
        var known = byKey[click.key] ?? []
        known.insert(click, at: known.firstIndex { $0.occurredAt > click.occurredAt } ?? known.endIndex)
        byKey[click.key] = known
    }

    /// The click that a key names at a moment: the last that is not after it; else the first there is, which cannot
    /// count. nil if none is known.
    public func click(_ key: Identifier, at moment: Timestamp) -> Attribution.Click? {
        guard let clicks = byKey[key] else { return nil }
        return clicks.last { $0.occurredAt <= moment } ?? clicks.first
    }

    public func knows(_ key: Identifier) -> Bool { byKey[key] != nil }

    public var affiliateIDs: [String] { byKey.values.flatMap { $0.map(\.affiliateID) } }
}
