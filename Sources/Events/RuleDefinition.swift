public import Domain

/// Why a rule's definition cannot be read.
public struct RuleDefinitionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The member, as in `action.tiers[1].percent`.
    public let field: String
    public let problem: String

    public var description: String { "\(field): \(problem)" }
}

/// The JSON of a rule: conditions, action, currency, caps. The database, the API and rule files have the same.
public enum RuleDefinition {
    /// Minor units that a fixed amount may have; times the pieces of the largest order it is still a commission.
    public static let amountMinorMaximum: Int64 = 1_000_000_000
    /// Values of one condition.
    public static let valuesMaximum = 1_000
    /// Tiers or caps of one rule.
    public static let stepsMaximum = 50

    /// - Throws: for the first member that is missing, unknown, of another type or out of its limits.
    public static func terms(_ tree: JSONTree) throws(RuleDefinitionError) -> RuleTerms {
        let definition = try Members(tree, at: "rule", known: ["conditions", "action", "currency", "caps"])
        guard let action = definition["action"] else {
            throw RuleDefinitionError(field: "action", problem: "is missing")
        }
        return RuleTerms(
            conditions: try definition["conditions"].map(conditions) ?? RuleConditions(),
            action: try self.action(action),
            currency: try currency(definition["currency"]), caps: try caps(definition["caps"]))
    }

    private static func currency(_ tree: JSONTree?) throws(RuleDefinitionError) -> Currency? {
        guard let tree else { return nil }
        guard let code = tree.string, let currency = Currency(code: code) else {
            throw RuleDefinitionError(field: "currency", problem: "is not an ISO 4217 code in use")
        }
        return currency
    }

    private static func conditions(_ tree: JSONTree) throws(RuleDefinitionError) -> RuleConditions {
        let members = try Members(tree, at: "conditions", known: RuleCondition.allCases.map(\.rawValue))
        var conditions = RuleConditions()
        conditions.affiliates = try members.texts(.affiliates)
        conditions.groups = try members.texts(.groups)
        conditions.countries = try members.texts(.countries)
        conditions.skus = try members.texts(.skus)
        conditions.categories = try members.texts(.categories)
        conditions.coupons = try members.texts(.coupons)
        conditions.subIDs = try members.texts(.subIDs)
        if let value = members[RuleCondition.newCustomer.rawValue] {
            guard let flag = value.bool else {
                throw RuleDefinitionError(field: "conditions.new_customer", problem: "is neither true nor false")
            }
            conditions.newCustomer = flag
        }
        if let value = members[RuleCondition.minimumOrder.rawValue] {
            conditions.minimumOrderMinor = try number(
                value, at: "conditions.minimum_order_minor", 0...TrackingEvent.amountMinorMaximum)
        }
        return conditions
    }

    private static func action(_ tree: JSONTree) throws(RuleDefinitionError) -> RuleAction {
        let known = ["percent", "fixed", "per_item", "tiers", "recurring", "second_tier"]
        let members = try Members(tree, at: "action", known: known)
        guard members.all.count == 1, let (name, value) = members.all.first else {
            throw RuleDefinitionError(
                field: "action", problem: "has not exactly one of \(known.joined(separator: ", "))")
        }
        switch name {
        case "percent": return .percent(try rate(value, at: "action.percent"))
        case "fixed": return .fixed(try number(value, at: "action.fixed", 0...amountMinorMaximum))
        case "per_item": return .perItem(try number(value, at: "action.per_item", 0...amountMinorMaximum))
        case "tiers": return .tiered(try tiers(value))
        case "recurring":
            let recurring = try Members(value, at: "action.recurring", known: ["percent", "months"])
            let months = try recurring["months"].map { value throws(RuleDefinitionError) in
                Int32(try number(value, at: "action.recurring.months", 1...1_200))
            }
            return .recurring(try rate(recurring["percent"], at: "action.recurring.percent"), months: months)
        default: return .secondTier(try rate(value, at: "action.second_tier"))
        }
    }

    private static func tiers(_ tree: JSONTree) throws(RuleDefinitionError) -> [RuleTier] {
        guard let list = tree.array, (1...stepsMaximum).contains(list.count) else {
            throw RuleDefinitionError(field: "action.tiers", problem: "is not a list of 1 to \(stepsMaximum) tiers")
        }
        var tiers: [RuleTier] = []
        for (index, element) in list.enumerated() {
            let field = "action.tiers[\(index)]"
            let members = try Members(element, at: field, known: ["from_minor", "percent"])
            let from = try number(members["from_minor"], at: "\(field).from_minor", 0...Int64.max)
            guard from > tiers.last?.fromMinor ?? -1, index > 0 || from == 0 else {
                throw RuleDefinitionError(field: "\(field).from_minor", problem: "tiers do not ascend from 0")
            }
            tiers.append(RuleTier(fromMinor: from, rate: try rate(members["percent"], at: "\(field).percent")))
        }
        return tiers
    }

    private static func caps(_ tree: JSONTree?) throws(RuleDefinitionError) -> [RuleCap] {
        guard let tree else { return [] }
        guard let list = tree.array, list.count <= stepsMaximum else {
            throw RuleDefinitionError(field: "caps", problem: "is not a list of at most \(stepsMaximum) caps")
        }
        var caps: [RuleCap] = []
        for (index, element) in list.enumerated() {
            let field = "caps[\(index)]"
            let members = try Members(element, at: field, known: ["scope", "period", "limit_minor"])
            guard let scope = members["scope"]?.string.flatMap(RuleCap.Scope.init(rawValue:)) else {
                throw RuleDefinitionError(field: "\(field).scope", problem: "is neither program nor affiliate")
            }
            guard let period = members["period"]?.string.flatMap(CalendarPeriod.init(rawValue:)) else {
                throw RuleDefinitionError(field: "\(field).period", problem: "is none of day, week, month, total")
            }
            let limit = try number(members["limit_minor"], at: "\(field).limit_minor", 0...ExactAmount.minorMaximum)
            caps.append(RuleCap(scope: scope, period: period, limitMinor: limit))
        }
        return caps
    }

    private static func rate(_ tree: JSONTree?, at field: String) throws(RuleDefinitionError) -> BasisPoints {
        BasisPoints(Int32(try number(tree, at: field, 0...10_000)))
    }

    private static func number(
        _ tree: JSONTree?, at field: String, _ range: ClosedRange<Int64>
    ) throws(RuleDefinitionError) -> Int64 {
        guard let number = tree?.integer, range.contains(number) else {
            throw RuleDefinitionError(
                field: field, problem: "is not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

/// The members of an object, none of them unknown.
private struct Members {
    let all: [String: JSONTree]
    private let field: String

    init(_ tree: JSONTree, at field: String, known: [String]) throws(RuleDefinitionError) {
        guard case .object(let members) = tree else { throw RuleDefinitionError(field: field, problem: "is no object") }
        if let unknown = members.keys.filter({ !known.contains($0) }).min() {
            throw RuleDefinitionError(field: "\(field).\(unknown)", problem: "is unknown")
        }
        all = members
        self.field = field
    }

    /// nil for an absent member and for null.
    subscript(name: String) -> JSONTree? {
        all[name].flatMap { $0 == .null ? nil : $0 }
    }

    func texts(_ condition: RuleCondition) throws(RuleDefinitionError) -> Set<String> {
        guard let value = self[condition.rawValue] else { return [] }
        let texts = value.array?.compactMap(\.string).filter { !$0.isEmpty } ?? []
        guard let list = value.array, !list.isEmpty, texts.count == list.count,
            list.count <= RuleDefinition.valuesMaximum
        else {
            throw RuleDefinitionError(
                field: "\(field).\(condition.rawValue)",
                problem: "is not a list of 1 to \(RuleDefinition.valuesMaximum) texts")
        }
        return Set(texts)
    }
}

extension RuleTerms {
    /// The definition, its members always in the same order.
    public var json: String {
        var writer = JSONWriter()
        writer.object { writeMembers(to: &$0) }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    func writeMembers(to writer: inout JSONWriter) {
        if conditions.count > 0 {
            writer.name("conditions")
            writer.object { conditions.write(to: &$0) }
        }
        writer.name("action")
        writer.object { action.write(to: &$0) }
        if let currency { writer.member("currency", currency.code) }
        guard !caps.isEmpty else { return }
        writer.name("caps")
        writer.array(caps) { writer, cap in
            writer.object { writer in
                writer.member("scope", cap.scope.rawValue)
                writer.member("period", cap.period.rawValue)
                writer.member("limit_minor", cap.limitMinor)
            }
        }
    }
}

extension RuleConditions {
    fileprivate func write(to writer: inout JSONWriter) {
        func texts(_ name: StaticString, _ values: Set<String>) {
            guard !values.isEmpty else { return }
            writer.name(name)
            writer.array(values.sorted()) { $0.string($1) }
        }
        texts("affiliates", affiliates)
        texts("groups", groups)
        texts("countries", countries)
        texts("skus", skus)
        texts("categories", categories)
        texts("coupons", coupons)
        texts("sub_ids", subIDs)
        if let newCustomer { writer.member("new_customer", newCustomer) }
        if let minimumOrderMinor { writer.member("minimum_order_minor", minimumOrderMinor) }
    }
}

extension RuleAction {
    fileprivate func write(to writer: inout JSONWriter) {
        switch self {
        case .percent(let rate): writer.member("percent", Int64(rate.value))
        case .fixed(let amountMinor): writer.member("fixed", amountMinor)
        case .perItem(let amountMinor): writer.member("per_item", amountMinor)
        case .tiered(let tiers):
            writer.name("tiers")
            writer.array(tiers) { writer, tier in
                writer.object { writer in
                    writer.member("from_minor", tier.fromMinor)
                    writer.member("percent", Int64(tier.rate.value))
                }
            }
        case .recurring(let rate, let months):
            writer.name("recurring")
            writer.object { writer in
                writer.member("percent", Int64(rate.value))
                if let months { writer.member("months", Int64(months)) }
            }
        case .secondTier(let rate): writer.member("second_tier", Int64(rate.value))
        }
    }
}
