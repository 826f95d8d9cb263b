import ArgumentParser
import Domain
import Events
import Foundation
import Postgres
import Storage

struct RetentionVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "Shows and changes how long events, clicks, sent messages and notifications are kept.",
        subcommands: [RetentionShow.self, RetentionSet.self, RetentionApply.self], defaultSubcommand: RetentionShow.self
    )
}

struct RetentionShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Lists the policies and the months that are there.")

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let (policies, months) = try await database.withPool(size: 1) { pool in
            try await pool.transaction { transaction throws(PostgresError) in
                (try RetentionPolicyStore.all(in: transaction), try MonthStore.all(in: transaction))
            }
        }
        let kept = RetentionPolicyStore.Subject.allCases.map { [$0.rawValue, "\(policies[$0] ?? 0) days"] }
        print(Table(columns: ["of", "is kept"], rows: kept).text)
        let rows = months.map { month in
            [
                month.name, month.estimatedRows.map { "\($0)" } ?? "not analysed", "\(month.sizeBytes >> 10) KiB",
                String(month.dueAt.rfc3339.prefix(10)),
            ]
        }
        print("\n" + Table(columns: ["month", "rows, about", "size", "goes on"], rows: rows).text)
    }
}

struct RetentionSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Changes a policy.",
        discussion: "Scorers drop within the hour what a shorter policy no longer keeps. There is no way back.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "event, click, outbox or notification.") var subject: String
    @Argument(help: "Days behind the end of an event's or click's month, or behind what was sent or told.")
    var keepDays: Int32

    func run() async throws {
        guard let subject = RetentionPolicyStore.Subject(rawValue: subject) else {
            throw ValidationError("\(subject) is none of event, click, outbox, notification")
        }
        let actor = "tributary (\(NSUserName()))"
        let refusal = try await database.withPool(size: 1) { [keepDays] pool in
            try await pool.transaction { transaction throws(PostgresError) in
                try RetentionPolicyStore.set(subject, keepDays: keepDays, by: actor, in: transaction)
            }
        }
        switch refusal {
        case nil: print("\(subject.rawValue) is kept for \(keepDays) days")
        case .outOfRange:
            let range = RetentionPolicyStore.keepDaysRange
            throw ValidationError("\(keepDays) is not from \(range.lowerBound) to \(range.upperBound) days")
        case .shorterThanAttribution(let days):
            throw ValidationError(
                "conversions may name a click for \(days) days, the longest window and the wait for late ones, "
                    + "so clicks are kept at least as long, not \(keepDays) days")
        }
    }
}

struct RetentionApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Does now what scorers do every hour.",
        discussion: """
            Makes the months ahead, drops those that are past their policy, forgets what was sent or told long ago.
            """)

    @OptionGroup var database: DatabaseOptions

    func run() async throws {
        let run = try await database.withPool(size: 1) { pool in try await RetentionRun.once(on: pool, at: systemNow())
        }
        for (name, rows) in run.dropped { print("\(name) dropped, \(rows) rows") }
        print(
            "months dropped: \(run.dropped.count), messages forgotten: \(run.prunedMessages), "
                + "notifications: \(run.prunedNotifications)")
    }
}
