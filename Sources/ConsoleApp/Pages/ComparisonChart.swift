import Domain

/// How often each of some bins came for one affiliate, as bars, and for the others, as a line of steps over them: each
/// as a share of its own whole, so that a small affiliate compares with a large programme.
struct ComparisonChart: Sendable {
    struct Bin: Sendable {
        /// Under the axis; empty: none.
        let label: String
        /// In the table and to a screen reader.
        let name: String
        /// nil: nothing to be a share of.
        let own: Double?
        let others: Double?
        /// In absolute numbers, for the table.
        let ownText: String
        let othersText: String
    }

    /// What a template shows.
    struct View: Sendable {
        let title: String
        let note: String
        let svg: String
        /// Top to bottom.
        let verticalLabels: [String]
        let horizontalLabels: [String]
        /// What the bars, the line, and the marker stand for.
        let ownKey: String
        let othersKey: String
        let marker: String?
        let columns: [String]
        let rows: [[String]]
        let isEmpty: Bool
        /// The name of a CSS class: how many labels a narrow screen has room for.
        let density: String
    }

    /// Names the drawing for a screen reader, and its elements in the page.
    let id: String
    let title: String
    let note: String
    let unit: String
    let bins: [Bin]
    /// A line before the bin of this number, and what it stands for.
    var marker: (bin: Int, label: String)?
    var density = "dense"

    var view: View {
        let top = ComparisonChart.roundTop(bins.flatMap { [$0.own ?? 0, $0.others ?? 0] }.max() ?? 0)
        return View(
            title: title, note: note, svg: svg(top: top),
            verticalLabels: Plot.verticalLabels { Figures.percent(top * $0) },
            horizontalLabels: bins.map(\.label), ownKey: "This affiliate", othersKey: "The programme's others",
            marker: marker?.label, columns: [unit, "This affiliate", "The others"],
            rows: bins.map { [$0.name, $0.ownText, $0.othersText] }, isEmpty: bins.allSatisfy { $0.own == nil },
            density: density)
    }

    /// The next of 4 %, 10 %, 20 %, 40 %, 60 %, 80 %, 100 %.
    private static func roundTop(_ maximum: Double) -> Double {
        [0.04, 0.1, 0.2, 0.4, 0.6, 0.8].first { $0 >= maximum } ?? 1
    }

    private var description: String {
        guard let most = bins.max(by: { ($0.own ?? 0) < ($1.own ?? 0) }), let own = most.own else { return "No data." }
        let others = most.others.map { ", others \(Figures.percent($0))" } ?? ""
        return "This affiliate most at \(most.name): \(Figures.percent(own))\(others)."
    }

    private func svg(top: Double) -> String {
        var plot = Plot(id: id, title: title, description: description, isLow: true)
        let slot = Plot.width / Double(max(bins.count, 1))
        for (index, bin) in bins.enumerated() {
            guard let own = bin.own else { continue }
            let others = bin.others.map { ", others \(Figures.percent($0))" } ?? ""
            plot.bar(
                at: Double(index) * slot, slot: slot, share: min(own / top, 1),
                title: "\(bin.name): \(Figures.percent(own))\(others)")
        }
        for run in steps(slot: slot, top: top) { plot.line(run, style: "others") }
        if let marker { plot.marker(at: Double(marker.bin) * slot) }
        return plot.svg
    }

    /// The steps of the others, broken where there is nothing.
    private func steps(slot: Double, top: Double) -> [[String]] {
        var runs: [[String]] = [[]]
        for (index, bin) in bins.enumerated() {
            guard let others = bin.others else {
                runs.append([])
                continue
            }
            let (x, share) = (Double(index) * slot, min(others / top, 1))
            runs[runs.count - 1] += [Plot.point(x, share), Plot.point(x + slot, share)]
        }
        return runs.filter { !$0.isEmpty }
    }
}
