import Synchronization

/// The numbers of one process, in the text format that Prometheus reads.
public final class Metrics: Sendable {
    public enum Kind: String, Sendable {
        case counter, gauge
    }

    private struct Family {
        let kind: Kind
        let help: String
        var values: [String: Double] = [:]
    }

    /// Series of one family: a label that came from the world's bytes could otherwise fill the memory.
    static let seriesMaximum = 2_000

    private let families = Mutex<[String: Family]>([:])

    public init() {}

    /// Names a family before its first value, so that it is there from the start.
    public func declare(_ name: String, _ kind: Kind, _ help: String) {
        families.withLock { families in
            if families[name] == nil { families[name] = Family(kind: kind, help: help) }
        }
    }

    public func add(_ amount: Double = 1, to name: String, _ labels: [(String, String)] = []) {
        update(name, .counter, labels) { $0 + amount }
    }

    public func set(_ name: String, to value: Double, _ labels: [(String, String)] = []) {
        update(name, .gauge, labels) { _ in value }
    }

    private func update(_ name: String, _ kind: Kind, _ labels: [(String, String)], _ change: (Double) -> Double) {
        let series = Metrics.series(labels)
        families.withLock { families in
            var family = families[name] ?? Family(kind: kind, help: "")
            guard family.values[series] != nil || family.values.count < Metrics.seriesMaximum else { return }
            family.values[series] = change(family.values[series] ?? 0)
            families[name] = family
        }
    }

    private static func series(_ labels: [(String, String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { label, value in
            "\(label)=\"\(escaped(value))\""
        }
        return "{" + pairs.joined(separator: ",") + "}"
    }

    /// By code points: a line feed behind a carriage return is no character of its own.
    private static func escaped(_ value: String) -> String {
        value.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    /// The current values, families and series in the order of their names.
    public var text: String {
        families.withLock { families in
            var lines: [String] = []
            for (name, family) in families.sorted(by: { $0.key < $1.key }) {
                lines.append("# HELP \(name) \(family.help)")
                lines.append("# TYPE \(name) \(family.kind.rawValue)")
                for (series, value) in family.values.sorted(by: { $0.key < $1.key }) {
                    lines.append("\(name)\(series) \(value)")
                }
            }
            return lines.joined(separator: "\n") + "\n"
        }
    }
}
