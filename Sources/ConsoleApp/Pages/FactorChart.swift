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
            verticalLabels: Plot.verticalLabels { share in
                Figures.change(percent: (exp(top * (2 * share - 1)) - 1) * 100)
            }, horizontalLabels: Plot.horizontalLabels(days.map(\.day)),
            keys: names.enumerated().map { .init(name: StateLabel.words($0.element), style: "factor-\($0.offset)") },
            columns: ["Day", "Rank", "Expected net"] + names.map(StateLabel.words),
            rows: days.reversed().map { day in
                [day.day, Figures.count(day.rank), Figures.amount(day.expectedMinor, history.currency)]
                    + day.parts.map { Figures.change(percent: $0.percent) }
            })
    }

    private func svg(_ names: [String], top: Double) -> String {
        var plot = Plot(
            id: id, title: "What the expected revenue is made of, day by day", description: description, isLow: true,
            usual: Plot.rules / 2)
        let days = history.days
        for index in names.indices {
            let shares = days.map { day in
                let value = day.parts.indices.contains(index) ? day.parts[index].contribution : 0
                return (1 + max(-1, min(1, value / top))) / 2
            }
            // A single day is a line across.
            let line = shares.count == 1 ? shares + shares : shares
            let step = Plot.width / Double(max(line.count - 1, 1))
            plot.line(
                line.enumerated().map { Plot.point(step * Double($0.offset), $0.element) }, style: "factor-\(index)")
        }
        return plot.svg
    }

    private var description: String {
        guard let first = history.days.first, let last = history.days.last else { return "No data." }
        let parts = last.parts.map { "\(StateLabel.words($0.name)) \(Figures.change(percent: $0.percent))" }
        return "\(first.day) to \(last.day). At the end: " + parts.joined(separator: ", ") + "."
    }
}
