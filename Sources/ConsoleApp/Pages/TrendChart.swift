/// A series over days: bars while they are few, an area with a line when they are many.
struct TrendChart: Sendable {
    struct Point: Sendable {
        /// As in `2026-11-01`.
        let label: String
        let value: Int64
    }

    /// What a template shows.
    struct View: Sendable {
        let caption: String
        let svg: String
        /// Top to bottom.
        let verticalLabels: [String]
        /// Left to right.
        let horizontalLabels: [String]
        let columns: [String]
        let rows: [[String]]
        let isEmpty: Bool
    }

    private static let barsMaximum = 62
    /// Days that the table under the drawing lists, newest first.
    private static let tableRowsMaximum = 60

    /// Names the drawing for a screen reader, and its elements in the page.
    let id: String
    let title: String
    let unit: String
    let points: [Point]

    var view: View {
        let top = TrendChart.roundTop(points.map(\.value).max() ?? 0)
        return View(
            caption: title, svg: svg(top: top),
            verticalLabels: Plot.verticalLabels { Figures.count(Int64(Double(top) * $0)) },
            horizontalLabels: Plot.horizontalLabels(points.map(\.label)), columns: ["Day", unit],
            rows: points.suffix(TrendChart.tableRowsMaximum).reversed().map { [$0.label, Figures.count($0.value)] },
            isEmpty: points.isEmpty)
    }

    /// The next of 4, 8, 20, 40, 80, 200, … so that the labels at its quarters are whole.
    private static func roundTop(_ maximum: Int64) -> Int64 {
        var power: Int64 = 4
        while power < Int64.max / 100 {
            for step in [power, power * 2, power * 5] where step >= maximum { return step }
            power *= 10
        }
        return maximum
    }

    private var description: String {
        guard let first = points.first, let last = points.last, let peak = points.max(by: { $0.value < $1.value })
        else { return "No data." }
        let sum = Figures.count(points.reduce(0) { $0 + $1.value })
        return
            "\(first.label) to \(last.label): \(sum) in all, most on \(peak.label) with \(Figures.count(peak.value))."
    }

    private func svg(top: Int64) -> String {
        var plot = Plot(id: id, title: title, description: description, isLow: false)
        let shares = points.map { Double($0.value) / Double(top) }
        if points.count <= TrendChart.barsMaximum {
            let slot = Plot.width / Double(max(points.count, 1))
            for (index, point) in points.enumerated() {
                plot.bar(
                    at: slot * Double(index), slot: slot, share: shares[index],
                    title: "\(point.label): \(Figures.count(point.value))")
            }
        } else {
            let step = Plot.width / Double(max(points.count - 1, 1))
            let line = shares.enumerated().map { Plot.point(step * Double($0.offset), $0.element) }
            plot.area(line)
            plot.line(line)
        }
        return plot.svg
    }
}
