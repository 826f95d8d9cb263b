import DevKit
import Kafka
import Testing

@Suite("Consumer")
struct ConsumerTests {
    @Test("Records arrive in order with null keys, null values and headers intact")
    func order() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        let binary: [UInt8] = [0, 255, 128]
        let headers = [Header(name: "a", value: [1]), Header(name: "b", value: []), Header(name: "a", value: binary)]
        let messages = [
            OutgoingMessage(topic: topic, key: [107], value: [118], headers: headers),
            OutgoingMessage(topic: topic, key: nil, value: [118]),
            OutgoingMessage(topic: topic, key: [107], value: nil),
            OutgoingMessage(topic: topic, key: nil, value: nil, headers: headers),
            OutgoingMessage(topic: topic, key: [], value: []),
            OutgoingMessage(topic: topic, key: binary, value: Array(repeating: 7, count: 100_000)),
        ]
        let results = try await broker.producer().publish(messages)
        #expect(results.allSatisfy { $0.error == nil })

        var member = try GroupMember(broker, topic: topic, group: broker.freshName("group"))
        #expect(try await member.poll { $0.seen.count == messages.count })
        #expect(member.seen.map(\.offset) == Array(0..<6))
        #expect(member.seen.map { $0.key.map(Array.init) } == messages.map(\.key))
        #expect(member.seen.map { $0.value.map(Array.init) } == messages.map(\.value))
        #expect(member.seen.map(\.headers) == messages.map(\.headers))
        #expect(member.seen.allSatisfy { $0.timestampMilliseconds > 1_600_000_000_000 })
        await member.consumer.close(within: .seconds(5))
    }

    @Test("Reading starts exactly at the offsets supplied at assignment, and partitions left out stay unread")
    func suppliedOffsets() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic(partitions: 3)
        let producer = try broker.producer()
        for partition in Int32(0)..<3 {
            _ = await producer.publish(numbered(0..<10, topic: topic, partition: partition))
        }
        let consumer = try GroupMember(broker, topic: topic, group: broker.freshName("group")).consumer
        try await waitForAssignment(consumer)
        let first = TopicPartition(topic: topic, partition: 0)
        let last = TopicPartition(topic: topic, partition: 2)
        try await consumer.assign([first: 4, last: 9])
        var seen: [TopicPartition: [Int64]] = [:]
        let end = ContinuousClock.now + .seconds(20)
        while seen.values.map(\.count).reduce(0, +) < 7, ContinuousClock.now < end {
            let poll = try await consumer.poll(maximum: 100, maximumBytes: 1 << 20, within: .milliseconds(200))
            for record in poll.records { seen[record.source, default: []].append(record.offset) }
        }
        #expect(seen == [first: [4, 5, 6, 7, 8, 9], last: [9]])
        await consumer.close(within: .seconds(5))
    }

    @Test("A start offset outside the log is reported and never jumped over", arguments: [Int64(11), 5_000])
    func outOfRange(offset: Int64) async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic(partitions: 2)
        let producer = try broker.producer()
        _ = await producer.publish(numbered(0..<10, topic: topic, partition: 0))
        _ = await producer.publish(numbered(0..<10, topic: topic, partition: 1))
        var member = try GroupMember(broker, topic: topic, group: broker.freshName("group")) {
            $0.partition == 0 ? offset : 0
        }
        #expect(try await member.poll { !$0.outOfRange.isEmpty && $0.seen.count == 10 })
        #expect(member.outOfRange == [TopicPartition(topic: topic, partition: 0)])
        #expect(member.seen.allSatisfy { $0.source.partition == 1 })
        await member.consumer.close(within: .seconds(5))
    }

    @Test("A poll returns no more records than asked for, and the next goes on behind them")
    func limits() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        let messages = (0..<20).map { OutgoingMessage(topic: topic, key: nil, value: Array(repeating: $0, count: 999)) }
        _ = try await broker.producer().publish(messages)
        var member = try GroupMember(broker, topic: topic, group: broker.freshName("group"))
        #expect(try await member.poll { $0.owned.count == 1 })
        var counts: [Int] = []
        while member.seen.count < 10, counts.count < 100 {
            let count = try await member.step(maximum: 4, within: .seconds(1)).records.count
            if count > 0 { counts.append(count) }
        }
        let rest = try await member.consumer.poll(maximum: 100, maximumBytes: 2_500, within: .seconds(5)).records
        #expect(counts.allSatisfy { $0 <= 4 })
        #expect(rest.count <= 3)
        #expect(rest.first?.offset == Int64(member.seen.count))
        await member.consumer.close(within: .seconds(5))
    }

    @Test("Paused partitions bring nothing, and resumed ones go on without a gap")
    func pause() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        let producer = try broker.producer()
        _ = await producer.publish(numbered(0..<1_000, topic: topic))
        var member = try GroupMember(broker, topic: topic, group: broker.freshName("group"))
        let partition = TopicPartition(topic: topic, partition: 0)
        #expect(try await member.poll { $0.owned == [partition] })
        while member.seen.isEmpty { try await member.step(maximum: 10) }
        let before = member.seen.count
        try await member.consumer.pause([partition])
        for _ in 0..<3 { try await member.step() }
        #expect(member.seen.count == before)
        try await member.consumer.resume([partition])
        #expect(try await member.poll { $0.seen.count >= 1_000 })
        #expect(member.seen.map(\.offset) == Array(0..<1_000))
        await member.consumer.close(within: .seconds(5))
    }

    @Test("A seek goes back to an earlier record")
    func seek() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        _ = try await broker.producer().publish(numbered(0..<100, topic: topic))
        var member = try GroupMember(broker, topic: topic, group: broker.freshName("group"))
        #expect(try await member.poll { $0.seen.count == 100 })
        try await member.consumer.seek(TopicPartition(topic: topic, partition: 0), to: 90)
        #expect(try await member.poll { $0.seen.count == 110 })
        #expect(member.seen.suffix(10).map(\.offset) == Array(90..<100))
        await member.consumer.close(within: .seconds(5))
    }

    @Test("Watermarks say where the log begins and ends")
    func watermarks() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic(partitions: 2)
        _ = try await broker.producer().publish(numbered(0..<7, topic: topic, partition: 1))
        let partitions = [0, 1].map { TopicPartition(topic: topic, partition: $0) }
        let answers = try await broker.admin().watermarks(partitions)
        #expect(answers == [partitions[0]: Watermarks(low: 0, high: 0), partitions[1]: Watermarks(low: 0, high: 7)])
        let member = try GroupMember(broker, topic: topic, group: broker.freshName("group"))
        #expect(try await member.consumer.watermarks(partitions[1]) == Watermarks(low: 0, high: 7))
        await member.consumer.close(within: .seconds(5))
    }

    @Test("A closed consumer refuses every call")
    func closed() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        let consumer = try GroupMember(broker, topic: topic, group: broker.freshName("group")).consumer
        await consumer.close(within: .seconds(5))
        await consumer.close(within: .seconds(5))
        await #expect(throws: KafkaError.self) {
            try await consumer.poll(maximum: 1, maximumBytes: 1, within: .zero)
        }
        await #expect(throws: KafkaError.self) { try await consumer.assign([:]) }
        await consumer.mirrorCommit([TopicPartition(topic: topic, partition: 0): 1], metadata: "")
    }

    private func waitForAssignment(_ consumer: KafkaConsumer) async throws {
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            let poll = try await consumer.poll(maximum: 1, maximumBytes: 1, within: .milliseconds(200))
            if case .assigned = poll.rebalance { return }
        }
        Issue.record("no assignment in 30 seconds")
    }
}
