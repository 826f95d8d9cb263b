import DevKit
import Testing

@Suite("How a worker ends", .timeLimit(.minutes(2)))
struct ExitTests {
    @Test(
        "A worker that cannot work says so by its exit code",
        arguments: [
            (["HEALTH_PORT": "many"], Int32(78)),
            (["DATABASE_URL": ""], 64),
            (["BATCH_RECORDS": "0"], 64),
            (["DEPENDENCY_TIMEOUT_SECONDS": "1"], 75),
        ] as [([String: String], Int32)])
    func codes(environment: [String: String], code: Int32) async throws {
        // Nothing listens on port 1.
        let fleet = try Fleet(environment: [
            "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "HEALTH_PORT": "0",
        ])
        let scorer = try await fleet.start("scorer", environment: environment)
        #expect(await scorer.waitForEnd() == .exited(code), "\(scorer.output.suffix(500))")
        await fleet.stop()
    }
}
