import ArgumentParser
import Domain
import Events
import Foundation
import Postgres
import Storage

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prices the past once more: as it was, or by other rules.",
        discussion: """
            Without --rules every commission is priced with what was recorded for it, and must come out the same to the
            minor unit: exit 0 if all do, else 1 with those that do not. With --rules it prints what each affiliate
            would have earned by the rules of the file. Nothing is written. Caps of proposed rules begin unused at the
            first order of the time span.
            """)

    @OptionGroup var database: DatabaseOptions
    @Option(help: "Orders from this day on (UTC), as 2026-11-01.") var from: DayArgument?
    @Option(help: "Orders before this day.") var to: DayArgument?
    @Option(help: "Orders of this programme only.") var program: String?
    @Option(help: "Rules to try, as `tributary rules export` writes them.") var rules: String?

    /// Commissions that are listed at most.
    private static let listedMaximum = 20

    func run() async throws {
        let first = from?.day.midnight ?? Timestamp(secondsSinceEpoch: 0)
        let last = to?.day.midnight ?? systemNow()
        let file = try rules.map { try RuleFile(path: $0) }
        try await database.withPool(size: 1) { pool in
            guard let file else { return try await reproduce(from: first, to: last, pool) }
            try await tryOut(file, from: first, to: last, pool)
        }
    }

    private func reproduce(from first: Timestamp, to last: Timestamp, _ pool: PostgresPool) async throws {
        let programID = program
        let result = try await pool.transaction(isolation: .repeatableRead) { transaction throws(PostgresError) in
            var result = Reproduction()
            try RecordedPriceStore.replay(from: first, to: last, programID: programID, in: transaction) {
                page throws(PostgresError) in
                try result.take(page, in: transaction)
            }
            return result
        }
        for line in result.differing.prefix(Replay.listedMaximum) { print(line) }
        if result.differing.count > Replay.listedMaximum {
            print("… and \(result.differing.count - Replay.listedMaximum) more")
        }
        print("\(result.priced) commissions priced again, \(result.differing.count) of them differ")
        guard result.differing.isEmpty else { throw ExitCode(1) }
    }

    private func tryOut(
        _ file: RuleFile, from first: Timestamp, to last: Timestamp, _ pool: PostgresPool
    ) async throws {
        guard program == nil || program == file.programID else {
            throw ValidationError("the rules are those of \(file.programID)")
        }
        let result = try await pool.transaction(isolation: .repeatableRead) { transaction throws(PostgresError) in
            try Replay.whatIf(file, from: first, to: last, in: transaction)
        }
        guard let result else { throw ValidationError("there is no programme \(file.programID)") }
        let rows = result.differences.sorted { $0.key < $1.key }.filter { $0.value.changedMinor != 0 }.map {
            key, difference in
            let minors = [difference.recordedMinor, difference.proposedMinor, difference.changedMinor]
            return [key.affiliateID, key.currency.code]
                + minors.map { Money(minorUnits: $0, currency: key.currency).decimal }
        }
        print(Table(columns: ["affiliate", "currency", "recorded", "proposed", "difference"], rows: rows).text)
        for (currency, sum) in Replay.sums(of: result).sorted(by: { $0.key < $1.key }) {
            print("in all \(Money(minorUnits: sum, currency: currency).decimal) \(currency.code)")
        }
        print("\(result.priced) conversions priced, \(result.changed) of them differently; nothing was written")
    }

    private static func sums(of result: WhatIf) -> [Currency: Int64] {
        result.differences.reduce(into: [:]) { $0[$1.key.currency, default: 0] += $1.value.changedMinor }
    }

    /// - Returns: nil if there is no such programme.
    static func whatIf(
        _ file: RuleFile, from first: Timestamp, to last: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) -> WhatIf? {
        guard let program = try TrackingLoad.programs([file.programID], in: transaction)[file.programID] else {
            return nil
        }
        // As if they had always been: a rule without a date is tried on the whole time span.
        let versions = file.wanted.map { wanted in
            RuleVersion(
                ruleID: wanted.ruleID, version: 1, rulesVersion: program.rulesVersion + 1,
                validFrom: wanted.validFrom ?? Timestamp(secondsSinceEpoch: 0), validUntil: wanted.validUntil,
                priority: wanted.priority, terms: wanted.terms)
        }
        let proposed = RuleSet(programID: program.programID, programCurrency: program.currency, versions: versions)
        var whatIf = WhatIf(proposed: proposed)
        var open: [RecordedPriceStore.Entry] = []
        func close() {
            whatIf.take(open.map(\.price), referrerID: open.first { $0.price.tier == 1 }?.referrerID)
            open = []
        }
        try RecordedPriceStore.replay(from: first, to: last, programID: program.programID, in: transaction) { page in
            for entry in page {
                if let last = open.last, last.price.conversionID != entry.price.conversionID { close() }
                open.append(entry)
            }
        }
        close()
        return whatIf
    }
}

/// Commissions that were priced again with what was recorded for them.
private struct Reproduction {
    private struct Known: Hashable {
        let programID: String
        let rulesVersion: Int32
    }

    private var rules: [Known: RuleSet] = [:]
    var priced = 0
    var differing: [String] = []

    mutating func take(
        _ page: [RecordedPriceStore.Entry], in transaction: borrowing Transaction
    ) throws(PostgresError) {
        for entry in page {
            let known = Known(programID: entry.programID, rulesVersion: entry.price.rulesVersion)
            if rules[known] == nil {
                rules[known] =
                    try RuleStore.ruleSets(
                        of: [known.programID], knownUpTo: [known.rulesVersion], in: transaction)[known.programID]
            }
            priced += 1
            let price = rules[known]?.reprice(entry.price)
            guard !entry.price.agrees(with: price) else { continue }
            let was = "\(entry.price.amountMinor) by \(entry.price.ruleID ?? "no rule")"
            let now = price.map { "\($0.amountMinor) by \($0.rule?.ruleID ?? "no rule")" } ?? "nothing"
            differing.append("\(entry.price.commissionID): was \(was), comes out as \(now)")
        }
    }
}
