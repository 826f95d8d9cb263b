import DevKit
import Foundation
import Kafka

/// The topic read by this process through the same consumer, with nothing done to the records.
enum ConsumeFloor {
    private static let batchBytes = 2 << 20

    static func measure(_ topic: BenchTopic, _ rig: BenchRig) async throws -> BenchMeasurement {
        let consumer = try KafkaConsumer(
            ConsumerConfiguration(settings: rig.kafka, group: "bench", topics: [], clientID: "tributary-bench"),
            logger: .standardError)
        let before = rig.cpuSeconds()
        let ownBefore = ProcessFigures.ownCPUSeconds
        let began = ContinuousClock.now
        try await consumer.assign(topic.ends.mapValues(\.low))
        var records = 0
        while records < topic.records {
            let poll = try await consumer.poll(
                maximum: rig.batchRecords, maximumBytes: batchBytes, within: .milliseconds(50))
            if let error = poll.errors.first { throw error }
            records += poll.records.count
            try Task.checkCancellation()
        }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        var cpuSeconds = rig.cpuSeconds().merging(before) { $0 - $1 }
        cpuSeconds["consumer"] = ProcessFigures.ownCPUSeconds - ownBefore
        await consumer.close(within: .seconds(5))
        return BenchMeasurement(seconds: seconds, cpuSeconds: cpuSeconds, peakMemoryBytes: nil)
    }
}
