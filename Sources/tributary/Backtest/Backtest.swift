import ArgumentParser
import Domain
import Events
import Foundation

struct Backtest: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Judges the past again from a file of events: fraud, or the ranking of affiliates.",
        discussion: """
            The same engine that judges in the fleet, without a database: programmes and affiliates are taken as they \
            appear. Lines that are no event are counted and reported, and nothing else.
            """,
        subcommands: [
            Fraud.self, Ranking.self, Train.self, Evaluate.self, EvaluateRanking.self, Calibration.self, Features.self,
            Make.self,
        ])
}

extension Backtest {
    struct Fraud: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Scores every affiliate on every day with an event, by what was known at the end of that day.",
            discussion: """
                A score is the probability of fraud, a verdict one of clear, review and hold, a day that of UTC; \
                top_reason begins with the code that GET /reason-codes of the console explains. Programmes and \
                affiliates need no file; with one the judgement is better.

                  tributary backtest fraud --events events.jsonl --scores scores.csv --programs programs.json
                """)

        @Option(help: "The events, one JSON object a line, in any order.") var events: String
        @Option(help: "Where affiliate_id,day,score,verdict,top_reason go.") var scores: String
        @Option(help: "Where event_id,score,codes of every conversion go, each by its past alone.")
        var eventsScores: String?
        @Option(help: "What admins decided: affiliate_id,day,confirmed (1 or 0) a line, learnt from as time passes.")
        var decisions: String?
        @OptionGroup var context: ContextOptions

        func run() throws {
            let prefixes = try context.dataCentres()
            let known = try context.context()
            var file = EventFile(reading: FraudEventReading(dataCentres: prefixes))
            try file.read(events)
            file.report(path: events)
            var output = try CSVFile(path: scores, header: ["affiliate_id", "day", "score", "verdict", "top_reason"])
            let decided = try decisions.map(DecisionFile.init)
            if let unread = decided?.unread, unread > 0 { complain("\(unread) decisions could not be read") }
            var backtest = FraudBacktest(file.days, known, decisions: decided?.decisions ?? [:])
            if let eventsScores {
                var conversions = try CSVFile(path: eventsScores, header: ["event_id", "score", "codes"])
                try backtest.run { day, judgements, scores in
                    try write(judgements, on: day, file.affiliates, to: &output)
                    for score in scores {
                        let codes = score.signals.map { String($0.code.rawValue) }.joined(separator: " ")
                        try conversions.write([file.conversions[score.event] ?? "", decimal(score.probability), codes])
                    }
                }
                try conversions.flush()
            } else {
                try backtest.run { day, judgements, _ in
                    try write(judgements, on: day, file.affiliates, to: &output)
                }
            }
            try output.flush()
        }

        private func write(
            _ judgements: [FraudJudgement], on day: Int32, _ names: [UInt64: String], to output: inout CSVFile
        ) throws {
            let date = CivilDate(daysSinceEpoch: day).text
            let named = judgements.compactMap { judgement in
                names[judgement.affiliate].map { (name: $0, judgement: judgement) }
            }
            for (name, judgement) in named.sorted(by: { $0.name < $1.name }) {
                let reason = judgement.reasons.first.map {
                    "\($0.finding.signal.code.rawValue): \($0.finding.sentence)"
                }
                try output.write([
                    name, date, decimal(judgement.probability), judgement.verdict.rawValue, reason ?? "",
                ])
            }
        }
    }
}
