import DevKit
import Domain
import Foundation

/// How well scores tell fraud from honesty.
struct DetectionReport {
    struct Scored {
        let row: WorldRun.Row
        let score: Double
    }

    private let examples: [Scored]
    private let all: [Scored]
    /// The score that one honest day in a hundred exceeds.
    let threshold: Double

    init(_ scored: [Scored]) {
        all = scored
        examples = scored.filter(\.row.isExample)
        let honest = examples.filter { !$0.row.isCheat }.map(\.score).sorted()
        threshold = honest.isEmpty ? 1 : honest[min(honest.count - 1, honest.count * 99 / 100)]
    }

    /// The mean of the precision at each hit, ties counted as one.
    static func averagePrecision(_ pairs: [(isHit: Bool, score: Double)]) -> Double {
        let sorted = pairs.sorted { $0.score > $1.score }
        let hits = Double(sorted.filter(\.isHit).count)
        guard hits > 0 else { return 0 }
        var sum = 0.0
        var found = 0.0
        var index = 0
        while index < sorted.count {
            var end = index
            var fresh = 0.0
            while end < sorted.count, sorted[end].score == sorted[index].score {
                if sorted[end].isHit { fresh += 1 }
                end += 1
            }
            found += fresh
            sum += fresh * found / Double(end)
            index = end
        }
        return sum / hits
    }

    var daysPrecision: Double { DetectionReport.averagePrecision(examples.map { ($0.row.isCheat, $0.score) }) }

    var affiliatesPrecision: Double {
        var best: [String: (isHit: Bool, score: Double)] = [:]
        for item in all {
            let key = "\(item.row.world) \(item.row.affiliate.id)"
            let known = best[key] ?? (false, 0)
            best[key] = (known.isHit || item.row.isCheat, max(known.score, item.score))
        }
        return DetectionReport.averagePrecision(Array(best.values))
    }

    func recall(of kind: CheatKind? = nil) -> Double {
        let cheats = examples.filter { $0.row.isCheat && (kind == nil || $0.row.affiliate.cheat == kind) }
        return Double(cheats.filter { $0.score > threshold }.count) / Double(max(1, cheats.count))
    }

    /// Of one kind's days among all honest ones.
    func precision(of kind: CheatKind) -> Double {
        DetectionReport.averagePrecision(
            examples.filter { !$0.row.isCheat || $0.row.affiliate.cheat == kind }.map { ($0.row.isCheat, $0.score) })
    }

    /// The median of the days from the first cheat to the first score above the threshold, of those that were found.
    func delay(of kind: CheatKind) -> (found: Double, days: Int?) {
        var first: [String: Int] = [:]
        var cheats: Set<String> = []
        for item in all where item.row.affiliate.cheat == kind {
            guard let start = item.row.affiliate.cheatDays.min() else { continue }
            let key = "\(item.row.world) \(item.row.affiliate.id)"
            cheats.insert(key)
            guard item.row.day >= start, item.score > threshold else { continue }
            first[key] = min(first[key] ?? .max, item.row.day - start)
        }
        let sorted = first.values.sorted()
        return (Double(first.count) / Double(max(1, cheats.count)), sorted.isEmpty ? nil : sorted[sorted.count / 2])
    }

    /// Shares of the honest kind's days above the threshold, and that were not clear.
    func falseAlarms(of kind: HonestKind) -> (days: Double, review: Double, hold: Double) {
        let days = examples.filter { $0.row.affiliate.cheat == nil && $0.row.affiliate.honest == kind }
        let count = Double(max(1, days.count))
        return (
            Double(days.filter { $0.score > threshold }.count) / count,
            Double(days.filter { $0.row.judgement.verdict > .clear }.count) / count,
            Double(days.filter { $0.row.judgement.verdict == .hold }.count) / count
        )
    }

    var text: String {
        func cell(_ value: Double) -> String { decimal(value, places: 3) }
        let share = Double(examples.filter(\.row.isCheat).count) / Double(max(1, examples.count))
        var lines = [
            "affiliate-days \(examples.count), of which fraud \(cell(share))",
            "average precision by day \(cell(daysPrecision)), by affiliate \(cell(affiliatesPrecision)); "
                + "recall at 1 % false positives \(cell(recall())) from score \(cell(threshold))", "",
            "fraud             AP     recall  found  delay (days, median)",
        ]
        for kind in CheatKind.allCases {
            let delay = delay(of: kind)
            lines.append(
                "\(padded(kind.rawValue, 17)) \(cell(precision(of: kind)))  \(cell(recall(of: kind)))   "
                    + "\(cell(delay.found))  \(delay.days.map(String.init) ?? "-")")
        }
        lines += ["", "honest            above  review  hold"]
        for kind in HonestKind.allCases {
            let alarms = falseAlarms(of: kind)
            lines.append(
                "\(padded(kind.rawValue, 17)) \(cell(alarms.days))  \(cell(alarms.review))   \(cell(alarms.hold))")
        }
        return lines.joined(separator: "\n")
    }

    private func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
