import Domain

/// Numbers, amounts and times as people read them.
enum Figures {
    /// As in `1,234,567`.
    static func count(_ value: Int64) -> String {
        grouped(String(value))
    }

    /// As in `1,234.50`, without the currency; minor units stay as they are for a currency that is not known.
    static func amount(_ minorUnits: Int64, _ currency: String) -> String {
        guard let known = Currency(code: currency) else { return count(minorUnits) }
        return grouped(Money(minorUnits: minorUnits, currency: known).decimal)
    }

    /// As in `87.3`.
    static func tenths(_ value: Int32) -> String {
        Money.decimal(minorUnits: Int64(value), exponent: 1)
    }

    /// A share of a whole in percent with one decimal, as in `3.1 %`; a dash for a share of nothing.
    static func share(_ part: Int64, of whole: Int64) -> String {
        guard whole > 0 else { return "–" }
        let (permille, overflow) = part.multipliedReportingOverflow(by: 1_000)
        return overflow ? "–" : Money.decimal(minorUnits: permille / whole, exponent: 1) + " %"
    }

    /// As in `0.973`.
    static func probability(_ value: Double) -> String {
        Money.decimal(minorUnits: Int64((min(max(value, 0), 1) * 1_000).rounded()), exponent: 3)
    }

    /// A share in percent with one decimal, as in `58.3 %`.
    static func percent(_ share: Double) -> String {
        Money.decimal(minorUnits: Int64((min(max(share, -1e6), 1e6) * 1_000).rounded()), exponent: 1) + " %"
    }

    /// As in `12.3`; a dash for none.
    static func tenths(_ value: Double) -> String {
        Money.decimal(minorUnits: Int64((min(max(value, -1e12), 1e12) * 10).rounded()), exponent: 1)
    }

    static func whole(_ value: Double?) -> String {
        value.map { count(Int64(min(max($0, -1e12), 1e12).rounded())) } ?? "–"
    }

    /// How likely something is, as in `1 in 2,400`.
    static func chance(_ p: Double) -> String {
        guard p > 0 else { return "below 1 in 1,000,000" }
        guard p < 0.5 else { return "likely" }
        let odds = 1 / p
        guard odds < 1_000_000 else { return "below 1 in 1,000,000" }
        return "1 in " + count(Int64(odds.rounded()))
    }

    /// As in `3 s`, `12 min`, `5 h` or `3 d`, rounded down.
    static func duration(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7_200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// The same for round times, as in `1 m` or `1 d`.
    static func shortDuration(_ seconds: Int64) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3_600: "\(seconds / 60) m"
        case ..<86_400: "\(seconds / 3_600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// As in `+12 %` or `−3 %`; `±0 %` for less than half a percent.
    static func change(percent: Double) -> String {
        let rounded = Int64(min(max(percent, -1e6), 1e6).rounded())
        return (rounded > 0 ? "+" : rounded < 0 ? "−" : "±") + count(abs(rounded)) + " %"
    }

    /// An RFC 3339 moment as in `2026-11-01 12:04:31`.
    static func moment(_ rfc3339: String?) -> String {
        guard let rfc3339 else { return "–" }
        return rfc3339.prefix(10) + " " + rfc3339.dropFirst(11).prefix(8)
    }

    private static func grouped(_ decimal: String) -> String {
        let sign = decimal.hasPrefix("-") ? "-" : ""
        let parts = decimal.dropFirst(sign.count).split(separator: ".", maxSplits: 1)
        guard let whole = parts.first else { return decimal }
        var text = ""
        for (position, digit) in whole.enumerated() {
            if position > 0, (whole.count - position).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return sign + text + (parts.count == 2 ? "." + parts[1] : "")
    }
}

/// A payout's state as a label, and how to colour it.
struct StateLabel: Sendable {
    enum Tone: String, Sendable {
        case good, waiting, moving, bad
    }

    let text: String
    /// The name of a CSS class.
    let tone: String

    init(payoutState: String) {
        text = StateLabel.words(payoutState)
        tone =
            switch PayoutState(rawValue: payoutState) {
            case .paid, .final: Tone.good.rawValue
            case .awaitingApproval, .manual, .unknown: Tone.waiting.rawValue
            case .reserved, .submitting, .submitted, .canceling, .inTransit, .declined: Tone.moving.rawValue
            case .rejected, .failed, .returned, .canceled, nil: Tone.bad.rawValue
            }
    }

    init(_ text: String, tone: Tone) {
        self.text = text
        self.tone = tone.rawValue
    }

    /// A stored word as people read it: `kept_orders` as `Kept orders`.
    static func words(_ raw: String) -> String {
        let text = raw.replacing("_", with: " ")
        return text.prefix(1).uppercased() + text.dropFirst()
    }
}
