import Foundation

/// What a file of events comes to, computed once more: line by line, with dictionaries, and without any code of the
/// fleet.
///
/// Clicks and orders are taken in the order of the file and refunds behind them all, since a refund waits for its order
/// wherever it comes. Every fact is a line of text; a table's row makes the same.
struct NaiveRecomputation {
    struct Programme {
        let currency: String
        let basisPoints: Int
        let windowDays: Int
    }

    private struct Order {
        let line: String
        let programme: String
        let affiliate: String
        let currency: String
        let day: String
        let isTest: Bool
        let amount: Int
        let commission: Int
        var refunded = 0
        var reversed = 0
    }

    /// Clicks, conversions, refunds, revenue, refunded revenue, net commission.
    private typealias Sums = [Int]

    private let programmes: [String: Programme]
    private let now = Date()
    private let dates = NaiveDates()
    private var events: [String: [UInt8]] = [:]
    private var clicks: [String: (affiliate: String, at: Date)] = [:]
    private var orders: [String: Order] = [:]
    private var refunds: Set<String> = []
    private var counts: [String: Int] = [:]
    private var totals: [String: Sums] = [:]
    private var days: [String: Sums] = [:]
    private var balances: [String: Int] = [:]
    private var lines: [String] = []
    private(set) var ambiguous: [String] = []

    init(_ records: [[UInt8]], programmes: [String: Programme]) {
        self.programmes = programmes
        var late: [([String: Any], [UInt8])] = []
        for bytes in records {
            guard let record = readable(bytes) else { continue }
            switch record["type"] as? String {
            case "click": take(record, bytes) { $0.click(record) }
            case "conversion": take(record, bytes) { $0.order(record) }
            default: late.append((record, bytes))
            }
        }
        for (record, bytes) in late { take(record, bytes) { $0.refund(record) } }
        ambiguous = NaiveRecomputation.ambiguous(late.map(\.0))
    }

    /// Every fact, sorted.
    var facts: [String] {
        let orders = orders.values.filter { !$0.isTest }.map { "commission \($0.line) \($0.commission) \($0.reversed)" }
        let totals = totals.map { "total \($0.key) " + $0.value.prefix(5).map(String.init).joined(separator: " ") }
        let days = days.map { "day \($0.key) " + $0.value.map(String.init).joined(separator: " ") }
        let balances = balances.filter { $0.value != 0 }.map { "balance \($0.key) \($0.value) 0 0" }
        return (lines + counts.map { "\($0.key) \($0.value)" } + orders + totals + days + balances).sorted()
    }

    /// What the affiliates of a programme earned and would have earned at another rate, where that differs: affiliate,
    /// currency, both amounts and the difference, with two decimals.
    func earnings(in programme: String, at basisPoints: Int) -> [String] {
        var sums: [String: (recorded: Int, proposed: Int)] = [:]
        for order in orders.values where order.programme == programme && !order.isTest {
            let key = "\(order.affiliate) \(order.currency)"
            sums[key, default: (0, 0)].recorded += order.commission
            sums[key, default: (0, 0)].proposed += share(order.amount, basisPoints, of: 10_000)
        }
        return sums.filter { $0.value.recorded != $0.value.proposed }.map { key, sum in
            let amounts = [sum.recorded, sum.proposed, sum.proposed - sum.recorded]
            return key + amounts.map { String(format: " %.2f", Double($0) / 100) }.joined()
        }.sorted()
    }

    /// Orders with several refunds of which one may overtake another: what comes of them depends on timing.
    private static func ambiguous(_ refunds: [[String: Any]]) -> [String] {
        Dictionary(grouping: refunds) { "\($0["program_id"] ?? "") \($0["order_id"] ?? "")" }.filter { _, refunds in
            refunds.count > 1 && refunds.contains { $0["affiliate_id"] == nil }
        }.map(\.key)
    }

    // MARK: Form

    /// The record as a dictionary; nil once it is counted as refused.
    private mutating func readable(_ bytes: [UInt8]) -> [String: Any]? {
        let data = Data(bytes)
        let value = try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)  // nil says it.
        let dead: Int? =
            if bytes.count > 1_048_576 { 194 } else if String(data: data, encoding: .utf8) == nil {
                191
            } else if value == nil { 190 } else if value as? [String: Any] == nil {
                192
            } else if depth(value as Any) > 32 { 195 } else { nil }
        if let dead {
            counts["dead \(dead)", default: 0] += 1
            return nil
        }
        guard let record = value as? [String: Any] else { return nil }
        guard let code = fault(of: record) else { return record }
        except("rejected", code, record)
        return nil
    }

    private func depth(_ value: Any) -> Int {
        if let list = value as? [Any] { return 1 + (list.map(depth).max() ?? 0) }
        if let object = value as? [String: Any] { return 1 + (object.values.map(depth).max() ?? 0) }
        return 0
    }

    private func fault(of record: [String: Any]) -> Int? {
        guard let id = record["event_id"] as? String else { return 101 }
        if id.count > 64 { return 105 }
        let type = record["type"] as? String ?? ""
        guard ["click", "conversion", "refund", "chargeback"].contains(type) else { return 104 }
        guard dates.date(record["occurred_at"]) != nil else { return 106 }
        if let quantity = record["quantity"] as? Int, quantity < 1 { return 107 }
        guard type != "click" else { return nil }
        guard !(record["amount_minor"] is String), let amount = record["amount_minor"] as? Double else { return 102 }
        if amount < 0 { return 601 }
        if amount > 1e12 { return 602 }
        let known = programmes.values.map(\.currency)
        return known.contains(record["currency"] as? String ?? "") ? nil : 603
    }

    private mutating func except(_ outcome: String, _ code: Int, _ record: [String: Any]) {
        let id = (record["event_id"] as? String).map { String($0.prefix(64)) } ?? "-"
        counts["exception \(outcome) \(code) \(id)", default: 0] += 1
    }

    // MARK: Decisions

    /// - Parameter decide: takes the event and returns nothing, or says why not.
    private mutating func take(
        _ record: [String: Any], _ bytes: [UInt8],
        _ decide: (inout NaiveRecomputation) -> (outcome: String, code: Int)?
    ) {
        let id = text(record, "event_id")
        if let known = events[id] { return except("duplicate", known == bytes ? 120 : 124, record) }
        guard let date = dates.date(record["occurred_at"]), date <= now.addingTimeInterval(300) else {
            return except("rejected", 103, record)
        }
        guard programmes[text(record, "program_id")] != nil else { return except("rejected", 301, record) }
        if let refusal = decide(&self) { return except(refusal.outcome, refusal.code, record) }
        events[id] = bytes
    }

    private mutating func click(_ record: [String: Any]) -> (outcome: String, code: Int)? {
        let programme = text(record, "program_id")
        let affiliate = text(record, "affiliate_id")
        let key = programme + " " + text(record, "click_id")
        guard clicks[key] == nil, let at = dates.date(record["occurred_at"]) else { return ("duplicate", 122) }
        clicks[key] = (affiliate, at)
        lines.append("event \(text(record, "event_id")) 1 \(affiliate)")
        let currency = programmes[programme]?.currency ?? ""
        add([1, 0, 0, 0, 0, 0], "\(affiliate) \(programme) \(currency)", day(record))
        return nil
    }

    private mutating func order(_ record: [String: Any]) -> (outcome: String, code: Int)? {
        let programme = text(record, "program_id")
        let key = programme + " " + text(record, "order_id")
        guard orders[key] == nil, let terms = programmes[programme] else { return ("duplicate", 121) }
        let click = countingClick(record, terms)
        guard let affiliate = click ?? (record["affiliate_id"] as? String) else { return ("rejected", 201) }
        let currency = text(record, "currency")
        let isTest = record["is_test"] as? Bool ?? false
        let amount = record["amount_minor"] as? Int ?? 0
        let commission = isTest ? 0 : share(amount, terms.basisPoints, of: 10_000)
        orders[key] = Order(
            line: key, programme: programme, affiliate: affiliate, currency: currency, day: day(record), isTest: isTest,
            amount: amount, commission: commission)
        lines.append("event \(text(record, "event_id")) 2 \(affiliate)")
        let source = click == nil ? "direct" : "clicked"
        lines.append("order \(key) \(affiliate) \(amount) \(currency) \(source) \(isTest ? "test" : "real")")
        guard !isTest else { return nil }
        add([0, 1, 0, amount, 0, commission], "\(affiliate) \(programme) \(currency)", day(record))
        balances["\(affiliate) \(currency)", default: 0] += commission
        return nil
    }

    private func countingClick(_ record: [String: Any], _ terms: Programme) -> String? {
        guard let id = record["click_id"] as? String, let click = clicks[text(record, "program_id") + " " + id],
            let at = dates.date(record["occurred_at"]), click.at <= at,
            at <= click.at.addingTimeInterval(Double(terms.windowDays) * 86_400)
        else { return nil }
        return click.affiliate
    }

    private mutating func refund(_ record: [String: Any]) -> (outcome: String, code: Int)? {
        let key = text(record, "program_id") + " " + text(record, "order_id")
        let kind = text(record, "type") == "refund" ? 3 : 4
        guard var order = orders[key] else {
            let named = record["affiliate_id"] as? String ?? "-"
            lines.append("event \(text(record, "event_id")) \(kind) \(named)")
            lines.append("waiting \(text(record, "event_id"))")
            return nil
        }
        guard text(record, "currency") == order.currency else { return ("rejected", 604) }
        let refundID = record["refund_id"] as? String ?? text(record, "event_id")
        guard !refunds.contains(key + " " + refundID) else { return ("duplicate", 123) }
        let amount = record["amount_minor"] as? Int ?? 0
        guard order.refunded + amount <= order.amount else { return ("rejected", 605) }
        refunds.insert(key + " " + refundID)
        order.refunded += amount
        let kept = share(order.commission, order.amount - order.refunded, of: order.amount)
        let reversed = order.isTest ? 0 : order.commission - kept - order.reversed
        order.reversed += reversed
        orders[key] = order
        lines.append("event \(text(record, "event_id")) \(kind) \(order.affiliate)")
        lines.append("refund \(key) \(kind) \(amount) \(reversed)")
        guard !order.isTest else { return nil }
        add([0, 0, 1, 0, amount, -reversed], "\(order.affiliate) \(order.programme) \(order.currency)", order.day)
        balances["\(order.affiliate) \(order.currency)", default: 0] -= reversed
        return nil
    }

    /// Rounded half to even, by Foundation's decimal numbers.
    private func share(_ amount: Int, _ part: Int, of whole: Int) -> Int {
        guard whole > 0 else { return 0 }
        var exact = Decimal(amount) * Decimal(part) / Decimal(whole)
        var rounded = Decimal()
        NSDecimalRound(&rounded, &exact, 0, .bankers)
        return NSDecimalNumber(decimal: rounded).intValue
    }

    private mutating func add(_ sums: Sums, _ key: String, _ day: String) {
        totals[key] = zip(totals[key] ?? Sums(repeating: 0, count: 6), sums).map { $0 + $1 }
        days["\(key) \(day)"] = zip(days["\(key) \(day)"] ?? Sums(repeating: 0, count: 6), sums).map { $0 + $1 }
    }

    private func text(_ record: [String: Any], _ name: String) -> String { record[name] as? String ?? "" }

    private func day(_ record: [String: Any]) -> String { String(text(record, "occurred_at").prefix(10)) }
}

/// Foundation's reading of dates.
private struct NaiveDates {
    private let whole = ISO8601DateFormatter()
    private let fractional = ISO8601DateFormatter()

    init() { fractional.formatOptions = [.withInternetDateTime, .withFractionalSeconds] }

    func date(_ value: Any?) -> Date? {
        guard let text = value as? String else { return nil }
        return text.contains(".") ? fractional.date(from: text) : whole.date(from: text)
    }
}
