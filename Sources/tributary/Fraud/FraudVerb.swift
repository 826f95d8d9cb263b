import ArgumentParser
import Domain
import Foundation
import Postgres
import Storage

struct FraudVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fraud",
        abstract: "Learns versions of the fraud model from decisions, compares and promotes them.",
        subcommands: [FraudModels.self, FraudLearn.self, FraudCompare.self, FraudPromote.self],
        defaultSubcommand: FraudModels.self)

    static var actor: String { "tributary (\(NSUserName()))" }
}

struct FraudModels: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "models", abstract: "Lists the versions.")

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let versions = try await database.withPool(size: 1) { pool in
            try await pool.transaction { transaction throws(PostgresError) in
                try FraudModelStore.all(in: transaction)
            }
        }
        let isStandard = !versions.contains { $0.status == "active" }
        let rows = versions.map { version in
            ["\(version.id)", version.status, "\(version.examples)", version.madeBy, version.madeAt.rfc3339]
        }
        let standard = [FraudModel.standard.version, isStandard ? "active" : "retired", "", "standard", ""]
        print(Table(columns: ["version", "status", "decisions", "made by", "made at"], rows: rows + [standard]).text)
    }
}

struct FraudLearn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learn", abstract: "Makes a version of what was decided.",
        discussion: "It judges nothing until it is promoted; compare it before.")

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let learnt = try await database.withPool(size: 1) { pool in
            try await pool.transaction { transaction throws(PostgresError) in
                try FraudModelStore.learn(by: FraudVerb.actor, at: systemNow(), in: transaction)
            }
        }
        guard let learnt else { throw ValidationError("nothing was decided yet") }
        print("version \(learnt.id) learnt from \(learnt.examples) decisions; compare it, then promote it")
    }
}

struct FraudCompare: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Shows what a version would have said of kept days, beside who judges.",
        discussion: """
            First what the version said silently when the days were judged: the newest that never judged does. Then \
            what it says of all kept days, by what each alone shows, without the suspicion of the days before.
            """)

    /// Differences that are listed one by one, the largest first.
    private static let shownMaximum = 20

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The version's number.") var version: Int64
    @Option(help: "Days back from today.") var days: Int32 = 400

    func run() async throws {
        let since = systemNow().day - days
        let (active, versions, seen) = try await database.withPool(size: 1) { pool in
            try await pool.transaction { transaction throws(PostgresError) in
                (
                    try FraudModelStore.active(in: transaction), try FraudModelStore.all(in: transaction),
                    try FraudModelStore.seen(since: since, in: transaction)
                )
            }
        }
        guard let other = versions.first(where: { $0.id == version })?.model else {
            throw ValidationError("there is no version \(version); `tributary fraud models` lists them")
        }
        let besides = try await database.withPool(size: 1) { pool in
            try await pool.transaction { transaction throws(PostgresError) in
                try FraudModelStore.besides(other, since: since, in: transaction)
            }
        }
        show(besides)
        let pairs = seen.map { (row: $0, old: active.probability($0.features), new: other.probability($0.features)) }
        func counted(_ probabilities: [Double]) -> [String] {
            let verdicts = probabilities.map { FraudVerdict(ofConversion: $0) }
            return FraudVerdict.allCases.map { verdict in "\(verdicts.filter { $0 == verdict }.count)" }
        }
        print(
            Table(
                columns: ["model"] + FraudVerdict.allCases.map(\.rawValue),
                rows: [
                    [active.version] + counted(pairs.map(\.old)), [other.version] + counted(pairs.map(\.new)),
                ]
            ).text)
        let changed = pairs.filter { FraudVerdict(ofConversion: $0.old) != FraudVerdict(ofConversion: $0.new) }
        print("\n\(changed.count) of \(pairs.count) affiliate-days change their verdict")
        let largest = changed.sorted { abs($0.new - $0.old) > abs($1.new - $1.old) }.prefix(FraudCompare.shownMaximum)
        guard !largest.isEmpty else { return }
        let rows = largest.map { pair in
            [
                pair.row.affiliateID, CivilDate(daysSinceEpoch: pair.row.day).text, decimal(pair.old, places: 3),
                decimal(pair.new, places: 3),
            ]
        }
        print(Table(columns: ["affiliate", "day", active.version, other.version], rows: rows).text)
    }
    private func show(_ besides: [FraudModelStore.Beside]) {
        guard !besides.isEmpty else { return print("it was silent: no day was judged beside it\n") }
        let rows = FraudVerdict.allCases.map { verdict in
            [verdict.rawValue]
                + FraudVerdict.allCases.map { other in
                    "\(besides.filter { $0.verdict == verdict && $0.candidateVerdict == other }.count)"
                }
        }
        print("\(besides.count) affiliate-days were judged beside it; rows as judged, columns as it would have")
        print(Table(columns: ["judged"] + FraudVerdict.allCases.map(\.rawValue), rows: rows).text)
        let changed = besides.filter { $0.verdict != $0.candidateVerdict }.sorted {
            abs($0.candidateProbability - $0.probability) > abs($1.candidateProbability - $1.probability)
        }
        if !changed.isEmpty {
            let rows = changed.prefix(FraudCompare.shownMaximum).map { beside in
                [
                    beside.affiliateID, CivilDate(daysSinceEpoch: beside.day).text,
                    "\(beside.verdict.rawValue) \(decimal(beside.probability, places: 3))",
                    "\(beside.candidateVerdict.rawValue) \(decimal(beside.candidateProbability, places: 3))",
                ]
            }
            print(Table(columns: ["affiliate", "day", "judged", "would have"], rows: rows).text)
        }
        print("")
    }
}

struct FraudPromote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "Lets a version judge, or an earlier one again.",
        discussion: "Days that are still open are judged again by it. What is sealed stays as it was said.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The version's number, or standard.") var version: String

    func run() async throws {
        let id = Int64(version)
        guard id != nil || version == "standard" else {
            throw ValidationError("\(version) is neither the number of a version nor standard")
        }
        let promotion = try await database.withPool(size: 1) { pool in
            try await pool.transaction { transaction throws(PostgresError) in
                try FraudModelStore.promote(id, by: FraudVerb.actor, at: systemNow(), in: transaction)
            }
        }
        switch promotion {
        case .done: print("version \(version) judges from now on")
        case .activeAlready: print("version \(version) judges already")
        case .notFound: throw ValidationError("there is no version \(version); `tributary fraud models` lists them")
        }
    }
}
