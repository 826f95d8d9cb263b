import Domain
import Events
import Storage

/// What leaves without a person looking: settings and programmes, or the limits of one programme with their history.
struct LimitsPage: Sendable {
    struct Setting: Sendable {
        let name: String
        /// Empty: it holds for all.
        let topic: String?
        let label: String
        /// Empty where a topic has none of its own.
        let value: String
        let standard: String
        let bounds: String
        let minimum: String
        let maximum: String
        let changed: String?
    }

    struct Program: Sendable {
        let id: String
        let name: String
        let address: String
        let currency: String
        let minimum: String
        let automatic: String
        let thirtyDays: String
        let daily: String
        let age: String
        let second: String
    }

    /// One field of the form.
    struct Field: Sendable {
        let name: String
        let label: String
        let value: String
        let hint: String
        let isRequired: Bool
    }

    struct Change: Sendable {
        let at: String
        let actor: String
        let what: [String]
    }

    struct One: Sendable {
        let program: Program
        let currency: String
        let entityTag: String
        let fields: [Field]
        let history: [Change]
    }

    let settings: [Setting]
    let programs: [Program]
    /// Empty on the last page, and where one programme is shown.
    let next: String?
    let one: One?
    let canChange: Bool
    let csrfToken: String

    init(settings: [Setting], programs: [Program], next: String?, one: One?, reader: Principal) {
        self.settings = settings
        self.programs = programs
        self.next = next
        self.one = one
        canChange = reader.permissions.contains(.setPayoutLimits)
        csrfToken = reader.session?.csrfToken ?? ""
    }
}

extension LimitsPage {
    /// The amounts of the form, with whether there may be none.
    private static let amounts = [
        ("minimum_payout_minor", "Smallest payout", true),
        ("auto_approve_limit_minor", "One payout without a person, up to", true),
        ("thirty_day_limit_minor", "An affiliate in 30 days without a person, up to", false),
        ("daily_limit_minor", "Everybody in a day without a person, up to", false),
        ("second_approval_limit_minor", "With one person, up to", true),
    ]
    private static let age = "affiliate_age_days"

    /// The form as a change of terms.
    ///
    /// - Returns: nil if a field is no number.
    static func body(of form: Form, in currency: Currency) -> [UInt8]? {
        var members: [(name: String, value: Int64?)] = []
        for (name, _, isRequired) in amounts {
            let minor = form[name].flatMap { currency.minorUnits(decimal: $0) }
            // Nothing was said, or something that is no amount.
            if minor == nil, isRequired || form[name] != nil { return nil }
            members.append((name, minor))
        }
        guard let days = form[age].flatMap({ Int64($0) }) else { return nil }
        members.append((age, days))
        var writer = JSONWriter()
        writer.object { writer in
            for (name, value) in members {
                writer.name(text: name)
                if let value { writer.integer(value) } else { writer.null() }
            }
        }
        return writer.bytes
    }

    fileprivate static func fields(_ terms: ProgramTerms) -> [Field] {
        let values: [Int64?] = [
            terms.minimumPayoutMinor, terms.autoApproveLimitMinor, terms.thirtyDayLimitMinor, terms.dailyLimitMinor,
            terms.secondApprovalLimitMinor,
        ]
        let currency = Currency(code: terms.currency)
        return zip(amounts, values).map { amount, minor in
            Field(
                name: amount.0, label: amount.1,
                value: minor.flatMap { minor in
                    currency.map { Money(minorUnits: minor, currency: $0).decimal }
                } ?? "", hint: amount.2 ? terms.currency : "\(terms.currency); empty: none of its own",
                isRequired: amount.2)
        }
            + [
                Field(
                    name: age, label: "Days that an affiliate must be here to be paid without a person",
                    value: String(terms.affiliateAgeDays), hint: "days", isRequired: true)
            ]
    }
}

extension LimitsPage.Setting {
    init(_ row: SettingStore.Row) {
        name = row.setting.rawValue
        topic = row.topic
        label = row.topic.map { "… in \($0)" } ?? row.setting.label
        value = row.topic != nil && row.changedBy == nil ? "" : String(row.value)
        standard = String(row.standard)
        (minimum, maximum) = (String(row.setting.range.lowerBound), String(row.setting.range.upperBound))
        let usual = Figures.count(row.standard)
        bounds =
            row.topic != nil
            ? "Empty: \(usual), as in all topics"
            : "\(Figures.count(row.setting.range.lowerBound)) to \(Figures.count(row.setting.range.upperBound)), "
                + "usually \(usual)"
        changed = row.changedBy.map { "\($0), \(Figures.moment(row.changedAt?.rfc3339))" }
    }
}

extension LimitsPage.Program {
    init(_ terms: ProgramTerms) {
        func amount(_ minor: Int64?) -> String { minor.map { Figures.amount($0, terms.currency) } ?? "–" }
        id = terms.programId
        name = terms.name
        address = "/console/limits/" + PercentEncoding.encode(terms.programId)
        currency = terms.currency
        minimum = amount(terms.minimumPayoutMinor)
        automatic = amount(terms.autoApproveLimitMinor)
        thirtyDays = amount(terms.thirtyDayLimitMinor)
        daily = amount(terms.dailyLimitMinor)
        age = Figures.count(Int64(terms.affiliateAgeDays))
        second = amount(terms.secondApprovalLimitMinor)
    }
}

extension LimitsPage.One {
    /// - Parameter entityTag: of the terms as they are shown.
    init(_ terms: ProgramTerms, entityTag: String, history: [LimitChangeRow]) {
        program = LimitsPage.Program(terms)
        currency = terms.currency
        self.entityTag = entityTag
        fields = LimitsPage.fields(terms)
        self.history = history.map { row in
            LimitsPage.Change(at: Figures.moment(row.at), actor: row.actor, what: row.changes)
        }
    }
}
