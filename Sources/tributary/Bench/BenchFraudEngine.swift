import ArgumentParser
import Domain
import Foundation

extension Bench {
    struct FraudEngine: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fraud-engine",
            abstract: "Measures the fraud engine alone, day by day, and the memory that its devices take.",
            discussion: """
                Clicks on devices of which most come once, and orders on some, over 30 days: all are remembered at the \
                end. Nothing is read, stored or sent, so what a detector does beside judging is not in the figures.
                """)

        private static let days: Int32 = 30
        private static let firstDay: Int32 = 20_000
        private static let programs: UInt64 = 20
        /// A device clicks once, every fifth a second time, every twentieth buys.
        private static let againEvery: UInt64 = 5
        private static let buysEvery: UInt64 = 20

        @Option(help: "Devices that click.") var devices = 1_000_000
        @Option(help: "Affiliates.") var affiliates = 5_000

        func validate() throws {
            guard (1...20_000_000).contains(devices) else { throw ValidationError("--devices is from 1 to 20000000") }
            guard (1...100_000).contains(affiliates) else { throw ValidationError("--affiliates is from 1 to 100000") }
        }

        func run() throws {
            if BenchReport.build == .debug {
                complain("THIS IS A DEBUG BUILD: its figures mean nothing. Build with -c release.")
            }
            let own = ProcessInfo.processInfo.processIdentifier
            let before = ProcessFigures.peakMemoryBytes(own) ?? 0
            var book = FraudBook()
            var (events, judgements) = (0, 0)
            let began = ContinuousClock.now
            for day in 0..<FraudEngine.days {
                var open = FraudDays()
                for event in self.events(of: day) { open.observe(event) }
                let closed = open.close(FraudEngine.firstDay + day)
                events += closed.count
                _ = book.close(FraudEngine.firstDay + day, closed, FraudContext(), .standard)
                judgements += book.judge(.standard).count
            }
            let seconds = (ContinuousClock.now - began) / .seconds(1)
            let peak = ProcessFigures.peakMemoryBytes(own) ?? 0
            print(
                """
                \(BenchReport.build) build, \(events) events of \(affiliates) affiliates in \(FraudEngine.days) days, \
                \(judgements) judgements
                \(Int(Double(events) / seconds)) events/s, \(book.deviceCount) devices remembered
                peak memory \(peak >> 20) MiB, of which \(before >> 20) MiB before the first event
                """)
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
