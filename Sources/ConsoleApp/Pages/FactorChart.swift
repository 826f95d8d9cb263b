import Foundation

/// What each factor did to the expected revenue, day by day: a line for each around "as usual".
struct FactorChart: Sendable {
    struct View: Sendable {
        struct Key: Sendable {
            let name: String
            let style: String
        }

        let svg: String
        let verticalLabels: [String]
        let horizontalLabels: [String]
        let keys: [Key]
        let columns: [String]
        let rows: [[String]]
    }

    private static let height = 300.0
    private static let rules = 4

    /// Names the drawing for a screen reader, and its elements in the page.
    let id: String
    let history: AffiliateHistory

    var view: View {
        let days = history.days
        let names = days.last?.parts.map(\.name) ?? []
        let most = days.flatMap { $0.parts.map { abs($0.contribution) } }.max() ?? 0
        let top = [0.1, 0.2, 0.4, 0.8, 1.6].first { $0 >= most } ?? 3.2
        return View(
            svg: svg(names, top: top),
            verticalLabels: (0...FactorChart.rules).map { rule in
                let share = 1 - 2 * Double(rule) / Double(FactorChart.rules)
                return Figures.change(percent: (exp(top * share) - 1) * 100)
            }, horizontalLabels: horizontalLabels,
            keys: names.enumerated().map { .init(name: StateLabel.words($0.element), style: "factor-\($0.offset)") },
            columns: ["Day", "Rank", "Expected net"] + names.map(StateLabel.words),
            rows: days.reversed().map { day in
                [day.day, Figures.count(day.rank), Figures.amount(day.expectedMinor, history.currency)]
                    + day.parts.map { Figures.change(percent: $0.percent) }
            })
    }

    private var horizontalLabels: [String] {
        let days = history.days.map(\.day)
        guard days.count > 2 else { return days }
        return [days[0], days[days.count / 2], days[days.count - 1]]
    }

    private func svg(_ names: [String], top: Double) -> String {
        var markup = Markup()
        markup.open(
            "svg",
            [
                "viewBox": "0 0 1000 300", "preserveAspectRatio": "none", "role": "img", "class": "plot low",
                "aria-labelledby": "\(id)-title \(id)-desc",
            ])
        markup.element("title", ["id": "\(id)-title"], "What the expected revenue is made of, day by day")
        markup.element("desc", ["id": "\(id)-desc"], description)
        for rule in 0...FactorChart.rules {
            let y = ComparisonChart.number(FactorChart.height * Double(rule) / Double(FactorChart.rules))
            let style = rule * 2 == FactorChart.rules ? "rule usual" : "rule"
            markup.empty("line", ["class": style, "x1": "0", "x2": "1000", "y1": y, "y2": y])
        }
        let step = 1_000 / Double(max(history.days.count - 1, 1))
        for index in names.indices {
            let points = history.days.enumerated().map { place, day in
                let value = day.parts.indices.contains(index) ? day.parts[index].contribution : 0
                let y = FactorChart.height / 2 * (1 - max(-1, min(1, value / top)))
                return "\(ComparisonChart.number(step * Double(place))),\(ComparisonChart.number(y))"
            }
            // A single day is a line across.
            let line = points.count == 1 ? points + [points[0].replacing("0.0,", with: "1000.0,")] : points
            markup.empty("polyline", ["class": "line factor-\(index)", "points": line.joined(separator: " ")])
        }
        markup.close("svg")
        return markup.text
    }

    private var description: String {
        guard let first = history.days.first, let last = history.days.last else { return "No data." }
        let parts = last.parts.map { "\(StateLabel.words($0.name)) \(Figures.change(percent: $0.percent))" }
        return "\(first.day) to \(last.day). At the end: " + parts.joined(separator: ", ") + "."
    }
}
