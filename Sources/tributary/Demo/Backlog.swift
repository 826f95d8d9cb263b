import Kafka

/// Bytes that were published to each partition and not yet processed.
///
/// The embedded broker keeps 5 MiB of a partition and drops what is older without a word.
struct Backlog {
    private struct Chunk {
        var lastOffset: Int64
        var bytes: Int
    }

    private var chunks: [TopicPartition: [Chunk]] = [:]
    private(set) var bytes: [TopicPartition: Int] = [:]

    var largest: Int { bytes.values.max() ?? 0 }

    mutating func published(_ source: TopicPartition, offset: Int64, bytes count: Int) {
        bytes[source, default: 0] += count
        chunks[source, default: []].append(Chunk(lastOffset: offset, bytes: count))
    }

    /// Takes note of positions: everything before them is done.
    mutating func processed(_ positions: [TopicPartition: Int64]) {
        for (source, next) in positions {
            guard let waiting = chunks[source] else { continue }
            let done = waiting.prefix { $0.lastOffset < next }
            bytes[source, default: 0] -= done.reduce(0) { $0 + $1.bytes }
            chunks[source] = Array(waiting.dropFirst(done.count))
        }
    }
}
