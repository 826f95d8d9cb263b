import ArgumentParser
import DevKit
import Domain
import Events
import Foundation
import Logging
import Postgres
import Stages
import Storage
import Synchronization

extension Bench {
    struct FraudEngine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fraud-engine",
            abstract: "Measures the fraud engine beside its database, day by day, and the memory that it takes.",
            discussion: """
                Clicks on devices of which most come once, and orders on some, over 30 days: all are remembered at the \
                end. Each day is stored as the detector stores what it is told, then judged, and sealed when its time \
                comes, on a private PostgreSQL. No broker has a part in it, and no rows of orders.
                """)

        private static let days: Int32 = 30
        private static let firstDay: Int32 = 20_000
        private static let programs: UInt64 = 20
        /// A device clicks once, every fifth a second time, every twentieth buys.
        private static let againEvery: UInt64 = 5
        private static let buysEvery: UInt64 = 20
        /// Days between two looks at memory.
        private static let lookEvery: Int32 = 5

        @Option(help: "Devices that click.") var devices = 1_000_000
        @Option(help: "Affiliates.") var affiliates = 5_000

        func validate() throws {
            guard (1...20_000_000).contains(devices) else { throw ValidationError("--devices is from 1 to 20000000") }
            guard (1...100_000).contains(affiliates) else { throw ValidationError("--affiliates is from 1 to 100000") }
        }

        func run() async throws {
            if BenchReport.build == .debug {
                complain("THIS IS A DEBUG BUILD: its figures mean nothing. Build with -c release.")
            }
            let cluster = try await PostgresCluster.start(logger: .standardError)
            do {
                let url = try await cluster.createDatabase("bench")
                let pool = PostgresPool(
                    PostgresConfiguration(url: url, poolSize: 2, applicationName: "tributary-bench"),
                    logger: .standardError)
                _ = try await Migrator(directory: try StorageMigrations.all).apply(on: pool)
                print(try await measure(pool))
                await pool.close()
                await cluster.close()
            } catch {
                await cluster.close()
                throw error
            }
        }

        private func measure(_ pool: PostgresPool) async throws -> String {
            let today = BenchDay()
            let timer = FraudJudgingTimer(
                pool: pool, publisher: nil, judge: "bench", clock: { today.now }, logger: .standardError)
            var (events, judged, looks) = (0, Duration.zero, [String]())
            let own = ProcessInfo.processInfo.processIdentifier
            for day in 0..<FraudEngine.days {
                today.set(FraudEngine.firstDay + day + 1)
                events += try await store(day, at: today.now, pool)
                let began = ContinuousClock.now
                try await timer.runOnce()
                judged += ContinuousClock.now - began
                guard (day + 1).isMultiple(of: FraudEngine.lookEvery) else { continue }
                looks.append("\((ProcessFigures.peakMemoryBytes(own) ?? 0) >> 20)")
            }
            let judgements = try await pool.transaction { (transaction) throws(PostgresError) in
                try transaction.query("SELECT count(*) FROM fraud_judgement") { row in try row.int8(0) }
            }
            return """
                \(BenchReport.build) build, \(events) events of \(affiliates) affiliates on \(devices) devices in \
                \(FraudEngine.days) days, \(judgements.first ?? 0) judgements
                \(Int(Double(events) / (judged / .seconds(1)))) events/s judged
                peak memory after each \(FraudEngine.lookEvery) days, MiB: \(looks.joined(separator: ", "))
                """
        }

        /// Stores a day's events as those of one message for each affiliate.
        ///
        /// - Returns: how many.
        private func store(_ day: Int32, at now: Timestamp, _ pool: PostgresPool) async throws -> Int {
            let events = self.events(of: day)
            let date = FraudEngine.firstDay + day
            let rows = Dictionary(grouping: events, by: \.affiliate).map { affiliate, events in
                FraudObservationStore.Row(
                    messageID: Identifier(hashing: "bench", String(affiliate), String(date)), day: date,
                    events: FraudObservation.bytes(events.map { FraudObservation($0) }))
            }
            let names = Dictionary(events.map { ($0.affiliate, "aff-\($0.affiliate)") }) { first, _ in first }
            try await pool.transaction { (transaction) throws(PostgresError) in
                try FraudObservationStore.name(names, in: transaction)
                try FraudObservationStore.save(rows, at: now, in: transaction)
            }
            return events.count
        }

        /// The events of a day, about a thirtieth of all.
        private func events(of day: Int32) -> [FraudEvent] {
            var events: [FraudEvent] = []
            for device in stride(from: UInt64(day), to: UInt64(devices), by: Int(FraudEngine.days)) {
                let mixed = FraudHash.mixed(device &+ 1)
                let second = Int64(mixed % 80_000)
                events.append(event(.click, device, day, second, turn: 0))
                if mixed.isMultiple(of: FraudEngine.againEvery) {
                    events.append(event(.click, device, day, second + 600, turn: 1))
                }
                if mixed.isMultiple(of: FraudEngine.buysEvery) {
                    events.append(event(.conversion, device, day, second + 1_200, turn: 2))
                }
            }
            return events
        }

        private func event(
            _ kind: FraudEvent.Kind, _ device: UInt64, _ day: Int32, _ second: Int64, turn: UInt64
        ) -> FraudEvent {
            let mixed = FraudHash.mixed(device &+ 1)
            let affiliate = mixed >> 20 % UInt64(affiliates)
            var event = FraudEvent(
                kind: kind, key: FraudHash.mixed(device &* 3 &+ turn),
                at: Timestamp(secondsSinceEpoch: Int64(FraudEngine.firstDay + day) * 86_400 + second),
                affiliate: FraudHash.mixed(affiliate &+ 7), program: FraudHash.mixed(affiliate % FraudEngine.programs))
            event.device = mixed
            event.address = FraudHash.mixed(device / 2 &+ 11)
            event.subnet = FraudHash.mixed(device / 50 &+ 13)
            event.agent = FraudHash.mixed(mixed % 60)
            event.click = kind == .click ? event.key : FraudHash.mixed(device &* 3)
            if kind == .conversion {
                event.order = event.key
                event.customer = mixed
                event.amountMinor = Int64(2_000 + mixed % 9_000)
            }
            return event
        }
    }
}

/// The day that it is.
private final class BenchDay: Sendable {
    private let day = Mutex<Int32>(0)

    var now: Timestamp { Timestamp(secondsSinceEpoch: Int64(day.withLock { $0 }) * 86_400) }

    func set(_ day: Int32) { self.day.withLock { $0 = day } }
}
