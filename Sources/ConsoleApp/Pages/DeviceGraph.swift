/// Devices that several customers or affiliates bought on: affiliates on the left, devices between, customers on the
/// right, and a line for each that bought.
struct DeviceGraph: Sendable {
    struct View: Sendable {
        let svg: String
        let rows: [[String]]
        /// What was left out.
        let rest: String?
        let isEmpty: Bool
    }

    private static let affiliatesMaximum = 8
    private static let customersMaximum = 16
    private static let width = 420.0
    private static let rowHeight = 26.0
    private static let columns = [10.0, 178.0, 318.0]
    private static let boxWidth = [128.0, 92.0, 92.0]

    let uses: [DeviceUse]

    var view: View {
        let affiliates = DeviceGraph.firsts(uses.map(\.affiliateId), DeviceGraph.affiliatesMaximum)
        let devices = DeviceGraph.firsts(uses.map(\.device), .max)
        let customers = DeviceGraph.firsts(uses.map(\.customer), DeviceGraph.customersMaximum)
        let hidden = Set(uses.map(\.customer)).count - customers.count
        return View(
            svg: svg(affiliates, devices, customers),
            rows: uses.map { [$0.device, $0.affiliateId, $0.customer, Figures.count($0.orders)] },
            rest: hidden > 0 ? "\(hidden) more customers are in the table." : nil, isEmpty: uses.isEmpty)
    }

    private static func firsts(_ names: [String], _ maximum: Int) -> [String] {
        var seen: Set<String> = []
        return Array(names.filter { seen.insert($0).inserted }.prefix(maximum))
    }

    private func svg(_ affiliates: [String], _ devices: [String], _ customers: [String]) -> String {
        let sides = [affiliates, devices, customers]
        let rows = Double(sides.map(\.count).max() ?? 0)
        let height = (rows + 1) * DeviceGraph.rowHeight
        func place(_ name: String, _ side: Int) -> Double? {
            sides[side].firstIndex(of: name).map { index in
                let span = rows / Double(max(sides[side].count, 1))
                return DeviceGraph.rowHeight * (1 + (Double(index) + 0.5) * span)
            }
        }
        var markup = Markup()
        markup.open(
            "svg",
            [
                "viewBox": "0 0 420 \(Plot.number(height))", "role": "img", "class": "graph",
                "aria-labelledby": "graph-title graph-desc",
            ])
        markup.element("title", ["id": "graph-title"], "Who bought on which device")
        markup.element(
            "desc", ["id": "graph-desc"],
            "\(devices.count) devices, \(customers.count) customers, \(affiliates.count) affiliates. "
                + "The table under it has each line.")
        for (side, head) in ["Affiliates", "Devices", "Customers"].enumerated() {
            markup.element(
                "text", ["class": "head", "x": Plot.number(DeviceGraph.columns[side]), "y": "14"], head)
        }
        for use in uses {
            guard let device = place(use.device, 1) else { continue }
            let style = use.isOwn ? "edge own" : "edge"
            if let affiliate = place(use.affiliateId, 0) { link(0, affiliate, device, style, &markup) }
            if let customer = place(use.customer, 2) { link(1, device, customer, style, &markup) }
        }
        let own = Set(uses.filter(\.isOwn).map(\.affiliateId))
        for (side, names) in sides.enumerated() {
            for name in names {
                box(name, side, place(name, side) ?? 0, own.contains(name) && side == 0 ? "node own" : "node", &markup)
            }
        }
        markup.close("svg")
        return markup.text
    }

    private func link(_ side: Int, _ from: Double, _ to: Double, _ style: String, _ markup: inout Markup) {
        markup.empty(
            "line",
            [
                "class": style, "x1": Plot.number(DeviceGraph.columns[side] + DeviceGraph.boxWidth[side]),
                "y1": Plot.number(from), "x2": Plot.number(DeviceGraph.columns[side + 1]),
                "y2": Plot.number(to),
            ])
    }

    private func box(_ name: String, _ side: Int, _ y: Double, _ style: String, _ markup: inout Markup) {
        let x = DeviceGraph.columns[side]
        markup.empty(
            "rect",
            [
                "class": style, "x": Plot.number(x), "y": Plot.number(y - 10),
                "width": Plot.number(DeviceGraph.boxWidth[side]), "height": "20", "rx": "4",
            ])
        let room = side == 0 ? 17 : 12
        let shown = name.count > room ? name.prefix(room - 1) + "…" : name[...]
        markup.element(
            "text", ["x": Plot.number(x + 6), "y": Plot.number(y + 4)], String(shown))
    }
}
