/// A drawing of figures along an axis: what all of them share. It is stretched to the width of the page, so its labels
/// are HTML beside it and keep their size on a telephone.
struct Plot: Sendable {
    static let width = 1_000.0
    static let height = 300.0
    /// Spaces between the lines across.
    static let rules = 4

    private var markup = Markup()

    /// - Parameters:
    ///   - id: names the drawing for a screen reader, and its elements in the page.
    ///   - usual: the line across that stands for what is usual, from the top; nil: none.
    init(id: String, title: String, description: String, isLow: Bool, usual: Int? = nil) {
        markup.open(
            "svg",
            [
                "viewBox": "0 0 1000 300", "preserveAspectRatio": "none", "role": "img",
                "class": isLow ? "plot low" : "plot", "aria-labelledby": "\(id)-title \(id)-desc",
            ])
        markup.element("title", ["id": "\(id)-title"], title)
        markup.element("desc", ["id": "\(id)-desc"], description)
        for rule in 0...Plot.rules {
            let y = Plot.number(Plot.height * Double(rule) / Double(Plot.rules))
            markup.empty(
                "line", ["class": rule == usual ? "rule usual" : "rule", "x1": "0", "x2": "1000", "y1": y, "y2": y])
        }
    }

    /// The finished drawing.
    var svg: String {
        var whole = markup
        whole.close("svg")
        return whole.text
    }

    /// A label for each line across, top to bottom.
    ///
    /// - Parameter text: of a share of the height.
    static func verticalLabels(_ text: (Double) -> String) -> [String] {
        (0...rules).map { text(Double(rules - $0) / Double(rules)) }
    }

    /// The first, the middle and the last of many labels.
    static func horizontalLabels(_ labels: [String]) -> [String] {
        labels.count > 2 ? [labels[0], labels[labels.count / 2], labels[labels.count - 1]] : labels
    }

    /// A place in the drawing.
    ///
    /// - Parameter share: of the height, from below.
    static func point(_ x: Double, _ share: Double) -> String { "\(number(x)),\(number(height * (1 - share)))" }

    /// - Parameters:
    ///   - slot: the width that it stands in.
    ///   - share: of the height, from below.
    mutating func bar(at x: Double, slot: Double, share: Double, title: String) {
        let height = Plot.height * share
        markup.open(
            "rect",
            [
                "class": "bar", "x": Plot.number(x + slot * 0.12), "y": Plot.number(Plot.height - height),
                "width": Plot.number(slot * 0.76), "height": Plot.number(height),
            ])
        markup.element("title", [:], title)
        markup.close("rect")
    }

    /// - Parameter style: the name of a CSS class beside `line`; nil: none.
    mutating func line(_ points: [String], style: String? = nil) {
        markup.empty(
            "polyline",
            ["class": style.map { "line " + $0 } ?? "line", "points": points.joined(separator: " ")])
    }

    mutating func area(_ points: [String]) {
        markup.empty("polygon", ["class": "area", "points": "0,300 \(points.joined(separator: " ")) 1000,300"])
    }

    /// A line down.
    mutating func marker(at x: Double) {
        let x = Plot.number(x)
        markup.empty("line", ["class": "marker", "x1": x, "x2": x, "y1": "0", "y2": "300"])
    }

    static func number(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
