import ArgumentParser
import DevKit
import Domain
import Foundation

extension Backtest {
    struct EvaluateRanking: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "evaluate-ranking",
            abstract: "Holds the ranking after 15 days of made worlds against what the next 15 days brought.",
            discussion: """
                Means over the worlds, beside rankings by revenue, conversion rate and shrunk earnings per click so \
                far. What was brought is net of refunds and chargebacks, once as reported, once without made-up orders.
                """)

        @Option(help: "Worlds.") var worlds = 40
        @Option(help: "The seed of the first world.") var seed: UInt64 = 3_000_001

        func run() throws {
            var report = RankingReport()
            for number in 0..<UInt64(worlds) {
                var plan = WorldPlan(seed: seed + number)
                plan.days = 31...45
                try report.add(World(plan))
            }
            print(report.text)
        }
    }
}

/// How near rankings come to what affiliates then brought.
struct RankingReport {
    private static let daysBefore: Int32 = 15
    private static let daysAfter: Int32 = 15
    /// Ranks that count.
    private static let places = 20

    enum Method: String, CaseIterable {
        case ranking
        case revenue
        case conversionRate = "conversion rate"
        case earningsPerClick = "shrunk EPC"
    }

    /// Sums over the worlds.
    private struct Sums {
        var gain = 0.0
        var captured = 0.0
        var spearman = 0.0
    }

    private var worlds = 0.0
    private var reported: [Method: Sums] = [:]
    private var honest: [Method: Sums] = [:]

    mutating func add(_ world: World) throws {
        var file = EventFile()
        for line in world.lines { file.take(line) }
        let context = try ContextOptions.context(of: world)
        let last = world.start.day + RankingReport.daysBefore - 1
        let scores = RankingReport.scores(file.days, context, asOf: last)
        worlds += 1
        for (isHonest, sums) in [(false, \RankingReport.reported), (true, \RankingReport.honest)] {
            let brought = RankingReport.brought(file, context, after: last) { event in
                !isHonest || !(file.conversions[event.key].map { world.cheatEvents.contains($0) } ?? false)
            }
            for method in Method.allCases {
                let affiliates = scores.keys.sorted()
                let pairs = affiliates.map { (score: scores[$0]?[method] ?? 0, truth: max(0, brought[$0] ?? 0)) }
                self[keyPath: sums][method, default: Sums()].gain += RankingReport.gain(pairs)
                self[keyPath: sums][method, default: Sums()].captured += RankingReport.captured(pairs)
                self[keyPath: sums][method, default: Sums()].spearman += RankingReport.spearman(pairs)
            }
        }
    }

    /// Of everyone with an event so far.
    private static func scores(
        _ days: FraudDays, _ context: FraudContext, asOf last: Int32
    ) -> [UInt64: [Method: Double]] {
        let entries = Backtest.Ranking.rank(days, context, asOf: last)
        let past = ledger(days, context, through: last) { _ in true }
        var totals: [UInt64: (clicks: Double, orders: Double, net: Double)] = [:]
        for (pair, days) in past.days {
            for day in days.values {
                let sum = totals[pair.affiliate] ?? (0, 0, 0)
                totals[pair.affiliate] = (
                    sum.clicks + day.clicks, sum.orders + day.orders, sum.net + day.revenue - day.lost
                )
            }
        }
        let clicks = totals.values.reduce(0) { $0 + $1.clicks }
        let usual = totals.values.reduce(0) { $0 + $1.net } / max(clicks, 1)
        return Dictionary(
            uniqueKeysWithValues: entries.map { entry in
                let sum = totals[entry.affiliate] ?? (0, 0, 0)
                return (
                    entry.affiliate,
                    [
                        .ranking: entry.score, .revenue: sum.net, .conversionRate: sum.orders / max(sum.clicks, 1),
                        .earningsPerClick: (sum.net + 100 * usual) / (sum.clicks + 100),
                    ]
                )
            })
    }

    private static func ledger(
        _ days: FraudDays, _ context: FraudContext, through last: Int32, where counts: (FraudEvent) -> Bool
    ) -> RankingLedger {
        var rest = days
        var ledger = RankingLedger(context)
        for date in rest.list where date <= last {
            for event in rest.close(date) where counts(event) { ledger.add(event) }
        }
        return ledger
    }

    /// Net revenue of the orders of the days after `last`, with all that came back of them later.
    private static func brought(
        _ file: EventFile, _ context: FraudContext, after last: Int32, where counts: (FraudEvent) -> Bool
    ) -> [UInt64: Double] {
        var brought: [UInt64: Double] = [:]
        for (pair, days) in ledger(file.days, context, through: .max, where: counts).days {
            for (date, day) in days where date > last && date <= last + daysAfter {
                brought[pair.affiliate, default: 0] += day.revenue - day.lost
            }
        }
        return brought
    }

    /// NDCG: what the first places brought, each less the lower, over the most that they could have.
    static func gain(_ pairs: [(score: Double, truth: Double)]) -> Double {
        func discounted(_ truths: [Double]) -> Double {
            truths.prefix(places).enumerated().reduce(0) {
                $0 + $1.element * 0.693_147 / Elementary.log(Double($1.offset + 2))
            }
        }
        let ideal = discounted(pairs.map(\.truth).sorted(by: >))
        return ideal > 0 ? discounted(pairs.sorted { $0.score > $1.score }.map(\.truth)) / ideal : 1
    }

    /// The share of all that was brought which the first places brought.
    static func captured(_ pairs: [(score: Double, truth: Double)]) -> Double {
        let all = pairs.reduce(0) { $0 + $1.truth }
        return all > 0 ? pairs.sorted { $0.score > $1.score }.prefix(places).reduce(0) { $0 + $1.truth } / all : 1
    }

    /// The correlation of the ranks, ties sharing theirs.
    static func spearman(_ pairs: [(score: Double, truth: Double)]) -> Double {
        let (left, right) = (ranks(pairs.map(\.score)), ranks(pairs.map(\.truth)))
        let middle = Double(pairs.count + 1) / 2
        var (product, leftSquare, rightSquare) = (0.0, 0.0, 0.0)
        for (left, right) in zip(left, right) {
            product += (left - middle) * (right - middle)
            leftSquare += (left - middle) * (left - middle)
            rightSquare += (right - middle) * (right - middle)
        }
        let scale = (leftSquare * rightSquare).squareRoot()
        return scale > 0 ? product / scale : 0
    }

    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
            start = end
        }
        return ranks
    }

    var text: String {
        var lines = ["\(Int(worlds)) worlds; after 15 days, against the next 15"]
        for (title, sums) in [("net revenue as reported", reported), ("net revenue without made-up orders", honest)] {
            lines += ["", title, "by                 NDCG@20  share of the first 20  Spearman"]
            for method in Method.allCases {
                let sum = sums[method] ?? Sums()
                let name = method.rawValue + String(repeating: " ", count: max(0, 18 - method.rawValue.count))
                lines.append(
                    "\(name) \(cell(sum.gain))    \(cell(sum.captured))                  \(cell(sum.spearman))")
            }
        }
        return lines.joined(separator: "\n")
    }

    private func cell(_ sum: Double) -> String { decimal(sum / max(worlds, 1), places: 3) }
}
