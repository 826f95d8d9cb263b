import DevKit
import Events
import Kafka
import Logging

/// What the scorers are fed with.
extension ScoringFleet {
    /// The partitions of `conversions.raw`.
    static let partitions = 12
    private static let events = 3_000
    /// One record that nobody can read follows this many others, so that each batch has some.
    private static let garbageEvery = 15

    static let traffic: [OutgoingMessage] = {
        var messages: [OutgoingMessage] = []
        for line in traffic(events: events, seed: 7) {
            messages.append(message(line))
            guard messages.count % (garbageEvery + 1) == garbageEvery else { continue }
            messages.append(
                OutgoingMessage(
                    topic: "conversions.raw", key: messages.last?.key, value: Array("{garbage \(messages.count)".utf8)))
        }
        return messages
    }()

    static func traffic(events: Int, seed: UInt64) -> [[UInt8]] {
        var generator = TrafficGenerator(TrafficPlan(events: events, seed: seed))
        return Array(AnyIterator { generator.next() })
    }

    /// A record keyed as a tracking service would.
    static func message(_ line: [UInt8]) -> OutgoingMessage {
        let tree = JSONTree(line[...])
        let key = tree?["affiliate_id"]?.string ?? tree?["order_id"]?.string
        return OutgoingMessage(topic: "conversions.raw", key: key.map { Array($0.utf8) }, value: line)
    }

    /// The traffic in that many parts of about the same size.
    static func traffic(inParts parts: Int) -> [[OutgoingMessage]] {
        (0..<parts).map { part in
            Array(traffic[part * traffic.count / parts..<(part + 1) * traffic.count / parts])
        }
    }

    /// Each record in one partition of the first half and in one of the second, in the same order.
    static var twins: [OutgoingMessage] {
        var numbers: [[UInt8]: Int32] = [:]
        let half = Int32(partitions / 2)
        return traffic.flatMap { message in
            let number = numbers[message.key ?? [], default: Int32(numbers.count)]
            numbers[message.key ?? []] = number
            var pair = [message, message]
            pair[0].partition = number % half
            pair[1].partition = number % half + half
            return pair
        }
    }

    /// The embedded broker keeps 5 MiB of a partition and then forgets the oldest: this much is published at once, and
    /// more only once what came before the last of it is processed.
    private static let publishedBytes = 2 << 20

    /// Publishes messages, and waits until the broker has them.
    ///
    /// - Parameter keepingPace: no faster than the scorers that are running process them.
    func publish(_ messages: [OutgoingMessage] = ScoringFleet.traffic, keepingPace: Bool = false) async throws {
        let producer = try KafkaProducer(
            ProducerConfiguration(settings: kafka, clientID: "fleet-test", messageBytesMaximum: 8 << 20),
            logger: Logger(label: "fleet-test"))
        // A database that is down is not asked.
        let before = keepingPace ? try await processedRecords : 0
        var rest = messages[...]
        var old = 0
        while !rest.isEmpty {
            if keepingPace {
                let wanted = Int64(old)
                try await wait(for: "the scorers to keep pace", within: ScoringFleet.processedWithin(rest.count)) {
                    try await processedRecords - before >= wanted
                }
            }
            old = messages.count - rest.count
            var bytes = 0
            let part = rest.prefix { message in
                bytes += message.value?.count ?? 0
                return bytes <= ScoringFleet.publishedBytes
            }
            let count = max(1, part.count)
            for case .failed(let error) in await producer.publish(Array(rest.prefix(count))) { throw error }
            rest = rest.dropFirst(count)
        }
        await producer.close()
    }
}
