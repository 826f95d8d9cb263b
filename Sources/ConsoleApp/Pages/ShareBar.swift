/// One bar whose length, or whose parts, say how much of a whole something is.
enum ShareBar {
    /// A part of a bar.
    struct Part: Sendable {
        let label: String
        let value: Int64
        /// The name of a CSS class.
        let style: String
    }

    /// A bar from the left, as long as `value` is of `whole`.
    static func single(_ value: Int64, of whole: Int64, label: String, style: String) -> String {
        stacked([Part(label: label, value: value, style: style)], of: whole, label: label)
    }

    /// Parts side by side. Negative ones are left out: a bar has no length below zero.
    static func stacked(_ parts: [Part], of whole: Int64, label: String) -> String {
        var markup = Markup()
        markup.open(
            "svg",
            [
                "viewBox": "0 0 1000 10", "preserveAspectRatio": "none", "class": "share", "role": "img",
                "aria-label": label,
            ])
        markup.empty("rect", ["class": "track", "x": "0", "y": "0", "width": "1000", "height": "10"])
        var start: Int64 = 0
        for part in parts where part.value > 0 && whole > 0 {
            let width = max(1, min(1_000 - start, part.value.scaled(by: 1_000, over: whole)))
            guard start < 1_000 else { break }
            markup.open(
                "rect",
                ["class": part.style, "x": String(start), "y": "0", "width": String(width), "height": "10"])
            markup.element("title", [:], part.label)
            markup.close("rect")
            start += width
        }
        markup.close("svg")
        return markup.text
    }
}

extension Int64 {
    /// `self × factor ÷ whole`, without overflow on the way.
    fileprivate func scaled(by factor: Int64, over whole: Int64) -> Int64 {
        let product = multipliedFullWidth(by: factor)
        return self > whole ? factor : whole.dividingFullWidth(product).quotient
    }
}
