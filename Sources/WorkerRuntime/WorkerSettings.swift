/// How a worker goes about its work.
struct WorkerSettings: Sendable {
    var owner: String
    var batchRecords = 2_000
    var batchBytes = 2 << 20
    var pollWithin: Duration = .milliseconds(50)
    /// Outbox rows in memory that stop the next batch.
    var unpublishedMaximum = 20_000
    /// Dead letters per partition and five minutes before the partition is held; 0 is no limit.
    var deadLetterLimit = 20
    /// How long the worker waits for a dependency before it gives up.
    var dependencyWithin: Duration = .seconds(3_600)
}
