import Domain
import Events
import Storage

/// Rules as people read them, in the order in which they are asked.
struct RuleView: Sendable {
    let place: String
    let id: String
    let version: String
    let priority: String
    let action: String
    let conditions: [String]
    let caps: [String]
    /// In force, superseded, ended; or for an order: won, lost.
    let state: StateLabel
    /// Why a rule lost, or when a version counts.
    let note: String
    let definition: String

    /// A rule in the contest for an order.
    ///
    /// - Parameter currency: the programme's.
    init(_ rule: CommissionExplanation.Rule, place: Int, _ currency: Currency?) {
        self.init(
            place: place, id: rule.ruleId, version: rule.version, priority: rule.priority,
            definition: rule.definition, currency,
            state: rule.lost == nil ? StateLabel("Priced it", tone: .good) : StateLabel("Lost", tone: .moving),
            note: rule.lost ?? "The first of the rules that is for the order.")
    }

    /// A version of a programme's rule, as it stands at a moment.
    init(_ rule: RuleVersion, place: Int, _ currency: Currency, among all: [RuleVersion], at now: Timestamp) {
        let isSuperseded = all.contains {
            $0.ruleID == rule.ruleID && $0.version > rule.version && $0.validFrom <= now
        }
        let state: StateLabel =
            if rule.hasEnded(at: now) {
                StateLabel("Ended", tone: .bad)
            } else if isSuperseded {
                StateLabel("Superseded", tone: .moving)
            } else if rule.validFrom > now {
                StateLabel("To come", tone: .waiting)
            } else {
                StateLabel("In force", tone: .good)
            }
        let from = rule.validFrom.microsecondsSinceEpoch == 0 ? "Always" : "From " + RuleView.day(rule.validFrom)
        let until = rule.validUntil.map { " until " + RuleView.day($0) } ?? ""
        self.init(
            place: place, id: rule.ruleID, version: rule.version, priority: rule.priority,
            definition: rule.terms.json, currency, state: state, note: from + until)
    }

    private init(
        place: Int, id: String, version: Int32, priority: Int32, definition: String, _ currency: Currency?,
        state: StateLabel, note: String
    ) {
        self.place = String(place)
        self.id = id
        self.version = String(version)
        self.priority = String(priority)
        self.state = state
        self.note = note
        self.definition = definition
        // What the database holds was written by us; if it cannot be read, the definition itself is shown.
        let terms = JSONTree(Array(definition.utf8)[...]).flatMap { try? RuleDefinition.terms($0) }
        guard let terms, let currency else {
            (action, conditions, caps) = ("", [], [])
            return
        }
        action = RuleNarrative.action(terms, in: currency)
        conditions = RuleNarrative.conditions(terms, in: currency)
        caps = RuleNarrative.caps(terms, in: currency)
    }

    private static func day(_ moment: Timestamp) -> String { Figures.moment(moment.rfc3339) }

    static func contest(_ rules: [CommissionExplanation.Rule], _ currency: Currency?) -> [RuleView] {
        rules.enumerated().map { RuleView($0.element, place: $0.offset + 1, currency) }
    }
}
