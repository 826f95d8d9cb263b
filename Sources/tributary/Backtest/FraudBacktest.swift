import Domain

/// Judges the days of a file one after the other, each by what was known at its end.
struct FraudBacktest {
    private(set) var book = FraudBook()
    private var days: FraudDays
    private let context: FraudContext
    private var model: FraudModel
    private var learning: DecisionLearning
    /// By the day on which they were made; they count from the next.
    private let decisions: [Int32: [FraudDecision]]

    init(
        _ days: FraudDays, _ context: FraudContext, _ model: FraudModel = .standard,
        decisions: [Int32: [FraudDecision]] = [:]
    ) {
        learning = DecisionLearning(model)
        self.decisions = decisions
        self.days = days
        self.context = context
        self.model = model
    }

    /// Visits the days in order, up to `last`.
    mutating func run(
        through last: Int32 = .max,
        _ visit: (_ day: Int32, _ judgements: [FraudJudgement], _ conversions: [ConversionScore]) throws -> Void
    ) rethrows {
        var waiting = decisions.sorted { $0.key < $1.key }[...]
        for day in days.list where day <= last {
            let events = days.close(day)
            let conversions = book.close(day, events, context, model)
            let judgements = book.judge(model)
            try visit(day, judgements, conversions)
            guard !decisions.isEmpty else { continue }
            for judgement in judgements { learning.see(judgement.features, of: judgement.affiliate, on: day) }
            // A day on which only people did something has no events.
            let decided = waiting.prefix { $0.key <= day }.flatMap(\.value)
            guard !decided.isEmpty else { continue }
            waiting = waiting.drop { $0.key <= day }
            for decision in decided {
                if let features = book.decide(decision) { learning.learn(decision, features) }
            }
            model = learning.model
        }
    }
}
