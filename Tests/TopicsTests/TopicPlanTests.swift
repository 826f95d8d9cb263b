import DevKit
import Kafka
import Logging
import Testing
import Topics

@Suite("Topic plan")
struct TopicPlanTests {
    @Test("A plan creates, refuses, keeps and leaves alone, and says so")
    func rendering() throws {
        let plan = TopicPlan(
            [try TopicDeclaration(yaml: wellFormed, file: "a.yaml")],
            found: [
                TopicDescription(name: "a.b", partitions: 3, replication: 1),
                TopicDescription(name: "other", partitions: 1, replication: 1),
                TopicDescription(name: "__consumer_offsets", partitions: 50, replication: 1),
            ])
        #expect(
            plan.rendered() == """
                  ! a.b      4 partitions declared, 3 found: keys would move, change it by hand
                  + a.b.dlq  1 partition, replication 3
                  ? other    not declared, left alone

                Plan: 1 to create, 1 refused, 0 unchanged, 1 not ours.
                """)
        #expect(plan.hasRefusals)
        #expect(plan.creations.map(\.name) == ["a.b.dlq"])
    }

    @Test("An embedded broker holds exactly the declared topics, so nothing is left to do")
    func embedded() async throws {
        let declarations = try TopicDirectory(path: topicsPath).declarations()
        let broker = try await EmbeddedBroker.start(declarations)
        let admin = try KafkaAdmin(broker.settings, clientID: "test", logger: Logger(label: "test"))
        let plan = TopicPlan(declarations, found: try await admin.metadata(), replication: 1)
        #expect(plan.creations == [])
        #expect(!plan.hasRefusals)
        #expect(plan.steps.count == 10)
        #expect(plan.steps.contains(.keep(name: "conversions.raw", partitions: 12)))
        #expect(try await plan.apply(with: admin) == [:])
    }

    @Test("Applying a plan creates the topics, and a second plan finds them", .enabled(if: TestBroker.isExternal))
    func applying() async throws {
        let broker = try TestBroker.shared()
        let admin = try KafkaAdmin(broker.settings, clientID: "test", logger: Logger(label: "test"))
        let name = broker.freshName("plan")
        let yaml = wellFormed.replacingOccurrences(of: "a.b", with: name)
        let declarations = [try TopicDeclaration(yaml: yaml, file: "a.yaml")]
        let plan = TopicPlan(declarations, found: try await admin.metadata(), replication: 1)
        #expect(try await plan.apply(with: admin) == [name: .created, name + ".dlq": .created])
        let second = TopicPlan(declarations, found: try await admin.metadata(), replication: 1)
        #expect(second.creations == [])
        #expect(try await admin.createTopics(plan.creations) == [name: .existed, name + ".dlq": .existed])
    }
}
