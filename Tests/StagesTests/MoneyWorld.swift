import DevKit
import Domain

/// A made-up programme with its affiliates, its rules and what happens in it, from a seed.
struct MoneyWorld: Sendable {
    struct Rule: Sendable {
        var id: String
        var version = 1
        var from: Int
        var priority: Int
        /// Conditions by their names, with the values that they allow.
        var conditions: [String: [String]] = [:]
        var newCustomer: Bool?
        var minimumOrder: Int?
        /// percent, fixed, per_item, tiers, recurring or second_tier.
        var kind: String
        /// Basis points, or minor units.
        var value: Int
        /// Of tiers: from which volume on which share is paid.
        var tiers: [(from: Int, percent: Int)] = []
        var months: Int?
        var caps: [(scope: String, period: String, limit: Int)] = []
        /// Of a correction: up to when it is for orders.
        var corrects: Int?
    }

    struct Event: Sendable {
        var id: String
        var type: String
        /// Seconds since 1970.
        var at: Int
        var affiliate: String?
        var click: String?
        var order: String?
        var refund: String?
        var amount = 0
        var currency = "EUR"
        var quantity = 1
        var items: [(sku: String, quantity: Int, amount: Int)] = []
        var customer: String?
        var isNewCustomer: Bool?
        var coupon: String?
        var country: String?
        var isTest = false
    }

    enum Step: Sendable {
        case events([Event])
        case rules([Rule])
        /// A what-if with other rules for all orders up to a moment is accepted.
        case correct([Rule], until: Int)
        case quote(currency: String, mantissa: Int, scale: Int, at: Int)
        /// The scorer's timer looks at what waits.
        case release
        case approve, lock, pay, giveBack
    }

    /// 2026-03-01T00:00:00Z, a Sunday.
    static let start = 1_772_323_200
    static let day = 86_400

    /// What a world is for.
    enum Kind: Sendable {
        /// Anything may happen in any order.
        case any
        /// Its events come to the same in whatever order they are taken, those between two other steps that is.
        case orderFree
        /// The same but for caps: who comes first gets what is left.
        case capped
    }

    let seed: UInt64
    let kind: Kind
    let program: String
    let paysInEuro: Bool
    let couponBeatsClick: Bool
    /// `a1` was referred by `a0`, and `a2` is in the group `g`.
    let affiliates: [String]
    var rules: [Rule] = []
    var steps: [Step] = []

    private var random: SplitMix64
    private var made = 0
    private var orders: [Event] = []
    private var refunds: [Event] = []
    private var clicks: [Event] = []
    /// What refunds have left of orders, where they may not overtake each other.
    private var unrefunded: [String: Int] = [:]

    init(seed: UInt64, kind: Kind = .any) {
        self.seed = seed
        self.kind = kind
        random = SplitMix64(seed: seed)
        program = "p\(seed)"
        affiliates = (0..<3).map { "a\(seed)-\($0)" }
        paysInEuro = random.happens(40, in: 100)
        couponBeatsClick = random.happens(1, in: 2)
        rules = [Rule(id: "standard", from: 0, priority: 0, kind: "percent", value: 1_000)] + someRules()
        steps.append(.rules(rules))
        if paysInEuro, random.happens(4, in: 5) { steps += ["JPY", "KWD"].map { quote($0) } }
        for _ in 0..<(2 + random.below(5)) { addRound() }
        steps.append(.release)
    }

    private mutating func addRound() {
        var events: [Event] = []
        for _ in 0..<(2 + random.below(10)) { events.append(contentsOf: event()) }
        // Some come before what they belong to, some twice.
        for _ in 0..<random.below(4) { events.swapAt(random.below(events.count), random.below(events.count)) }
        if random.happens(1, in: 4) {
            let twin = events[random.below(events.count)]
            // One that is refused may be refused for another reason the second time.
            if kind == .any || twin.type != "conversion" || twin.affiliate != nil { events.append(twin) }
        }
        steps.append(.events(events))
        if random.happens(1, in: 3) { steps.append(.release) }
        if random.happens(1, in: 3) { steps.append(.approve) }
        if random.happens(1, in: 4) { steps.append(.lock) }
        if random.happens(1, in: 3) { steps.append(.pay) }
        if random.happens(1, in: 8) { steps.append(.giveBack) }
        if random.happens(1, in: 5) { steps.append(.rules(changedRules())) }
        if paysInEuro, random.happens(1, in: 4) { steps.append(quote(random.pick(["JPY", "KWD"]))) }
        // A correction gives back what caps lost to other orders, so their counts are no sums any more.
        if kind != .capped, random.happens(1, in: 4) { steps.append(correction()) }
    }

    // MARK: Rules

    private mutating func someRules() -> [Rule] {
        (0..<random.below(5)).map { number in
            var rule = Rule(
                id: "r\(number)", from: random.happens(1, in: 3) ? MoneyWorld.start + 3 * MoneyWorld.day : 0,
                priority: random.below(3), kind: "percent", value: 1 + random.below(3_000))
            action(&rule)
            conditions(&rule)
            if kind == .capped || random.happens(1, in: 3), kind != .orderFree {
                let scopes = random.happens(1, in: 2) ? ["program"] : ["affiliate", "program"]
                rule.caps = scopes.map {
                    (scope: $0, period: random.pick(["day", "week", "month", "total"]), limit: random.below(3_000))
                }
            }
            return rule
        }
    }

    private mutating func action(_ rule: inout Rule) {
        switch random.below(8) {
        case 0: (rule.kind, rule.value) = ("fixed", random.below(500))
        case 1: (rule.kind, rule.value) = ("per_item", random.below(100))
        // What a cap left of a commission decides whether a refund leaves anything to approve, and so the volume.
        case 2 where kind != .capped:
            rule.kind = "tiers"
            rule.tiers = [(0, random.below(1_000)), (5_000 + random.below(20_000), random.below(3_000))]
        case 3: (rule.kind, rule.months) = ("recurring", random.happens(1, in: 2) ? 1 : nil)
        case 4: rule.kind = "second_tier"
        default: break
        }
    }

    private mutating func conditions(_ rule: inout Rule) {
        if random.happens(1, in: 4) { rule.conditions["countries"] = ["DE"] }
        if random.happens(1, in: 5) { rule.conditions["affiliates"] = [random.pick(affiliates)] }
        if random.happens(1, in: 5) { rule.conditions["groups"] = ["g"] }
        if random.happens(1, in: 5) { rule.conditions["skus"] = ["s1"] }
        if random.happens(1, in: 6) { rule.conditions["coupons"] = ["K"] }
        if random.happens(1, in: 8) { rule.newCustomer = random.happens(1, in: 2) }
        if random.happens(1, in: 6) { rule.minimumOrder = random.below(20_000) }
    }

    /// One of the rules changes from a day on.
    private mutating func changedRules() -> [Rule] {
        let index = random.below(rules.count)
        rules[index].version += 1
        rules[index].from = max(rules[index].from, MoneyWorld.start + random.below(6) * MoneyWorld.day)
        rules[index].value += 1 + random.below(200)
        if !rules[index].tiers.isEmpty { rules[index].tiers[0].percent += 1 }
        return rules
    }

    /// The rules with other rates and limits, perhaps without one of them.
    private mutating func correction() -> Step {
        var proposed = rules
        if random.happens(1, in: 3) { proposed.remove(at: random.below(proposed.count)) }
        for index in proposed.indices where random.happens(2, in: 3) {
            proposed[index].value += random.below(300)
            proposed[index].caps = proposed[index].caps.map { ($0.scope, $0.period, random.below(4_000)) }
        }
        return .correct(proposed, until: MoneyWorld.start + (4 + random.below(10)) * MoneyWorld.day)
    }

    private mutating func quote(_ currency: String) -> Step {
        .quote(
            currency: currency, mantissa: 1 + random.below(4_000_000), scale: 6,
            at: MoneyWorld.start - MoneyWorld.day + random.below(4 * MoneyWorld.day))
    }

    // MARK: Events

    private mutating func event() -> [Event] {
        made += 1
        let at = MoneyWorld.start + random.below(10 * MoneyWorld.day)
        let dice = random.below(10)
        if dice < 2 {
            let click = Event(
                id: "\(program)-e\(made)", type: "click", at: at, affiliate: random.pick(affiliates), click: "c\(made)")
            clicks.append(click)
            return random.happens(1, in: 2) ? [order(after: click), click] : [click]
        }
        if dice < 5, !orders.isEmpty { return [refund()] }
        if dice == 5, !refunds.isEmpty, let reversal = reversal() { return [reversal] }
        return [order(after: nil)]
    }

    private mutating func order(after click: Event?) -> Event {
        made += 1
        var order = Event(
            id: "\(program)-e\(made)", type: "conversion", at: MoneyWorld.start + random.below(10 * MoneyWorld.day))
        let isRepeated = random.happens(1, in: 12) && !orders.isEmpty && kind == .any
        order.order = isRepeated ? orders[random.below(orders.count)].order : "o\(made)"
        order.affiliate = random.happens(4, in: 5) ? random.pick(affiliates) : nil
        order.click = click?.click ?? (random.happens(1, in: 6) ? "c\(random.below(made + 3))" : nil)
        if let click { order.at = click.at + random.below(7 * MoneyWorld.day) - MoneyWorld.day / 2 }
        order.amount = random.pick([0, 1, 99, 100, 12_345, 50_050, 999_999, random.below(30_000)])
        order.currency = random.pick(["EUR", "EUR", "EUR", "JPY", "KWD"])
        order.quantity = random.happens(1, in: 6) ? 2 + random.below(3) : 1
        if random.happens(1, in: 3) {
            order.items = (0..<(1 + random.below(3))).map { _ in
                (random.pick(["s1", "s2"]), 1 + random.below(3), random.below(10_000))
            }
        }
        order.customer = random.happens(1, in: 2) ? "k\(random.below(3))" : nil
        order.isNewCustomer = random.happens(1, in: 3) ? random.happens(1, in: 2) : nil
        order.coupon = random.happens(1, in: 5) ? random.pick(["K", "X"]) : nil
        order.country = random.happens(2, in: 3) ? random.pick(["DE", "FR"]) : nil
        order.isTest = random.happens(1, in: 20)
        orders.append(order)
        unrefunded[order.order ?? ""] = order.amount
        return order
    }

    private mutating func refund() -> Event {
        let order = orders[random.below(orders.count)]
        var refund = Event(
            id: "\(program)-e\(made)", type: random.happens(1, in: 4) ? "chargeback" : "refund", at: order.at + 60)
        refund.order = order.order
        refund.refund = random.happens(1, in: 10) && !refunds.isEmpty ? refunds[0].refund : "r\(made)"
        refund.currency = random.happens(1, in: 25) ? "USD" : order.currency
        refund.amount =
            switch random.below(4) {
            case 0: order.amount
            case 1: order.amount / 2
            case 2: order.amount / 3
            default: random.below(order.amount + 2)
            }
        if kind != .any {
            refund.refund = "r\(made)"
            refund.currency = order.currency
            refund.amount = min(refund.amount, unrefunded[order.order ?? ""] ?? 0)
            unrefunded[order.order ?? ""]? -= refund.amount
        }
        refunds.append(refund)
        return refund
    }

    /// - Returns: nil if there is none that may be reversed.
    private mutating func reversal() -> Event? {
        let index = random.below(refunds.count)
        var reversal = refunds[index]
        guard kind == .any || reversal.type != "refund_reversal" else { return nil }
        reversal.id = "\(program)-e\(made)"
        reversal.type = "refund_reversal"
        if kind == .any {
            if random.happens(1, in: 10) { reversal.amount += 1 }
        } else {
            // None is reversed twice.
            refunds[index] = reversal
        }
        return reversal
    }
}
