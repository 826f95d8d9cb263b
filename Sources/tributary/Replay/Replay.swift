import ArgumentParser
import Domain
import Events
import Foundation
import Postgres
import Stages
import Storage

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prices the past once more: as it was, or by other rules.",
        discussion: """
            Without --rules every commission is priced with what was recorded for it, and must come out the same to the
            minor unit: exit 0 if all do, else 1 with those that do not. With --rules it prints what each affiliate
            would have earned by the rules of the file, before refunds, and writes nothing. Caps have left what orders
            outside the time span left.

            With --accept it becomes true: old commissions are taken back, new ones recorded, in the open period, in
            the ledger and in the audit log. The rules of the file price orders of the time span from then on, those
            that come later too, and no others. --expect is what the dry run printed: if anything would come out
            otherwise since, nothing is done. A second time changes nothing; after a crash it goes on.
            """)

    @OptionGroup var database: DatabaseOptions
    @Option(help: "Orders from this day on (UTC), as 2026-11-01.") var from: DayArgument?
    @Option(help: "Orders before this day.") var to: DayArgument?
    @Option(help: "Orders of this programme only.") var program: String?
    @Option(help: "Rules to try, as `tributary rules export` writes them.") var rules: String?
    @Flag(help: "Correct the orders as the rules of the file say.") var accept = false
    @Option(help: "What the dry run printed for it.") var expect: String?
    @Option(help: "Why it is accepted.") var reason: String?

    /// Commissions that are listed at most.
    private static let listedMaximum = 20

    func run() async throws {
        let first = from?.day.midnight ?? Timestamp(secondsSinceEpoch: 0)
        let last = to?.day.midnight ?? systemNow()
        guard first < last else { throw ValidationError("the time span is empty") }
        let file = try rules.map { try RuleFile(path: $0) }
        try await database.withPool(size: 1) { pool in
            guard let file else {
                guard !accept else { throw ValidationError("--accept needs --rules") }
                return try await reproduce(from: first, to: last, pool)
            }
            guard program == nil || program == file.programID else {
                throw ValidationError("the rules are those of \(file.programID)")
            }
            let trial = RuleTrial(programID: file.programID, wanted: file.wanted, span: first..<last)
            try await accept ? accept(trial, pool) : tryOut(trial, pool)
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

    private func tryOut(_ trial: RuleTrial, _ pool: PostgresPool) async throws {
        let answer = try await pool.transaction(isolation: .repeatableRead) { transaction throws(PostgresError) in
            try trial.tryOut(in: transaction)
        }
        let result: RuleTrial.Result
        switch answer {
        case .failure(let refusal): throw ValidationError(refusal.sentence)
        case .success(let tried): result = tried
        }
        print(result.whatIf.text)
        guard result.whatIf.changed > 0 else { return }
        print(
            to == nil
                ? "To accept it, say with --to up to which day."
                : "To accept it: the same with --accept --expect \(result.digest) --reason TEXT")
    }

    private func accept(_ trial: RuleTrial, _ pool: PostgresPool) async throws {
        guard to != nil, trial.span.upperBound <= systemNow() else {
            throw ValidationError("what is accepted needs --to, a day that is not to come")
        }
        guard let digest = expect.flatMap({ Identifier(text: $0) }) else {
            throw ValidationError("--accept needs --expect with what the dry run printed")
        }
        guard let reason, !reason.isEmpty else { throw ValidationError("--accept needs --reason") }
        try await finish(trial.programID, pool)
        let acceptance = RuleAcceptance(
            trial: trial, digest: digest, reason: reason, actor: "tributary (\(NSUserName()))")
        let outcome = try await pool.transaction { transaction throws(PostgresError) in
            try acceptance.accept(at: systemNow(), in: transaction)
        }
        switch outcome {
        case .accepted(let accepted):
            print("accepted: correction \(accepted.ruleCorrectionID) of \(accepted.orders) orders")
            try await finish(trial.programID, pool)
        case .known(let accepted):
            print(
                "accepted before, as correction \(accepted.ruleCorrectionID), by \(accepted.acceptedBy) on "
                    + "\(accepted.acceptedAt.rfc3339): \(accepted.reason)")
        case .differs(let digest):
            throw ValidationError("what would be accepted is not what was seen, but \(digest): look at it again")
        case .tooMany(let orders):
            throw ValidationError(
                "\(orders) orders are more than \(RuleAcceptance.ordersMaximum): accept shorter time spans")
        case .empty: print("nobody would be paid otherwise: nothing to accept")
        case .refused(let refusal): throw ValidationError(refusal.sentence)
        }
    }

    /// Corrects what was accepted and still waits, as after a crash.
    private func finish(_ programID: String, _ pool: PostgresPool) async throws {
        let unfinished = try await pool.transaction { transaction throws(PostgresError) in
            try RuleCorrectionStore.accepted(of: programID, digest: nil, in: transaction)
        }
        for accepted in unfinished {
            let count = try await RuleAcceptance.finish(accepted, on: pool, clock: systemNow)
            let overtaken =
                count.overtaken == 0 ? "" : "; \(count.overtaken) were corrected by something else meanwhile and stay"
            print("correction \(accepted.ruleCorrectionID): \(count.corrected) orders corrected\(overtaken)")
        }
    }
}

extension WhatIf {
    /// A line for each affiliate whose money would change.
    fileprivate var text: String {
        let rows = differences.sorted { $0.key < $1.key }.filter { $0.value.changedMinor != 0 }.map {
            key, difference in
            let minors = [difference.recordedMinor, difference.proposedMinor, difference.changedMinor]
            return [key.affiliateID, key.currency.code]
                + minors.map { Money(minorUnits: $0, currency: key.currency).decimal }
        }
        let table = Table(columns: ["affiliate", "currency", "recorded", "proposed", "difference"], rows: rows).text
        let sums = differences.reduce(into: [Currency: Int64]()) {
            $0[$1.key.currency, default: 0] += $1.value.changedMinor
        }
        let totals = sums.sorted { $0.key < $1.key }.map {
            "in all \(Money(minorUnits: $0.value, currency: $0.key).decimal) \($0.key.code)"
        }
        let count = "\(priced) conversions priced, \(changed) of them differently; nothing was written"
        return ([table] + totals + [count]).joined(separator: "\n")
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
