import DevKit
import Testing

@testable import Kafka

@Suite("Producer")
struct ProducerTests {
    @Test("Each message gets one result, in the order of the messages")
    func results() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic(partitions: 3)
        let messages = (0..<3_000).map { index in
            OutgoingMessage(topic: topic, key: nil, value: Array("\(index)".utf8), partition: Int32(index % 3))
        }
        let results = try await broker.producer().publish(messages)
        let expected = (0..<3_000).map { index in
            DeliveryResult.delivered(
                TopicPartition(topic: topic, partition: Int32(index % 3)), offset: Int64(index / 3))
        }
        #expect(results == expected)
    }

    @Test("A message that is too long fails alone")
    func tooLong() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        let producer = try broker.producer(messageBytesMaximum: 10_000)
        let messages = [10, 20_000, 10].map { size in
            OutgoingMessage(topic: topic, key: nil, value: Array(repeating: 1, count: size))
        }
        let results = await producer.publish(messages)
        #expect(results.map { $0.error?.name } == [nil, "MSG_SIZE_TOO_LARGE", nil])
        #expect(results[1].error?.isRetriable == false)
        #expect(await producer.recreations == 0)
    }

    @Test("Equal keys go to one partition, the one that Java's producer takes")
    func partitioner() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic(partitions: 8)
        let keys = ["affiliate-1", "affiliate-2", "affiliate-3"]
        let messages = (keys + keys).map { OutgoingMessage(topic: topic, key: Array($0.utf8), value: []) }
        let results = try await broker.producer().publish(messages)
        let partitions: [Int32?] = results.map { result in
            guard case .delivered(let partition, _) = result else { return nil }
            return partition.partition
        }
        #expect(partitions.prefix(3) == partitions.suffix(3))
        #expect(Array(partitions.prefix(3)) == keys.map { Int32(murmur2(Array($0.utf8)) & 0x7fff_ffff) % 8 })
    }

    @Test("After a fatal error the open messages fail, and the next call has a new handle")
    func fatal() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        let producer = try broker.producer()
        #expect(await producer.publish(numbered(0..<3, topic: topic)).allSatisfy { $0.error == nil })
        try await producer.raiseFatalError()
        let failed = await producer.publish(numbered(3..<6, topic: topic))
        #expect(failed.count == 3)
        #expect(failed.allSatisfy { $0.error != nil })
        #expect(await producer.recreations == 1)
        #expect(await producer.publish(numbered(3..<6, topic: topic)).allSatisfy { $0.error == nil })
        #expect(await producer.recreations == 1)
    }

    @Test("Messages fail by the message timeout when no broker answers")
    func timeout() async throws {
        let broker = try TestBroker.mock()
        let topic = try await broker.createTopic()
        let producer = try broker.producer(messageTimeoutMilliseconds: 3_000)
        #expect(await producer.publish(numbered(0..<1, topic: topic)).allSatisfy { $0.error == nil })
        try await broker.mock?.setDown()
        let results = await producer.publish(numbered(1..<4, topic: topic))
        #expect(results.count == 3)
        #expect(results.allSatisfy { $0.error != nil })
        try await broker.mock?.setUp()
        let end = ContinuousClock.now + .seconds(30)
        var again = results
        while again.contains(where: { $0.error != nil }), ContinuousClock.now < end {
            again = await producer.publish(numbered(1..<4, topic: topic))
        }
        #expect(again.allSatisfy { $0.error == nil })
    }

    @Test("A broker's passing refusal is retried without a duplicate result", arguments: [Int32(6), 19])
    func refused(code: Int32) async throws {
        let broker = try TestBroker.mock()
        let topic = try await broker.createTopic()
        let producer = try broker.producer()
        await broker.mock?.pushErrors([code, code], to: .produce)
        let results = await producer.publish(numbered(0..<5, topic: topic))
        let partition = TopicPartition(topic: topic, partition: 0)
        #expect(results.allSatisfy { $0.error == nil })
        #expect(try await broker.admin().watermarks([partition])[partition] == Watermarks(low: 0, high: 5))
    }

    @Test("A closed producer reports each message as failed")
    func closed() async throws {
        let broker = try TestBroker.shared()
        let producer = try broker.producer()
        await producer.close()
        let results = await producer.publish(numbered(0..<2, topic: "nowhere"))
        #expect(results.map { $0.error?.name } == ["_DESTROY", "_DESTROY"])
    }

    /// The hash of Java's default partitioner, written down a second time to check the first.
    private func murmur2(_ bytes: [UInt8]) -> UInt32 {
        let factor: UInt32 = 0x5bd1_e995
        var hash = 0x9747_b28c ^ UInt32(bytes.count)
        var rest = bytes[...]
        while rest.count >= 4 {
            var word = rest.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) } &* factor
            word ^= word >> 24
            hash = hash &* factor ^ (word &* factor)
            rest = rest.dropFirst(4)
        }
        if !rest.isEmpty {
            hash ^= rest.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            hash = hash &* factor
        }
        hash ^= hash >> 13
        hash = hash &* factor
        return hash ^ hash >> 15
    }
}
