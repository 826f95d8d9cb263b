import ArgumentParser
import Domain
import Events
import Foundation
import Postgres
import Storage

struct FXVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fx", abstract: "Records and lists exchange rates.", subcommands: [FXAdd.self, FXList.self])
}

struct FXAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Records what one unit of a currency is worth in another.",
        discussion: "Quotes are never edited: a better one is a later one. One counts for seven days.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "The currency that is priced, as USD.") var base: String
    @Argument(help: "The currency of the price, as EUR.") var quote: String
    @Argument(help: "The price as a decimal number, as 0.9213.") var rate: String
    @Option(help: "Who says so, as ECB.") var source: String
    @Option(help: "When it was said (RFC 3339); now without it.") var quotedAt: String?

    func run() async throws {
        guard let base = Currency(code: base), let quote = Currency(code: quote), base != quote else {
            throw ValidationError("\(base) and \(quote) are not two ISO 4217 codes in use")
        }
        guard let (mantissa, scale) = FXQuote.parse(rate) else {
            throw ValidationError("\(rate) is no decimal number above 0 with at most 12 digits behind the point")
        }
        let moment = quotedAt.map { Timestamp(rfc3339: $0) } ?? systemNow()
        guard let moment else { throw ValidationError("\(quotedAt ?? "") is not an RFC 3339 date and time") }
        let entry = FXQuote(
            quoteID: 0, base: base, quote: quote, mantissa: mantissa, scale: scale, quotedAt: moment)
        let actor = "tributary (\(NSUserName()))"
        try await database.withPool(size: 1) { pool in
            let isNew = try await pool.transaction { [source] transaction throws(PostgresError) in
                try FXQuoteStore.add(entry, source: source, by: actor, in: transaction)
            }
            guard isNew else { throw ValidationError("there is a quote of this pair and moment already") }
            print("1 \(base.code) = \(entry.decimal) \(quote.code) since \(moment.rfc3339), says \(source)")
        }
    }
}

struct FXList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists exchange rates, latest first.")

    @OptionGroup var database: DatabaseOptions
    @Option(help: "How many.") var limit = 50

    func run() async throws {
        try await database.withPool(size: 1) { pool in
            let entries = try await pool.transaction { [limit] transaction throws(PostgresError) in
                try FXQuoteStore.latest(limit: limit, in: transaction)
            }
            let rows = entries.map { entry in
                [
                    entry.quote.quotedAt.rfc3339, "1 \(entry.quote.base.code)",
                    "\(entry.quote.decimal) \(entry.quote.quote.code)", entry.source, entry.recordedBy,
                ]
            }
            print(Table(columns: ["quoted", "of", "is", "source", "recorded by"], rows: rows).text)
        }
    }
}
