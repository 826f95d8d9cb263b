/// A series over days: bars while they are few, an area with a line when they are many. The drawing is stretched to the
/// width of the page, so its labels are HTML beside it and keep their size on a telephone.
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

    private static let width = 1000.0
    private static let height = 300.0
    private static let barsMaximum = 62
    private static let rules = 4
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
            verticalLabels: (0...TrendChart.rules).map {
                Figures.count(top - top * Int64($0) / Int64(TrendChart.rules))
            },
            horizontalLabels: horizontalLabels, columns: ["Day", unit],
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

    private var horizontalLabels: [String] {
        guard let first = points.first, let last = points.last else { return [] }
        guard points.count > 2 else { return points.map(\.label) }
        return [first.label, points[points.count / 2].label, last.label]
    }

    private var description: String {
        guard let first = points.first, let last = points.last, let peak = points.max(by: { $0.value < $1.value })
        else { return "No data." }
        let sum = Figures.count(points.reduce(0) { $0 + $1.value })
        return
            "\(first.label) to \(last.label): \(sum) in all, most on \(peak.label) with \(Figures.count(peak.value))."
    }

    private func svg(top: Int64) -> String {
        var markup = Markup()
        markup.open(
            "svg",
            [
                "viewBox": "0 0 1000 300", "preserveAspectRatio": "none", "role": "img", "class": "plot",
                "aria-labelledby": "\(id)-title \(id)-desc",
            ])
        markup.element("title", ["id": "\(id)-title"], title)
        markup.element("desc", ["id": "\(id)-desc"], description)
        for rule in 0...TrendChart.rules {
            let y = TrendChart.number(TrendChart.height * Double(rule) / Double(TrendChart.rules))
            markup.empty("line", ["class": "rule", "x1": "0", "x2": "1000", "y1": y, "y2": y])
        }
        if points.count <= TrendChart.barsMaximum {
            drawBars(top: top, in: &markup)
        } else {
            drawArea(top: top, in: &markup)
        }
        markup.close("svg")
        return markup.text
    }

    private func drawBars(top: Int64, in markup: inout Markup) {
        let slot = TrendChart.width / Double(max(points.count, 1))
        for (index, point) in points.enumerated() {
            let height = TrendChart.height * Double(point.value) / Double(top)
            markup.open(
                "rect",
                [
                    "class": "bar", "x": TrendChart.number(slot * (Double(index) + 0.12)),
                    "y": TrendChart.number(TrendChart.height - height), "width": TrendChart.number(slot * 0.76),
                    "height": TrendChart.number(height),
                ])
            markup.element("title", "\(point.label): \(Figures.count(point.value))")
            markup.close("rect")
        }
    }

    private func drawArea(top: Int64, in markup: inout Markup) {
        let step = TrendChart.width / Double(max(points.count - 1, 1))
        let line = points.enumerated().map { index, point in
            let y = TrendChart.height * (1 - Double(point.value) / Double(top))
            return "\(TrendChart.number(step * Double(index))),\(TrendChart.number(y))"
        }.joined(separator: " ")
        markup.empty("polygon", ["class": "area", "points": "0,300 \(line) 1000,300"])
        markup.empty("polyline", ["class": "line", "points": line])
    }

    private static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}

extension Markup {
    mutating func element(_ tag: StaticString, _ content: String) {
        element(tag, [:], content)
    }
}
