import ArgumentParser
import Domain
import Events
import Foundation
import Postgres
import Storage

struct RulesSimulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Says which rule would price a conversion now, and why the others lose.")

    @OptionGroup var database: DatabaseOptions
    @Argument(help: "A conversion's id, or a file with one event as tracking services send it.") var conversion: String

    func run() async throws {
        let id = Identifier(text: conversion)
        let event = id == nil ? try RulesSimulate.event(in: conversion) : nil
        try await database.withPool(size: 1) { pool in
            let result = try await pool.transaction { transaction throws(PostgresError) in
                if let event { return try RuleSimulation.run(event, in: transaction) }
                return try RuleSimulation.run(conversion: id ?? Identifier(0), in: transaction)
            }
            switch result {
            case .success(let simulation): print(simulation.text)
            case .failure(let refusal): throw ValidationError(refusal.sentence)
            }
        }
    }

    private static func event(in path: String) throws -> TrackingEvent {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ValidationError("\(path) is neither an id nor a file that can be read")
        }
        switch TrackingEventReader.read(Array(data)[...]) {
        case .event(let event) where event.kind == .conversion: return event
        case .event(let event): throw ValidationError("a \(event.kind.name) has no price")
        case .rejected(let rejection):
            throw ValidationError("\(rejection.code.rawValue) \(rejection.code.sentence) \(rejection.measured)")
        case .unreadable(let code, let measured):
            throw ValidationError("\(code.rawValue) \(code.sentence) \(measured)")
        case .futureSchema(let major): throw ValidationError("schema major \(major) is newer than this program")
        }
    }
}

extension RuleSimulation {
    fileprivate var text: String {
        let currency = Currency(code: currency)
        let amount = currency.map { Money(minorUnits: amountMinor, currency: $0).decimal } ?? String(amountMinor)
        var lines = ["\(affiliateId) would get \(amount) \(self.currency) in \(programId)"]
        lines += calculation.map { "  \($0)" } + codes.map { "  \($0.code) \($0.sentence)" }
        if let referrer {
            lines.append(
                "  \(referrer.affiliateId) would get \(referrer.amountMinor) minor units by \(referrer.ruleId)")
        }
        lines += ["", "Rules, in the order in which they are asked"]
        lines += rules.map { rule in
            "  \(rule.lost == nil ? "*" : " ") \(rule.ruleId) version \(rule.version): \(rule.lost ?? rule.definition)"
        }
        return lines.joined(separator: "\n")
    }
}

extension RuleSimulation.Refusal {
    fileprivate var sentence: String {
        switch self {
        case .programUnknown: "the programme is not known"
        case .affiliateUnknown: "the affiliate is not known"
        case .conversionUnknown: "there is no such conversion with a commission"
        case .quoteMissing: ReasonCode.quoteMissing.sentence
        case .amountOverflow: ReasonCode.amountOverflow.sentence
        }
    }
}
