import ArgumentParser
import Domain
import Foundation
import Postgres
import Storage

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says where a commission comes from, or what a ledger transaction was recorded for.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The commission's id; with --ledger the transaction's.") var id: String
    @Flag(help: "The id is that of a ledger transaction.") var ledger = false

    func run() async throws {
        guard let identifier = Identifier(text: id) else { throw ValidationError("\(id) is no id") }
        try await database.withPool(size: 1) { pool in
            let text = try await pool.transaction { [ledger] transaction throws(PostgresError) -> String? in
                if ledger {
                    return try LedgerExplanation.load([identifier], in: transaction).first?.text
                }
                return try CommissionExplanation.load(identifier, in: transaction)?.text
            }
            guard let text else {
                throw ValidationError("there is no \(ledger ? "ledger transaction" : "commission") \(id)")
            }
            print(text)
        }
    }
}

extension CommissionExplanation {
    /// A paragraph for each question.
    var text: String {
        var lines = [
            "Commission \(commissionId)\(tier == 2 ? ", second tier" : "") of \(affiliateId) in \(programId)",
            "  \(money(amountMinor)), of it \(money(reversedMinor)) taken back; \(status)"
                + (isSuperseded ? ", another is in its place" : ""),
            "  payable from \(payableFrom)" + (payoutId.map { ", in payout \($0)" } ?? ""), "", "Where from",
            "  order \(orderId ?? "without an id"): \(source.text)",
            "  counts by \(attribution.decidedBy)"
                + (attribution.clickId.map { ", click \($0)" } ?? "")
                + (attribution.coupon.map { ", coupon \($0)" } ?? ""),
        ]
        if let click = attribution.click { lines.append("  click \(attribution.clickId ?? ""): \(click.text)") }
        lines += attribution.signals.map { "  \($0.code) \($0.sentence)" }
        lines += ["", "How much"] + calculation.map { "  \($0)" } + codes.map { "  \($0.code) \($0.sentence)" }
        lines += parts.map { "  \($0.sku ?? "an item without a sku"): \(money($0.amountMinor))" }
        lines += ["", "Which rule"]
        lines += rules.map { rule in
            let outcome = rule.lost ?? "priced the order. \(rule.definition)"
            return "  \(rule.lost == nil ? "*" : " ") \(rule.ruleId) version \(rule.version): \(outcome)"
        }
        if !refunds.isEmpty { lines += ["", "What came back"] }
        lines += refunds.map { refund in
            let fate = refund.isReversed ? ", did not happen after all" : ""
            return "  \(refund.kind) of \(refund.amountMinor) minor units: \(refund.source.text)\(fate)"
        }
        if !history.isEmpty { lines += ["", "What became of it"] }
        lines += history.map { change in
            let amount = change.reversedMinor == 0 ? "" : ", \(money(change.reversedMinor)) taken back"
            return "  \(change.at) \(change.from) → \(change.to)\(amount), by \(change.actor): \(change.reason)"
        }
        lines += corrections.map { text($0) }
        if !ledger.isEmpty { lines += ["", "In the ledger"] }
        return (lines + ledger.map { $0.text }).joined(separator: "\n")
    }

    private func text(_ correction: Correction) -> String {
        let head = "  \(correction.at) \(correction.kind), by \(correction.actor): "
        guard let reason = correction.reason, let before = correction.beforeMinor, let after = correction.afterMinor
        else { return head + "from \(correction.from) to \(correction.to), commission \(correction.commissionId)" }
        return head + "\(reason), from \(money(before)) to \(money(after)) by change "
            + "\(correction.rulesVersion ?? 0) of the rules, commission \(correction.commissionId)"
    }

    private func money(_ minorUnits: Int64) -> String {
        let decimal = Currency(code: currency).map { Money(minorUnits: minorUnits, currency: $0).decimal }
        return "\(decimal ?? String(minorUnits)) \(currency)"
    }
}

extension CommissionExplanation.Source {
    fileprivate var text: String {
        let place = partition.flatMap { partition in offset.map { "\(topic)/\(partition) offset \($0)" } }
        return "\(eventId.map { "event \($0), " } ?? "")\(place ?? topic), occurred \(occurredAt)"
    }
}

extension LedgerExplanation {
    var text: String {
        let head = "  \(recordedAt) \(kind) \(transactionId) (\(key))"
        let lines = postings.map { line in
            let currency = Currency(code: line.currency)
            let decimal = currency.map { Money(minorUnits: line.amountMinor, currency: $0).decimal }
            return "    \(line.debit) ← \(line.credit) \(decimal ?? String(line.amountMinor)) \(line.currency)"
                + (line.affiliateId.isEmpty ? "" : " of \(line.affiliateId)")
        }
        let shown = commissionIds.prefix(5)
        let rest = commissionIds.count > shown.count ? " and \(commissionIds.count - shown.count) more" : ""
        let causes = shown.isEmpty ? [] : ["    for \(shown.joined(separator: ", "))\(rest)"]
        return ([head] + lines + causes).joined(separator: "\n")
    }
}
