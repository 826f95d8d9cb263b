import DevKit
import Kafka
import Testing

@Suite("Group")
struct GroupTests {
    @Test("Two consumers share the partitions, and the survivor takes over all of them", arguments: [true, false])
    func takeOver(leavesOrderly: Bool) async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic(partitions: 4)
        let group = broker.freshName("group")
        var survivor = try GroupMember(broker, topic: topic, group: group)
        #expect(try await survivor.poll { $0.owned.count == 4 })

        var leaver: GroupMember? = try GroupMember(broker, topic: topic, group: group)
        let end = ContinuousClock.now + .seconds(60)
        while survivor.owned.count != 2 || leaver?.owned.count != 2, ContinuousClock.now < end {
            try await survivor.step()
            try await leaver?.step()
        }
        let all = Set((Int32(0)..<4).map { TopicPartition(topic: topic, partition: $0) })
        #expect(leaver.map { survivor.owned.union($0.owned) } == all)

        // Released without a close, a consumer falls silent like a killed process.
        if leavesOrderly { await leaver?.consumer.close(within: .seconds(5)) }
        leaver = nil
        #expect(try await survivor.poll(within: .seconds(60)) { $0.owned == all })
        _ = try await broker.producer().publish(numbered(0..<5, topic: topic, partition: 3))
        #expect(try await survivor.poll { $0.seen.count == 5 })
        await survivor.consumer.close(within: .seconds(5))
    }

    @Test("More consumers than partitions leave one with an empty assignment")
    func idleMember() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        let group = broker.freshName("group")
        var members = [
            try GroupMember(broker, topic: topic, group: group), try GroupMember(broker, topic: topic, group: group),
        ]
        var answered: Set<Int> = []
        let end = ContinuousClock.now + .seconds(60)
        while answered.count < 2 || members.map(\.owned.count).reduce(0, +) != 1, ContinuousClock.now < end {
            for index in members.indices {
                if case .assigned = try await members[index].step().rebalance { answered.insert(index) }
            }
        }
        #expect(members.map(\.owned.count).sorted() == [0, 1])
        for member in members { await member.consumer.close(within: .seconds(5)) }
    }

    @Test("A mirrored commit does not disturb reading")
    func mirror() async throws {
        let broker = try TestBroker.shared()
        let topic = try await broker.createTopic()
        _ = try await broker.producer().publish(numbered(0..<20, topic: topic))
        var member = try GroupMember(broker, topic: topic, group: broker.freshName("group"))
        #expect(try await member.poll { !$0.seen.isEmpty })
        await member.consumer.mirrorCommit([TopicPartition(topic: topic, partition: 0): 5], metadata: "db:1")
        #expect(try await member.poll { $0.seen.count == 20 })
        await member.consumer.close(within: .seconds(5))
    }

    @Test("Close returns by its deadline when no broker answers")
    func boundedClose() async throws {
        let broker = try TestBroker.mock()
        let topic = try await broker.createTopic()
        var member = try GroupMember(broker, topic: topic, group: "group")
        #expect(try await member.poll { $0.owned.count == 1 })
        try await broker.mock?.setDown()
        let took = await ContinuousClock().measure { await member.consumer.close(within: .seconds(1)) }
        #expect(took < .seconds(3))
    }

    @Test("Consumption goes on after the broker was away for three seconds")
    func brokerAway() async throws {
        let broker = try TestBroker.mock()
        let topic = try await broker.createTopic()
        let producer = try broker.producer()
        _ = await producer.publish(numbered(0..<10, topic: topic))
        var member = try GroupMember(broker, topic: topic, group: "group")
        #expect(try await member.poll { $0.seen.count == 10 })
        try await broker.mock?.setDown()
        let sending = Task { await producer.publish(numbered(10..<20, topic: topic)) }
        let away = ContinuousClock.now + .seconds(3)
        while ContinuousClock.now < away { try await member.step() }
        try await broker.mock?.setUp()
        #expect(await sending.value.allSatisfy { $0.error == nil })
        #expect(try await member.poll(within: .seconds(60)) { Set($0.seen.map(\.offset)).count == 20 })
        await member.consumer.close(within: .seconds(5))
    }
}
