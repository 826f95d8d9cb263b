import DevKit
import Logging
import Testing

@testable import Kafka

@Suite("Settings")
struct SettingsTests {
    @Test("Properties come from the environment, and Kubernetes' service links do not")
    func environment() throws {
        let settings = try #require(
            KafkaSettings.fromEnvironment([
                "KAFKA_BOOTSTRAP_SERVERS": "one:9092,two:9092",
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
                "KAFKA_SASL_PASSWORD": "p_w",
                "KAFKA_SERVICE_HOST": "10.0.0.1",
                "KAFKA_PORT_9092_TCP": "tcp://10.0.0.1:9092",
                "PATH": "/bin",
            ]))
        #expect(settings.bootstrapServers == "one:9092,two:9092")
        #expect(settings.extra == ["security.protocol": "SASL_SSL", "sasl.password": "p_w"])
    }

    @Test("Without a cluster's name there are no settings, and a flag wins over the environment")
    func bootstrap() {
        #expect(KafkaSettings.fromEnvironment([:]) == nil)
        #expect(KafkaSettings.fromEnvironment(["KAFKA_BOOTSTRAP_SERVERS": ""]) == nil)
        let environment = ["KAFKA_BOOTSTRAP_SERVERS": "one:9092"]
        let settings = KafkaSettings.fromEnvironment(environment, bootstrapServers: "flag:9092")
        #expect(settings?.bootstrapServers == "flag:9092")
    }

    @Test("A refused property is named, and its value is not")
    func refused() {
        let settings = KafkaSettings(bootstrapServers: "localhost:1", extra: ["no.such.property": "secret"])
        let error = #expect(throws: KafkaError.self) {
            try KafkaProducer(ProducerConfiguration(settings: settings, clientID: "test"), logger: quiet)
        }
        #expect(error?.name == "_INVALID_ARG")
        #expect(error?.operation == "set no.such.property")
    }

    @Test("An operator cannot turn off what correctness rests on")
    func invariants() {
        let settings = KafkaSettings(bootstrapServers: "", extra: ["enable.auto.commit": "true"])
        let configuration = ConsumerConfiguration(settings: settings, group: "g", topics: ["t"], clientID: "test")
        #expect(configuration.invariants["enable.auto.commit"] == "false")
        #expect(configuration.invariants["auto.offset.reset"] == "error")
        #expect(configuration.invariants["enable.auto.offset.store"] == "false")
        #expect(configuration.defaults["heartbeat.interval.ms"] == "3000")
    }

    @Test("Errors say whether waiting helps", arguments: [("_TRANSPORT", true), ("_AUTHENTICATION", false)])
    func retriable(name: String, isRetriable: Bool) {
        let known = ["_TRANSPORT": Int32(-195), "_AUTHENTICATION": -169]
        let error = KafkaError(.init(known[name] ?? 0), "poll")
        #expect(error.name == name)
        #expect(error.isRetriable == isRetriable)
        #expect(!error.isFatal)
    }
}
