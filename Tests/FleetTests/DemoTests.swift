import DevKit
import Foundation
import Logging
import Testing

@Suite("The demo", .serialized, .timeLimit(.minutes(5))) struct DemoTests {
    private struct Summary: Decodable {
        struct Outcomes: Decodable {
            let accepted, duplicate, parked, dead: Int
            let rejected: [String: Int]

            var total: Int { accepted + duplicate + parked + dead + rejected.values.reduce(0, +) }
        }

        struct Payouts: Decodable {
            let paid, failed: Int
            let states: [String: [String: Int]]
        }

        let events_published: Int
        let outcomes: Outcomes
        let payouts: Payouts
        let verify: [String: String]
    }

    private static let events = 2_000

    @Test("It pays what a file of events earned, whatever goes wrong, proves it, and leaves nothing behind")
    func file() async throws {
        try await DemoTests.withFleet { fleet in
            let demo = try await DemoTests.start(
                fleet, try DemoTests.fileArguments(fleet, affiliates: 40) + ["--faults", "20"])
            let remains = try await Remains(of: demo)
            let end = await demo.waitForEnd()
            #expect(end == .exited(0), "\(demo.output.suffix(3_000))")
            let payouts = try DemoTests.expectWell(fleet)
            let ends = Set(payouts.states.values.flatMap(\.keys))
            // Among so many faults is a stored failure, which no time takes away.
            #expect(ends.isSuperset(of: ["final", "failed", "manual"]))
            #expect(ends.isSubset(of: ["final", "failed", "manual", "returned", "awaiting_approval"]))
            #expect(try await remains.found() == [])
        }
    }

    @Test("It uses the broker, the database and the provider that the environment names")
    func given() async throws {
        try await TestDatabase.with { database in
            var settings = FakeStripeSettings()
            settings.settleAfter = .milliseconds(50)
            let stripe = try await FakeStripe.start(
                settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await DemoTests.withFleet { fleet in
                let topics = ScoringFleet.repository + "/topics"
                let broker = try await fleet.start("tributary", ["broker", "--topics", topics])
                let environment = [
                    "KAFKA_BOOTSTRAP_SERVERS": try await broker.announcement("ready ", within: .seconds(30)),
                    "DATABASE_URL": database.url, "STRIPE_API_BASE": stripe.baseURL,
                    "STRIPE_API_KEY": FakeStripe.apiKey,
                ]
                let demo = try await DemoTests.start(fleet, try DemoTests.fileArguments(fleet), environment)
                let end = await demo.waitForEnd()
                #expect(end == .exited(0), "\(demo.output.suffix(3_000))")
                let payouts = try DemoTests.expectWell(fleet)
                #expect(payouts.failed == 0)
                let paid = payouts.paid
                #expect(await stripe.acceptances.filter { $0.object == "payout" }.count == paid)
            }
            await stripe.stop()
        }
    }

    @Test("Ctrl-C ends sample traffic, and leaves nothing behind")
    func interrupted() async throws {
        try await DemoTests.withFleet { fleet in
            let demo = try await DemoTests.start(fleet, [])
            let remains = try await Remains(of: demo)
            try await wait(for: "traffic", within: .seconds(60)) {
                demo.output.contains(/\nevents [1-9][0-9]*  lag [0-9]+  commissions [1-9]/)
            }
            await demo.signal(SIGINT)
            #expect(await demo.waitForEnd() == .exited(0), "\(demo.output.suffix(3_000))")
            #expect(try await remains.found() == [])
        }
    }

    private static func withFleet(_ body: (Fleet) async throws -> Void) async throws {
        let fleet = try Fleet(environment: [:])
        do {
            try await body(fleet)
        } catch {
            await fleet.stop()
            throw error
        }
        await fleet.stop()
    }

    private static func start(
        _ fleet: Fleet, _ arguments: [String], _ environment: [String: String] = [:]
    ) async throws -> ChildProcess {
        try await fleet.start(
            "tributary", ["demo", "--topics", ScoringFleet.repository + "/topics"] + arguments,
            environment: environment)
    }

    /// - Parameter affiliates: nil: a few, whose banks take everything.
    private static func fileArguments(_ fleet: Fleet, affiliates: Int? = nil) throws -> [String] {
        var plan = TrafficPlan(events: events, seed: 3, affiliates: affiliates)
        plan.bankEnds = affiliates != nil
        var generator = TrafficGenerator(plan)
        var lines = Data()
        while let line = generator.next() { lines += Data(line + [UInt8(ascii: "\n")]) }
        let path = fleet.directory + "/events.jsonl"
        try lines.write(to: URL(fileURLWithPath: path))
        return ["--events", path, "--exit-when-idle", "--summary", fleet.directory + "/summary.json"]
    }

    /// - Returns: what became of the payouts.
    private static func expectWell(_ fleet: Fleet) throws -> Summary.Payouts {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: fleet.directory + "/summary.json"))
        let summary = try JSONDecoder().decode(Summary.self, from: bytes)
        #expect(summary.events_published == events)
        #expect(summary.outcomes.total == events)
        #expect(summary.verify.keys.sorted() == (1...7).map { "I\($0)" })
        #expect(summary.verify.values.allSatisfy { $0 == "ok" })
        #expect(summary.payouts.paid > 0)
        return summary.payouts
    }
}

/// What a demo could leave behind: its processes, and the directories that they were told of.
private struct Remains {
    private static let prefix = "/tmp/tributary-"
    private let processes: [Int32]
    private let directories: Set<String>

    /// Takes note of them once the demo's console is announced, when all have started.
    init(of demo: ChildProcess) async throws {
        _ = try await demo.announcement("console: ", within: .seconds(90))
        processes = Remains.children(of: demo.processID)
        directories = Set(
            processes.flatMap { process in
                let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
                return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            }.filter { $0.hasPrefix(Remains.prefix) })
        #expect(processes.count > 8)
        #expect(!directories.isEmpty)
    }

    /// What of it is still there. A guard may take a moment longer than the demo that it outlives.
    func found() async throws -> [String] {
        var left: [String] = []
        do {
            try await wait(for: "the guards to end", within: .seconds(30)) {
                left = processes.filter { kill($0, 0) == 0 }.map(String.init)
                left += directories.filter(FileManager.default.fileExists)
                return left.isEmpty
            }
        } catch is WaitedTooLong {}
        return left
    }

    private static func children(of parent: Int32) -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { Int32($0) }.filter { process in
            let status = FileManager.default.contents(atPath: "/proc/\(process)/stat") ?? Data()
            // The name in parentheses may contain blanks; behind it come the state and the parent.
            let fields = String(decoding: status, as: UTF8.self).split(separator: ")").last?.split(separator: " ")
            return fields.flatMap { $0.count > 1 ? Int32($0[1]) : nil } == parent
        }
    }
}
