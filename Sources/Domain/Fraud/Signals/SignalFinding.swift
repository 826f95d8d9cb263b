extension FraudSignal {
    /// Whether it measures k of n events; if not, a value of another kind.
    public var isShare: Bool { ShareSignal.named[self] != nil }
}

/// What one signal measured of an affiliate in a programme: the window in which it was strongest, with the numbers that
/// a person needs to check it.
public struct SignalFinding: Sendable, Hashable, Codable {
    public let signal: FraudSignal
    public let program: UInt64
    /// Days up to the day judged.
    public let windowDays: Int32
    /// Events of the kind, or what was measured.
    public let k: Double
    /// Events in all.
    public let n: Double
    /// The share, or value, that is usual among the programme's other affiliates.
    public let baseline: Double
    /// The affiliate's own share before the window; nil without a past.
    public let past: Double?
    /// How likely as much is among peers.
    public let p: Double
    /// −log₁₀ p against peers, less what looking at several windows is worth and what faded since; 0 … 6.
    public var strength: Double
    /// The lesser of that and the same against the own past, in the windows that have one; 0 … 6, nil without a past.
    public var change: Double?
    /// Events below which the signal keeps silent.
    public let minimum: Double
    /// Whether a high value is the suspicious one.
    public let isHigh: Bool
    /// Of a drift: the share that grows.
    public var drifting: FraudSignal?

    /// k and n as somebody who counts finds them: of the largest heap, the first event is no news to the signal alone.
    public var read: (k: Double, n: Double) {
        ShareSignal.named[signal]?.isHeap == true ? (k + 1, n + 1) : (k, n)
    }

    /// The measured numbers as a sentence for people.
    public var sentence: String {
        if let share = ShareSignal.named[signal] {
            let own = past.map { "this affiliate's past \(percent($0)), " } ?? ""
            return "\(counted(read.k, read.n)) \(share.phrase) in \(days); \(own)programme \(percent(baseline))."
        }
        return measured + "."
    }

    private func counted(_ k: Double, _ n: Double) -> String {
        "\(whole(k)) of \(whole(n)) (\(percent(k / max(n, 1))))"
    }

    private var measured: String {
        switch signal {
        case .narrowTimes:
            "The times from click to order of \(whole(n)) orders in \(days) spread by a factor of \(tenths(k)), "
                + "usually \(tenths(baseline))"
        case .narrowAmounts:
            "The amounts of \(whole(n)) orders in \(days) spread by a factor of \(tenths(k)), usually "
                + "\(tenths(baseline))"
        case .timeShape: deviates("times from click to order", "orders")
        case .orderHours: deviates("hours of the day", "orders")
        case .clickHours: deviates("hours of the day", "clicks")
        case .amountShape: deviates("amounts", "orders")
        case .largeOrders, .smallOrders:
            "The amounts of \(whole(n)) orders in \(days) are \(tenths(k)) times what is usual, other affiliates' "
                + "\(tenths(baseline)) times"
        case .deviceRing:
            "\(whole(k)) of \(whole(n)) buying devices also buy through one other affiliate; chance would be "
                + "\(tenths(baseline))"
        case .drift:
            "\(counted(k * n, n)) \(drifting.flatMap { ShareSignal.named[$0]?.phrase } ?? "orders are unusual") in "
                + "7 days, growing for \(days); before \(percent(baseline))"
        default: "\(tenths(k)) against \(tenths(baseline))"
        }
    }

    private func deviates(_ what: String, _ unit: String) -> String {
        "The \(what) of \(whole(n)) \(unit) in \(days) deviate from the programme's by \(tenths(k)) where chance "
            + "allows about \(tenths(baseline))"
    }

    private var days: String { windowDays == 1 ? "1 day" : "\(windowDays) days" }
    private func whole(_ value: Double) -> String { String(Int64(value.rounded())) }

    private func tenths(_ value: Double) -> String {
        let scaled = Int64((min(max(value, -1e12), 1e12) * 10).rounded())
        return "\(scaled / 10).\(abs(scaled % 10))"
    }

    private func percent(_ share: Double) -> String {
        share > 0 && share < 0.0995 ? "\(tenths(share * 100)) %" : "\(whole(share * 100)) %"
    }
}
