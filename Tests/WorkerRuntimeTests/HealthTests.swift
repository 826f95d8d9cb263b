import AsyncHTTPClient
import Kafka
import NIOCore
import Postgres
import Testing

@testable import DevKit
@testable import WorkerRuntime

@Suite("Health, metrics and exit codes", .timeLimit(.minutes(1)))
struct HealthTests {
    private static func get(_ path: String, _ port: Int) async throws -> String {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(5))
        let body = try await response.body.collect(upTo: 1 << 20)
        return "\(response.status.code) " + String(buffer: body)
    }

    @Test("The endpoints say whether the process lives, why it is not ready, and its numbers")
    func endpoints() async throws {
        let (health, metrics) = (Health(), Metrics())
        let port = freeLoopbackPort()
        let server = HealthServer(
            host: "127.0.0.1", port: port, health: health, metrics: metrics, logger: WorkerRig.logger)
        let running = Task { try await server.run() }
        try await wait(for: "the server to listen", within: .seconds(30)) {
            (try? await HealthTests.get("/healthz", port)) != nil  // Refused until it listens.
        }
        #expect(try await HealthTests.get("/readyz", port) == "503 start: starting\n")
        health.unready("start", nil)
        #expect(try await HealthTests.get("/readyz?full=1", port) == "200 ready\n")
        health.unready("partitions", "joining the group")
        health.unready("database", "infrastructure 57P01")
        #expect(
            try await HealthTests.get("/readyz", port)
                == "503 database: infrastructure 57P01\npartitions: joining the group\n")
        #expect(try await HealthTests.get("/healthz", port) == "200 alive\n")
        metrics.add(2, to: "b_total", [("group", "g")])
        #expect(try await HealthTests.get("/metrics", port) == "200 " + metrics.text)
        #expect(try await HealthTests.get("/", port).hasPrefix("404 "))
        running.cancel()
        try await running.value
    }

    @Test("Metrics are written in Prometheus' text format, in the order of their names")
    func metrics() {
        let metrics = Metrics()
        metrics.declare("b_total", .counter, "What b counts.")
        metrics.declare("z", .gauge, "Nothing yet.")
        metrics.add(to: "b_total", [("group", "g"), ("class", "c")])
        metrics.add(1.5, to: "b_total", [("group", "g"), ("class", "c")])
        metrics.add(3, to: "b_total")
        metrics.set("a", to: 7, [("path", "C:\\ \"x\"\u{301}\r\n")])
        metrics.set("a", to: 8, [("path", "C:\\ \"x\"\u{301}\r\n")])
        #expect(
            metrics.text == """
                # HELP a\u{20}
                # TYPE a gauge
                a{path="C:\\\\ \\"x\\"\u{301}\r\\n"} 8.0
                # HELP b_total What b counts.
                # TYPE b_total counter
                b_total 3.0
                b_total{group="g",class="c"} 2.5
                # HELP z Nothing yet.
                # TYPE z gauge

                """)
    }

    @Test("A label with endless values does not fill the memory")
    func bounded() {
        let metrics = Metrics()
        for number in 0..<(Metrics.seriesMaximum + 50) { metrics.add(to: "a_total", [("n", String(number))]) }
        metrics.add(to: "a_total", [("n", "0")])
        let lines = metrics.text.split(separator: "\n")
        #expect(lines.count == Metrics.seriesMaximum + 2)
        #expect(lines.contains("a_total{n=\"0\"} 2.0"))
    }

    @Test("Each way to end has its exit code")
    func exits() {
        #expect(WorkerExit.drained.rawValue == 0)
        #expect(WorkerFailure.dependencyDown.exit.rawValue == 75)
        #expect(WorkerFailure.database(.rollback("x")).exit.rawValue == 70)
    }
}
