import Domain
import Events

/// Up to when the figures on a page know the world.
struct Freshness: Encodable, Hashable, Sendable {
    /// The worker group that takes events in, and with it every figure of the console.
    static let workerGroup = "scorer"

    /// The newest event taken in; nil before the first.
    let eventsUpTo: String?
    /// Records of `conversions.raw` not taken in yet; nil while the broker does not answer.
    let recordsBehind: Int64?
    /// Age of the oldest partition's newest event that still has records waiting; 0 when none waits.
    let lagSeconds: Int64?
    /// Partitions, of any group, that are held until somebody looks.
    let heldPartitions: Int

    init(_ positions: [PartitionPosition], at now: Timestamp) {
        let intake = positions.filter {
            $0.workerGroup == Freshness.workerGroup && $0.topic == TopicName.conversionsRaw
        }
        let times = intake.compactMap { $0.lastRecordAt.flatMap(Timestamp.init(rfc3339:)) }
        eventsUpTo = times.max()?.rfc3339
        heldPartitions = positions.count { $0.mode == "held" }
        let lags = intake.compactMap(\.lag)
        guard lags.count == intake.count, !intake.isEmpty else {
            recordsBehind = nil
            lagSeconds = nil
            return
        }
        recordsBehind = lags.reduce(0, +)
        let waiting = intake.filter { ($0.lag ?? 0) > 0 }
        let oldest = waiting.compactMap { $0.lastRecordAt.flatMap(Timestamp.init(rfc3339:)) }.min()
        lagSeconds = waiting.isEmpty ? 0 : oldest.map { max(0, now.seconds(since: $0)) }
    }

    /// As in "Events up to 12:04:31, lag 2 s".
    var sentence: String {
        guard let eventsUpTo else { return "No events yet" }
        var text = "Events up to \(Freshness.clock(eventsUpTo)) UTC"
        if let lagSeconds { text += ", lag \(Figures.duration(lagSeconds))" }
        if heldPartitions > 0 { text += ", \(heldPartitions) held" }
        return text
    }

    /// The time of an RFC 3339 text.
    private static func clock(_ moment: String) -> Substring {
        moment.dropFirst(11).prefix(8)
    }
}
