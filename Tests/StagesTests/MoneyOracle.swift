import Foundation

/// What a made-up world comes to, computed once more: event by event, with dictionaries and decimal numbers, and
/// without any code of pricing, ledger or storage.
struct MoneyOracle {
    struct Commission {
        let tier: Int
        let affiliate: String
        let rule: String
        let amount: Int
        let currency: String
        var reversed = 0
        var status = "pending"
        var isSuperseded = false
        var wasApproved = false
        var payout: Int?
    }

    private struct Order {
        let event: MoneyWorld.Event
        var affiliate: String
        let currency: String
        let rate: Decimal?
        /// Which event it was, and which step priced it first.
        let arrival: Int
        let step: Int
        var refunded = 0
        var refunds = 0
        var awaitsClick: String?
        /// What its price was looked up with.
        var since: Int?
        var volume = 0
        var commissions: [Commission] = []
    }

    struct Account: Hashable {
        let affiliate: String
        let currency: String
    }

    struct Balance {
        var pending = 0, payable = 0, reserved = 0, clawback = 0
    }

    private struct Payout {
        let account: Account
        let amount: Int
        var state = "reserved"
    }

    private struct CapCount: Hashable {
        let rule: String
        let affiliate: String
        let period: String
        let start: Int
        let currency: String
    }

    static let windowDays = 5
    private static let exponents = ["EUR": 2, "USD": 2, "JPY": 0, "KWD": 3]

    private let world: MoneyWorld
    /// Whether caps are kept; else they only count.
    private let limitsCaps: Bool
    private let tellOrder: (String) -> String
    private var versions: [MoneyWorld.Rule] = []
    private var seenRules: Set<String> = []
    private var steps = 0
    private var arrivals: [String: Int] = [:]
    private var quotes: [(currency: String, rate: Decimal, at: Int)] = []
    private var known: Set<String> = []
    private var clicks: [String: MoneyWorld.Event] = [:]
    private var orders: [String: Order] = [:]
    private var refunds: [String: (amount: Int, currency: String, isUndone: Bool)] = [:]
    private var parked: [(event: MoneyWorld.Event, code: Int)] = []
    private var caps: [CapCount: Int] = [:]
    private var volumes: [String: Int] = [:]
    private var customers: [String: Int] = [:]
    private var balances: [Account: Balance] = [:]
    private var payouts: [Payout] = []
    private var refusals: [String: Int] = [:]

    /// - Parameter tellOrder: what conversions of orders are sorted by where several are corrected at once.
    init(_ world: MoneyWorld, limitsCaps: Bool = true, tellOrder: @escaping (String) -> String) {
        self.world = world
        self.limitsCaps = limitsCaps
        self.tellOrder = tellOrder
    }

    /// Every fact as a line, sorted.
    var facts: [String] {
        let money = balances.filter { [$1.pending, $1.payable, $1.reserved, $1.clawback] != [0, 0, 0, 0] }.map {
            "balance \($0.affiliate) \($0.currency) \($1.pending) \($1.payable) \($1.reserved) \($1.clawback)"
        }
        let paid = orders.flatMap { id, order in
            order.commissions.map {
                "commission \(id) \($0.tier) \($0.affiliate) \($0.rule) \($0.amount) \($0.reversed) \($0.currency) "
                    + "\($0.status)\($0.isSuperseded ? " superseded" : "")"
            }
        }
        return
            (money + paid + refusals.map { "refused \($0) \($1)" } + parked.map { "parked \($0.event.id) \($0.code)" })
            .sorted()
    }

    /// The first commission of each order as it stands, sorted.
    var firstCommissions: [String] {
        orders.flatMap { id, order in
            order.commissions.filter { $0.tier == 1 && !$0.isSuperseded }.map {
                "\(id) \($0.affiliate) \($0.rule) \($0.amount) \($0.currency)"
            }
        }.sorted()
    }

    mutating func take(_ step: MoneyWorld.Step) {
        steps += 1
        switch step {
        case .events(let events): for event in events { take(event, isFresh: true) }
        case .rules(let rules):
            for rule in rules where seenRules.insert("\(rule.id)/\(rule.version)").inserted {
                versions.append(numbered(rule))
            }
        case .correct(let rules, let until): correct(by: rules, until: until)
        case .quote(let currency, let mantissa, let scale, let at):
            guard !quotes.contains(where: { $0.currency == currency && $0.at == at }) else { return }
            quotes.append((currency, Decimal(mantissa) / pow(10, scale), at))
        case .release: release()
        case .approve: approve()
        case .lock: lock()
        case .pay:
            for index in payouts.indices where payouts[index].state == "reserved" { pay(index) }
        case .giveBack:
            for index in payouts.indices where payouts[index].state == "paid" { giveBack(index) }
        }
    }

    // MARK: Events

    private mutating func take(_ event: MoneyWorld.Event, isFresh: Bool) {
        if isFresh, known.contains(event.id) { return refuse(120) }
        if isFresh { arrivals[event.id] = arrivals.count }
        let verdict: (refusal: Int?, parking: Int?) =
            switch event.type {
            case "click": takeClick(event)
            case "conversion": takeOrder(event)
            case "refund_reversal": takeReversal(event)
            default: takeRefund(event)
            }
        if let refusal = verdict.refusal {
            known.remove(event.id)
            return refuse(refusal)
        }
        known.insert(event.id)
        if let parking = verdict.parking { parked.append((event, parking)) }
    }

    private mutating func refuse(_ code: Int) { refusals[String(code), default: 0] += 1 }

    private mutating func takeClick(_ event: MoneyWorld.Event) -> (Int?, Int?) {
        guard let id = event.click, clicks[id] == nil else { return (122, nil) }
        clicks[id] = event
        return (nil, nil)
    }

    private func counts(_ click: MoneyWorld.Event, for event: MoneyWorld.Event) -> Bool {
        click.at <= event.at && event.at <= click.at + MoneyOracle.windowDays * MoneyWorld.day
    }

    private mutating func takeOrder(_ event: MoneyWorld.Event) -> (Int?, Int?) {
        guard let id = event.order, orders[id] == nil else { return (121, nil) }
        let click = event.click.flatMap { clicks[$0] }
        let counting = click.flatMap { counts($0, for: event) ? $0.affiliate : nil }
        let coupon = event.coupon == "K" ? world.affiliates[2] : nil
        let first = world.couponBeatsClick ? [coupon, counting, event.affiliate] : [counting, event.affiliate, coupon]
        guard let affiliate = first.compactMap({ $0 }).first else {
            return event.click != nil && click == nil ? (nil, 201) : (201, nil)
        }
        let target = world.paysInEuro ? "EUR" : event.currency
        var rate: Decimal?
        if target != event.currency {
            rate = quote(event.currency, at: event.at)
            guard rate != nil else { return (nil, 606) }
        }
        var order = Order(
            event: event, affiliate: affiliate, currency: target, rate: rate, arrival: arrivals[event.id] ?? 0,
            step: steps)
        let isDecidedByCoupon = coupon != nil && world.couponBeatsClick
        if event.click != nil, click == nil, !isDecidedByCoupon, !event.isTest { order.awaitsClick = event.click }
        orders[id] = order
        if !event.isTest { price(id) }
        return (nil, nil)
    }

    private func quote(_ currency: String, at moment: Int) -> Decimal? {
        quotes.filter { $0.currency == currency && $0.at <= moment && moment <= $0.at + 7 * MoneyWorld.day }
            .max { $0.at < $1.at }?.rate
    }

    private mutating func takeRefund(_ event: MoneyWorld.Event) -> (Int?, Int?) {
        guard let id = event.order, let order = orders[id] else { return (nil, 206) }
        guard event.currency == order.event.currency else { return (604, nil) }
        let key = "\(id) \(event.refund ?? "")"
        guard refunds[key] == nil else { return (123, nil) }
        guard event.amount <= order.event.amount - order.refunded else { return (605, nil) }
        refunds[key] = (event.amount, event.currency, false)
        orders[id]?.refunded += event.amount
        orders[id]?.refunds += 1
        settle(id)
        return (nil, nil)
    }

    private mutating func takeReversal(_ event: MoneyWorld.Event) -> (Int?, Int?) {
        let key = "\(event.order ?? "") \(event.refund ?? "")"
        guard let id = event.order, orders[id] != nil, let refund = refunds[key] else { return (nil, 209) }
        guard event.currency == refund.currency else { return (604, nil) }
        guard event.amount == refund.amount else { return (607, nil) }
        guard !refund.isUndone else { return (125, nil) }
        refunds[key]?.isUndone = true
        orders[id]?.refunded -= event.amount
        orders[id]?.refunds -= 1
        settle(id)
        return (nil, nil)
    }

    // MARK: Time

    private mutating func release() {
        var waiting: [(event: MoneyWorld.Event, code: Int)] = []
        var ready: [MoneyWorld.Event] = []
        for (event, code) in parked {
            let isReady =
                switch code {
                case 206: orders[event.order ?? ""] != nil
                case 209: refunds.keys.contains { $0.hasPrefix("\(event.order ?? "") ") }
                case 201: clicks[event.click ?? ""] != nil
                // Nothing but a quote makes it worth a look.
                default: !quotes.isEmpty
                }
            if isReady { ready.append(event) } else { waiting.append((event, code)) }
        }
        parked = waiting
        for event in ready { take(event, isFresh: false) }
        let late = orders.filter { $0.value.awaitsClick.map { clicks[$0] != nil } ?? false }.keys
        for id in late.sorted(by: { tellOrder($0) < tellOrder($1) }) { correct(id) }
    }

    private mutating func correct(_ id: String) {
        guard let order = orders[id], let click = clicks[order.awaitsClick ?? ""], let affiliate = click.affiliate
        else {
            return
        }
        orders[id]?.awaitsClick = nil
        guard counts(click, for: order.event), affiliate != order.affiliate else { return }
        supersede(id)
        orders[id]?.affiliate = affiliate
        price(id)
        settle(id)
    }

    private mutating func approve() {
        var sums: [Account: Int] = [:]
        for id in orders.keys.sorted() {
            guard let order = orders[id] else { continue }
            for (index, commission) in order.commissions.enumerated() where commission.status == "pending" {
                orders[id]?.commissions[index].status = "approved"
                sums[Account(affiliate: commission.affiliate, currency: commission.currency), default: 0] +=
                    commission.amount - commission.reversed
                guard commission.tier == 1, !commission.wasApproved else { continue }
                orders[id]?.commissions[index].wasApproved = true
                volumes[volumeKey(commission.affiliate, order.event.currency, order.event.at), default: 0] +=
                    order.event.amount
            }
        }
        for (account, sum) in sums {
            let netted = min(sum, balances[account]?.clawback ?? 0)
            balances[account, default: Balance()].pending -= sum
            balances[account, default: Balance()].payable += sum - netted
            balances[account, default: Balance()].clawback -= netted
        }
    }

    private mutating func lock() {
        for (account, balance) in balances where balance.payable - balance.clawback >= 1 {
            let amount = balance.payable - balance.clawback
            balances[account]?.payable = 0
            balances[account]?.clawback = 0
            balances[account]?.reserved += amount
            let number = payouts.count
            payouts.append(Payout(account: account, amount: amount))
            eachCommission { commission in
                guard commission.status == "approved", commission.affiliate == account.affiliate,
                    commission.currency == account.currency
                else { return }
                commission.status = "locked"
                commission.payout = number
            }
        }
    }

    private mutating func pay(_ index: Int) {
        payouts[index].state = "paid"
        balances[payouts[index].account]?.reserved -= payouts[index].amount
        eachCommission { if $0.payout == index, $0.status == "locked" { $0.status = "paid" } }
    }

    private mutating func giveBack(_ index: Int) {
        payouts[index].state = "returned"
        balances[payouts[index].account]?.payable += payouts[index].amount
        eachCommission { commission in
            guard commission.payout == index, ["locked", "paid"].contains(commission.status) else { return }
            commission.status = "approved"
            commission.payout = nil
        }
    }

    private mutating func eachCommission(_ change: (inout Commission) -> Void) {
        for id in Array(orders.keys) {
            for index in orders[id]?.commissions.indices ?? 0..<0 {
                guard var commission = orders[id]?.commissions[index] else { continue }
                change(&commission)
                orders[id]?.commissions[index] = commission
            }
        }
    }

    // MARK: Refunds

    private mutating func settle(_ id: String) {
        guard let order = orders[id] else { return }
        for (index, commission) in order.commissions.enumerated() where !commission.isSuperseded {
            let whole = order.event.amount
            let left =
                order.refunds == 0
                ? commission.amount
                : order.refunded >= whole
                    ? 0 : round(Decimal(commission.amount) * Decimal(whole - order.refunded) / Decimal(whole))
            move(id, index, commission.amount - left - commission.reversed)
        }
    }

    /// Takes an amount back, or gives it back if it is negative.
    private mutating func move(_ id: String, _ index: Int, _ amount: Int) {
        guard amount != 0, var commission = orders[id]?.commissions[index] else { return }
        var balance = balances[Account(affiliate: commission.affiliate, currency: commission.currency)] ?? Balance()
        switch commission.status {
        case "pending", "held": balance.pending -= amount
        case "reversed": balance.pending -= amount
        case "approved" where amount > 0:
            let free = min(amount, balance.payable)
            balance.payable -= free
            balance.clawback += amount - free
        case _ where amount > 0: balance.clawback += amount
        default:
            let settled = min(-amount, balance.clawback)
            balance.clawback -= settled
            balance.payable += -amount - settled
        }
        balances[Account(affiliate: commission.affiliate, currency: commission.currency)] = balance
        commission.reversed += amount
        let wasReversed = commission.status == "reversed"
        if ["pending", "held", "approved"].contains(commission.status), commission.reversed == commission.amount {
            commission.status = "reversed"
        }
        if wasReversed, commission.reversed < commission.amount { commission.status = "pending" }
        orders[id]?.commissions[index] = commission
    }

    // MARK: Prices

    private mutating func price(_ id: String) {
        guard let event = orders[id]?.event else { return }
        if let customer = event.customer {
            // Without a rule that asks for it nobody looks it up.
            if versions.contains(where: { $0.kind == "recurring" }) {
                customers[customer] = customers[customer] ?? event.at
            }
            orders[id]?.since = customers[customer] ?? event.at
        }
        if versions.contains(where: { $0.kind == "tiers" }), let order = orders[id] {
            let volume = volumes[volumeKey(order.affiliate, order.currency, event.at)] ?? 0
            orders[id]?.volume = volume
        }
        for made in prices(id) { add(id, made.tier, made.affiliate, made.rule, made.amount) }
    }

    private typealias Made = (tier: Int, affiliate: String, rule: MoneyWorld.Rule?, amount: Int)

    /// What the rules make of an order, taken out of their caps.
    private mutating func prices(_ id: String) -> [Made] {
        guard let order = orders[id] else { return [] }
        let since = order.since
        let best = best(versions.filter { $0.kind != "second_tier" }, order, since)
        let first = best.map { pay(uncapped($0, order), by: $0, to: order.affiliate, order) } ?? 0
        let made: Made = (1, order.affiliate, best, first)
        guard first > 0, order.affiliate == world.affiliates[1],
            let rule = self.best(versions.filter { $0.kind == "second_tier" }, order, since)
        else { return [made] }
        let referrer = world.affiliates[0]
        let share = pay(round(Decimal(first) * Decimal(rule.value) / 10_000), by: rule, to: referrer, order)
        return [made, (2, referrer, rule, share)]
    }

    private func numbered(_ rule: MoneyWorld.Rule) -> MoneyWorld.Rule {
        var rule = rule
        rule.version = (versions.filter { $0.id == rule.id }.map(\.version).max() ?? 0) + 1
        return rule
    }

    /// Prices every order up to a moment once more, as they came, and puts what comes out in the place of what differs.
    private mutating func correct(by rules: [MoneyWorld.Rule], until: Int) {
        let before = (versions, caps)
        var added = rules
        for old in versions where !added.contains(where: { $0.id == old.id }) {
            var none = old
            none.from = Int.max
            added.append(none)
        }
        versions += added.map { rule in
            var rule = numbered(rule)
            rule.corrects = until
            return rule
        }
        let ids = orders.filter { $0.value.event.at < until && !$0.value.event.isTest }.sorted {
            ($0.value.step, $0.value.arrival) < ($1.value.step, $1.value.arrival)
        }.map(\.key)
        for id in ids {
            for (key, amount) in counted(id) { caps[key, default: 0] -= amount }
        }
        var changed: [(String, [Made])] = []
        for id in ids {
            let made = prices(id)
            var sums: [String: Int] = [:]
            for commission in made { sums[commission.affiliate, default: 0] += commission.amount }
            for commission in orders[id]?.commissions ?? [] where !commission.isSuperseded {
                sums[commission.affiliate, default: 0] -= commission.amount
            }
            // One that other caps count now is recorded anew too.
            if sums.values.contains(where: { $0 != 0 }) || counted(id) != counted(id, made) {
                changed.append((id, made))
            }
        }
        // Nothing to accept: then nothing is recorded.
        guard !changed.isEmpty else { return (versions, caps) = before }
        for (id, made) in changed {
            supersede(id)
            for made in made { add(id, made.tier, made.affiliate, made.rule, made.amount) }
            settle(id)
        }
    }

    /// What an order's standing commissions took out of caps.
    private func counted(_ id: String) -> [CapCount: Int] {
        let standing = orders[id]?.commissions.filter { !$0.isSuperseded } ?? []
        return counted(
            id,
            standing.map { commission in
                let rule = versions.first { "\($0.id)/\($0.version)" == commission.rule }
                return (commission.tier, commission.affiliate, rule, commission.amount)
            })
    }

    private func counted(_ id: String, _ made: [Made]) -> [CapCount: Int] {
        var sums: [CapCount: Int] = [:]
        for made in made where made.amount > 0 {
            guard let rule = made.rule, let order = orders[id] else { continue }
            for key in Set(capCounts(rule, made.affiliate, order)) { sums[key, default: 0] += made.amount }
        }
        return sums
    }

    private mutating func supersede(_ id: String) {
        guard let order = orders[id] else { return }
        for index in order.commissions.indices where !order.commissions[index].isSuperseded {
            move(id, index, order.commissions[index].amount - order.commissions[index].reversed)
            orders[id]?.commissions[index].isSuperseded = true
        }
    }

    private mutating func add(_ id: String, _ tier: Int, _ affiliate: String, _ rule: MoneyWorld.Rule?, _ amount: Int) {
        guard let order = orders[id] else { return }
        orders[id]?.commissions.append(
            Commission(
                tier: tier, affiliate: affiliate, rule: rule.map { "\($0.id)/\($0.version)" } ?? "-", amount: amount,
                currency: order.currency))
        balances[Account(affiliate: affiliate, currency: order.currency), default: Balance()].pending += amount
    }

    private func best(_ rules: [MoneyWorld.Rule], _ order: Order, _ since: Int?) -> MoneyWorld.Rule? {
        let at = order.event.at
        let counting = rules.filter { rule in rule.corrects.map { at < $0 } ?? (rule.from <= at) }
        let current = Dictionary(grouping: counting, by: \.id).compactMap {
            $0.value.max { $0.version < $1.version }
        }
        return current.filter { $0.from <= at && matches($0, order, since) }.min { one, other in
            if place(one) != place(other) { return place(one) < place(other) }
            if one.priority != other.priority { return one.priority > other.priority }
            if count(one) != count(other) { return count(one) > count(other) }
            if one.version != other.version { return one.version > other.version }
            return one.id < other.id
        }
    }

    private func place(_ rule: MoneyWorld.Rule) -> Int {
        rule.conditions["affiliates"] != nil ? 0 : rule.conditions["groups"] != nil ? 1 : 2
    }

    private func count(_ rule: MoneyWorld.Rule) -> Int {
        rule.conditions.count + (rule.newCustomer == nil ? 0 : 1) + (rule.minimumOrder == nil ? 0 : 1)
    }

    private func matches(_ rule: MoneyWorld.Rule, _ order: Order, _ since: Int?) -> Bool {
        let event = order.event
        let values = [
            "affiliates": order.affiliate, "groups": order.affiliate == world.affiliates[2] ? "g" : nil,
            "countries": event.country, "coupons": event.coupon,
        ]
        for (name, allowed) in rule.conditions where name != "skus" {
            guard let value = values[name] ?? nil, allowed.contains(value) else { return false }
        }
        if let skus = rule.conditions["skus"], !event.items.contains(where: { skus.contains($0.sku) }) { return false }
        if let newCustomer = rule.newCustomer, event.isNewCustomer != newCustomer { return false }
        if let minimum = rule.minimumOrder, event.amount < minimum || event.currency != "EUR" { return false }
        let namesMoney = ["fixed", "per_item", "tiers"].contains(rule.kind) || !rule.caps.isEmpty
        if namesMoney || rule.minimumOrder != nil, order.currency != "EUR" { return false }
        guard rule.kind == "recurring" else { return true }
        guard let since else { return false }
        return rule.months == nil || event.at < MoneyOracle.calendarMonthAfter(since)
    }

    private static func calendarMonthAfter(_ seconds: Int) -> Int {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let later = calendar.date(byAdding: .month, value: 1, to: Date(timeIntervalSince1970: Double(seconds)))
        return Int((later ?? .distantPast).timeIntervalSince1970)
    }

    private func uncapped(_ rule: MoneyWorld.Rule, _ order: Order) -> Int {
        let event = order.event
        let items = rule.conditions["skus"].map { skus in event.items.filter { skus.contains($0.sku) } }
        let base = min(items.map { $0.reduce(0) { $0 + $1.amount } } ?? event.amount, event.amount)
        var exact = Decimal(base)
        if let rate = order.rate {
            let places = (MoneyOracle.exponents[order.currency] ?? 2) - (MoneyOracle.exponents[event.currency] ?? 2)
            exact = exact * rate * (places >= 0 ? pow(10, places) : 1 / pow(10, -places))
        }
        switch rule.kind {
        case "fixed": return rule.value * event.quantity
        case "per_item": return rule.value * (items.map { $0.reduce(0) { $0 + $1.quantity } } ?? event.quantity)
        case "tiers":
            return round(exact * Decimal(rule.tiers.last { $0.from <= order.volume }?.percent ?? 0) / 10_000)
        default: return round(exact * Decimal(rule.value) / 10_000)
        }
    }

    private mutating func pay(_ amount: Int, by rule: MoneyWorld.Rule, to affiliate: String, _ order: Order) -> Int {
        let keys = capCounts(rule, affiliate, order)
        let left = zip(rule.caps, keys).map { max(0, $0.limit - (caps[$1] ?? 0)) }.min() ?? amount
        let paid = limitsCaps ? min(amount, left) : amount
        for key in Set(keys) { caps[key, default: 0] += paid }
        return paid
    }

    private func capCounts(_ rule: MoneyWorld.Rule, _ affiliate: String, _ order: Order) -> [CapCount] {
        rule.caps.map { cap in
            CapCount(
                rule: rule.id, affiliate: cap.scope == "affiliate" ? affiliate : "", period: cap.period,
                start: MoneyOracle.start(of: cap.period, order.event.at), currency: order.currency)
        }
    }

    private static func start(of period: String, _ seconds: Int) -> Int {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = .gmt
        let components: Set<Calendar.Component> =
            switch period {
            case "day": [.year, .month, .day]
            case "week": [.yearForWeekOfYear, .weekOfYear]
            case "month": [.year, .month]
            default: []
            }
        guard !components.isEmpty else { return 0 }
        let date = Date(timeIntervalSince1970: Double(seconds))
        let start = calendar.date(from: calendar.dateComponents(components, from: date))
        return Int(start?.timeIntervalSince1970 ?? 0)
    }

    private func volumeKey(_ affiliate: String, _ currency: String, _ at: Int) -> String {
        "\(affiliate) \(currency) \(MoneyOracle.start(of: "month", at))"
    }

    /// Half to even.
    private func round(_ exact: Decimal) -> Int {
        var (exact, rounded) = (exact, Decimal())
        NSDecimalRound(&rounded, &exact, 0, .bankers)
        return NSDecimalNumber(decimal: rounded).intValue
    }
}
