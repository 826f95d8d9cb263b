public import Domain

/// Makes sample traffic, record by record, in the order in which the events occurred.
///
/// Visitors click, some buy a while later, some of those want their money back. A few affiliates cheat: orders seconds
/// after the click, many orders from one address, orders reported twice. Records with an affiliate carry its id, so a
/// key by affiliate keeps each story in order; one refund in ten names only its order and may overtake it.
public struct TrafficGenerator: IteratorProtocol {
    public static let programs: [(id: String, currency: String)] = [
        ("aurora-eu", "EUR"), ("borealis-us", "USD"), ("cumulus-uk", "GBP"), ("dune-jp", "JPY"), ("estuary-us", "USD"),
    ]
    private static let countries = ["DE", "FR", "US", "GB", "JP", "ES", "IT", "NL", "PL", "CA"]
    /// Earlier records that a duplicate may repeat.
    private static let memory = 512

    private let plan: TrafficPlan
    private var random: SplitMix64
    private var made = 0
    private var stories = 0
    private var clock: Timestamp
    private var waiting = EventQueue()
    private var recent: [[UInt8]] = []
    private var deadLeft: [BadInput]
    private var rejectedMade = 0

    public init(_ plan: TrafficPlan) {
        self.plan = plan
        random = SplitMix64(seed: plan.seed)
        clock = plan.start
        deadLeft = plan.badInput ? BadInput.dead : []
    }

    /// - Returns: the value of the next record; nil after the last of the plan.
    public mutating func next() -> [UInt8]? {
        guard made < plan.events else { return nil }
        made += 1
        if let line = badLine() { return line }
        if !recent.isEmpty, random.happens(2, in: 100) { return random.pick(recent) }
        let line = nextEvent().line
        remember(line)
        return line
    }

    /// When the newest event so far occurred, in the traffic's own time.
    public var now: Timestamp { clock }

    private mutating func badLine() -> [UInt8]? {
        guard plan.badInput, made > 20 else { return nil }
        if !deadLeft.isEmpty, made % max(25, plan.events / 10) == 0 {
            return deadLeft.removeFirst().line(spoiling: sampleOrder())
        }
        guard random.happens(1, in: 250) else { return nil }
        rejectedMade += 1
        return BadInput.rejected[rejectedMade % BadInput.rejected.count].line(spoiling: sampleOrder())
    }

    private mutating func remember(_ line: [UInt8]) {
        if recent.count < TrafficGenerator.memory {
            recent.append(line)
        } else {
            recent[random.below(TrafficGenerator.memory)] = line
        }
    }

    /// The next event: what an earlier one led to, once its time has come, else a new visitor.
    private mutating func nextEvent() -> SampleEvent {
        // The dice throw 32 bits of microseconds, so at most 35 minutes: few events take less than their span.
        let gap = min(max(1, plan.spanSeconds * 1_000_000 / Int64(max(1, plan.events))), Int64(UInt32.max / 2) - 1)
        clock = Timestamp(microsecondsSinceEpoch: clock.microsecondsSinceEpoch + Int64(random.below(Int(gap * 2) + 1)))
        if let due = waiting.pop(before: clock) {
            if due.kind == .conversion { follow(due) }
            return due
        }
        return random.happens(8, in: 100) ? orderWithoutClick() : click()
    }

    private mutating func click() -> SampleEvent {
        let affiliate = affiliateNumber()
        let program = TrafficGenerator.programs[(affiliate + random.below(2)) % TrafficGenerator.programs.count].id
        stories += 1
        let click = SampleEvent(
            kind: .click, eventID: "evt-c-\(stories)", occurredAt: clock, programID: program,
            affiliateID: name(of: affiliate), clickID: "clk-\(stories)", ip: address(of: affiliate),
            deviceID: "dev-\(random.below(100_000))", country: random.pick(TrafficGenerator.countries),
            subID: random.happens(1, in: 3) ? "banner-\(random.below(20))" : nil)
        if random.happens(35, in: 100) { waiting.push(order(after: click, by: affiliate)) }
        return click
    }

    private mutating func order(after click: SampleEvent, by affiliate: Int) -> SampleEvent {
        // Every 23rd affiliate's buyers are suspiciously quick; the others take from 20 seconds to two days.
        let isQuick = affiliate % 23 == 7
        let seconds = isQuick ? 2 + random.below(10) : 20 + random.below(random.happens(8, in: 10) ? 3_600 : 172_800)
        var order = conversion(number: stories, by: affiliate, in: click.programID)
        order.occurredAt = click.occurredAt.adding(seconds: Int64(seconds))
        order.clickID = click.clickID
        order.ip = affiliate % 29 == 11 ? "10.66.\(affiliate % 250).1" : click.ip
        order.deviceID = click.deviceID
        order.country = click.country
        order.subID = click.subID
        return order
    }

    private mutating func orderWithoutClick() -> SampleEvent {
        let affiliate = affiliateNumber()
        stories += 1
        var order = conversion(
            number: stories, by: affiliate,
            in: TrafficGenerator.programs[affiliate % TrafficGenerator.programs.count].id)
        order.occurredAt = clock
        order.coupon = random.happens(1, in: 2) ? "SAVE\(affiliate)" : nil
        order.isTest = random.happens(1, in: 100)
        if !order.isTest { follow(order) }
        return order
    }

    /// An order that is spoilt before it is written; it leads to nothing.
    private mutating func sampleOrder() -> SampleEvent {
        let affiliate = affiliateNumber()
        stories += 1
        var order = conversion(number: stories, by: affiliate, in: TrafficGenerator.programs[0].id)
        order.occurredAt = clock
        return order
    }

    private mutating func conversion(number: Int, by affiliate: Int, in program: String) -> SampleEvent {
        let currency = TrafficGenerator.programs.first { $0.id == program }?.currency ?? "USD"
        // Mostly small baskets, some large: the product of two throws.
        let amount = 500 + Int64(random.below(140)) * Int64(random.below(140))
        return SampleEvent(
            kind: .conversion, eventID: "evt-o-\(number)", occurredAt: clock, programID: program,
            affiliateID: name(of: affiliate), orderID: "ord-\(number)", amountMinor: amount, currency: currency,
            customerID: "cus-\(random.below(50_000))", ip: address(of: affiliate),
            country: random.pick(TrafficGenerator.countries))
    }

    /// What may come after an order: a refund, a chargeback, or the same order reported once more.
    private mutating func follow(_ order: SampleEvent) {
        let throwOfDice = random.below(1_000)
        var later = order
        later.occurredAt = order.occurredAt.adding(seconds: Int64(3_600 + random.below(864_000)))
        later.eventID = order.eventID + "-2"
        switch throwOfDice {
        case ..<110, 995...: later.kind = throwOfDice < 110 ? .refund : .chargeback
        case 110..<125:
            // The same order under another event id.
            later.occurredAt = order.occurredAt.adding(seconds: Int64(1 + random.below(600)))
            later.eventID = order.eventID + "-again"
            waiting.push(later)
            return
        default: return
        }
        later = SampleEvent(
            kind: later.kind, eventID: later.eventID, occurredAt: later.occurredAt, programID: order.programID,
            affiliateID: random.happens(9, in: 10) ? order.affiliateID : nil, orderID: order.orderID,
            refundID: "ref-" + (order.orderID ?? ""), amountMinor: refunded(order.amountMinor ?? 0),
            currency: order.currency)
        waiting.push(later)
    }

    /// Mostly all of it, sometimes half, rarely more than there was (605).
    private mutating func refunded(_ amount: Int64) -> Int64 {
        switch random.below(100) {
        case ..<70: amount
        case 70..<98: amount / 2
        default: amount + 1
        }
    }

    /// The square of a throw makes the first affiliates the busiest.
    private mutating func affiliateNumber() -> Int {
        let share = random.below(1_000) * random.below(1_000)
        return share * plan.affiliates / 1_000_000
    }

    private func name(of affiliate: Int) -> String {
        guard plan.bankEnds else { return "aff-\(affiliate)" }
        return switch affiliate {
        case _ where affiliate % 22 == 5: "aff-\(affiliate)_no_account"
        case _ where affiliate % 66 == 9: "aff-\(affiliate)_returned"
        case _ where affiliate % 100 == 50: "aff-\(affiliate)_not_allowed"
        default: "aff-\(affiliate)"
        }
    }

    /// Each affiliate's visitors come from addresses of their own, so no verdict on one depends on another.
    private mutating func address(of affiliate: Int) -> String {
        "10.\(affiliate / 250 % 60).\(affiliate % 250).\(1 + random.below(250))"
    }
}
