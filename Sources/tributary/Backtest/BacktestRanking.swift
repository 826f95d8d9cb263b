import ArgumentParser
import Domain
import Events
import Foundation

extension Backtest {
    struct Ranking: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Ranks the affiliates by the net revenue that they are expected to bring next, as of any past day.")

        @Option(help: "The events, one JSON object a line, in any order.") var events: String
        @Option(help: "The last day that counts, as 2026-11-30, UTC.") var asOf: String
        @Option(help: "Where affiliate_id,rank,score,low,high,sample go.") var out: String
        @OptionGroup var context: ContextOptions

        func run() throws {
            guard let end = Timestamp(rfc3339: asOf + "T00:00:00Z") else {
                throw ValidationError("--as-of is a date, as 2026-11-30, not \(asOf)")
            }
            let prefixes = try context.dataCentres()
            var file = EventFile(reading: FraudEventReading(dataCentres: prefixes))
            try file.read(events)
            file.report(path: events)
            let known = try context.context()
            let entries = Ranking.rank(file.days, known, asOf: end.day)
            var output = try CSVFile(path: out, header: ["affiliate_id", "rank", "score", "low", "high", "sample"])
            for (place, entry) in entries.enumerated() {
                guard let name = file.affiliates[entry.affiliate] else { continue }
                try output.write([
                    name, "\(place + 1)", decimal(entry.score, places: 2), decimal(entry.low, places: 2),
                    decimal(entry.high, places: 2), "\(entry.sample)",
                ])
            }
            try output.flush()
        }

        /// - Parameter context: of programmes in other currencies than the dollar, with what a unit is worth.
        static func rank(_ days: FraudDays, _ context: FraudContext, asOf day: Int32) -> [AffiliateRanking.Entry] {
            var ledger = RankingLedger(context)
            var backtest = FraudBacktest(days, context)
            var fraud: [UInt64: Double] = [:]
            backtest.run(through: day) { _, judgements, _ in
                for judgement in judgements { fraud[judgement.affiliate] = judgement.probability }
            }
            var rest = days
            for date in rest.list where date <= day {
                for event in rest.close(date) { ledger.add(event) }
            }
            return AffiliateRanking.rank(ledger.days, asOf: day, fraud: fraud)
        }
    }
}

/// What each affiliate brought on each day, for the ranking.
struct RankingLedger {
    private(set) var days: [FraudPair: [Int32: AffiliateRanking.Day]] = [:]
    private let context: FraudContext
    private var clicks: [UInt64: UInt64] = [:]
    private var orders: [UInt64: (pair: FraudPair, day: Int32, left: Int64)] = [:]

    init(_ context: FraudContext) { self.context = context }

    /// Takes an event in; events come in the order of `FraudEvent.precedes`.
    mutating func add(_ event: FraudEvent) {
        let day = event.at.day
        let rate = context.programs[event.program]?.usdRate ?? 1
        switch event.kind {
        case .click:
            clicks[event.click] = event.affiliate
            days[FraudPair(program: event.program, affiliate: event.affiliate), default: [:]][
                day, default: AffiliateRanking.Day()
            ].clicks += 1
        case .conversion:
            let affiliate = clicks[event.click] ?? event.affiliate
            guard affiliate != 0, event.order == 0 || orders[event.order] == nil else { return }
            let pair = FraudPair(program: event.program, affiliate: affiliate)
            orders[event.order] = (pair, day, event.amountMinor)
            days[pair, default: [:]][day, default: AffiliateRanking.Day()].orders += 1
            days[pair, default: [:]][day, default: AffiliateRanking.Day()].revenue += Double(event.amountMinor) * rate
        case .refund, .chargeback:
            guard var order = orders[event.order] else { return }
            let lost = min(order.left, event.amountMinor)
            order.left -= lost
            orders[event.order] = order
            days[order.pair, default: [:]][order.day, default: AffiliateRanking.Day()].lost += Double(lost) * rate
        }
    }
}
