import Kafka

/// How far a worker group is behind in one partition.
struct PartitionLag: Encodable, Sendable {
    let group: String
    let topic: String
    let partition: Int32
    /// Empty if nobody owns it now.
    let owner: String
    let epoch: Int64
    let next: Int64?
    let low: Int64?
    let high: Int64?
    /// Records between position and end; nil while either is not known.
    let lag: Int64?
    let unpublished: Int64
    let status: String

    /// Work that stands still for this long is called stalled.
    private static let stalledAfterSeconds: Int64 = 60

    /// - Parameter ends: nil if the broker did not say.
    init(_ position: StreamPosition, ends: Watermarks?) {
        group = position.group
        // A lane reads nothing: what it is behind is its own outbox.
        topic = position.source?.topic ?? "(outbox)"
        partition = position.source?.partition ?? 0
        owner = position.owner
        epoch = position.epoch
        next = position.nextOffset
        low = ends?.low
        high = ends?.high
        unpublished = position.unpublished
        if position.source == nil {
            lag = position.unpublished
        } else if let next = position.nextOffset, let ends {
            // Read one after the other, so the position may already be ahead of the end.
            lag = max(0, ends.high - next)
        } else {
            lag = nil
        }
        status = PartitionLag.status(position, ends: ends, lag: lag)
    }

    /// A partition that a group should read and has no position in.
    init(unread source: TopicPartition, by group: String, ends: Watermarks?) {
        self.group = group
        topic = source.topic
        partition = source.partition
        owner = ""
        epoch = 0
        next = nil
        low = ends?.low
        high = ends?.high
        lag = ends.map { $0.high - $0.low }
        unpublished = 0
        status = "never read"
    }

    private static func status(_ position: StreamPosition, ends: Watermarks?, lag: Int64?) -> String {
        if position.mode == "held" {
            return "held: " + [position.holdReason, position.holdDetail].compactMap { $0 }.joined(separator: ", ")
        }
        if position.source != nil {
            guard let ends else { return "broker silent" }
            if let next = position.nextOffset, next < ends.low { return "retention passed it" }
            if let next = position.nextOffset, next > ends.high { return "ahead of the log" }
        }
        if position.mode == "quarantine" { return "quarantine" }
        guard let lag, lag > 0 else { return "ok" }
        if position.source != nil, position.owner.isEmpty { return "unowned" }
        return position.secondsSinceUpdate > stalledAfterSeconds ? "stalled" : "behind"
    }
}
