import Domain

/// Makes the days of a world, honest traffic first, then what the cheats add.
struct WorldMaker {
    var dice: Dice
    let plan: WorldPlan
    let start = TrafficPlan.defaultStart
    let days: Int
    var programs: [WorldProgram] = []
    var members: [WorldMember] = []
    var population: Population
    var prefixes: [String] = []
    var events: [SampleEvent] = []
    var cheatEvents: Set<String> = []
    /// Honest orders of late, which replays copy.
    var recentOrders: [SampleEvent] = []
    private var made = 0

    init(_ plan: WorldPlan) {
        self.plan = plan
        dice = Dice(seed: plan.seed)
        days = dice.whole(plan.days)
        population = Population(dice: &dice)
        prefixes = population.publishedPrefixes(&dice)
        for number in 0..<dice.whole(1...5) { programs.append(WorldProgram(number: number, dice: &dice)) }
        let cheatShare = dice.within(0.08...0.3)
        for number in 0..<dice.whole(plan.affiliates) {
            let cheat = !plan.cheats.isEmpty && dice.happens(cheatShare) ? dice.pick(plan.cheats) : nil
            members.append(member(number, cheat))
        }
        formRings()
    }

    private mutating func member(_ number: Int, _ cheat: CheatKind?) -> WorldMember {
        let isPlain = dice.happens(cheat != nil ? 0.6 : 0.45)
        let honest = isPlain ? .plain : dice.pick(HonestKind.allCases)
        let main = dice.below(programs.count)
        var member = WorldMember(
            label: WorldAffiliate(id: "aff-\(number)-\(dice.word(5))", honest: honest, cheat: cheat), programs: [main],
            clicksPerDay: min(120, dice.logNormal(median: 12, sigma: 1.1)),
            conversion: dice.logNormal(median: 1, sigma: 0.45), timeFactor: dice.logNormal(median: 1, sigma: 0.4),
            amountFactor: dice.happens(0.5) ? 1 : dice.logNormal(median: 1, sigma: 0.25),
            joinDay: dice.happens(0.75) ? 0 : dice.below(days * 2 / 3),
            signUpIP: population.address(in: programs[main].countries[0], &dice),
            subIDs: (0..<dice.whole(1...8)).map { "s\(number)-\($0)" },
            referrers: (0..<dice.whole(1...5)).map { "https://site\(number)-\($0).example/page" },
            peakHour: dice.within(11...21), weekendFactor: dice.within(0.6...1.5), eventDay: dice.below(days))
        member.paid = dice.happens(0.25) ? dice.within(0.05...0.9) : dice.within(0...0.03)
        member.inApp = dice.happens(0.12) ? dice.within(0.3...1) : 0
        member.regulars = dice.happens(0.35) ? dice.within(0.05...0.5) : dice.within(0...0.05)
        member.returningFactor = dice.logNormal(median: 1, sigma: 0.3)
        member.refundFactor = dice.logNormal(median: 1, sigma: 0.5)
        oddities(&member)
        member.nightly = dice.happens(0.12) ? dice.within(0.05...0.4) : 0
        member.foreign = dice.happens(0.12) ? dice.within(0.05...0.5) : 0
        if dice.happens(0.3) { member.programs.append(dice.below(programs.count)) }
        shape(&member, number)
        if cheat != nil { arm(&member) }
        return member
    }

    /// What is lastingly odd about an affiliate of any kind: such things alone are no fraud.
    private mutating func oddities(_ member: inout WorldMember) {
        member.referrerless = dice.happens(0.12) ? dice.within(0.7...1) : 0
        member.sigmaFactor = dice.happens(0.12) ? dice.within(0.35...0.8) : 1
        member.travels = dice.happens(0.1) ? dice.within(0.05...0.6) : 0
        member.publicCoupons = dice.happens(0.4) ? dice.within(0.02...0.3) : 0
        member.leakedCoupons = dice.happens(0.3) ? dice.scale(0.005...0.8) : 0
        member.latecomers = dice.happens(0.3) ? dice.scale(0.003...0.15) : 0
        member.tabs = dice.happens(0.35) ? dice.scale(0.002...0.08) : 0
        member.autoship = dice.happens(0.06) ? dice.within(0.1...0.9) : 0
    }

    /// What the honest kinds are like.
    private mutating func shape(_ member: inout WorldMember, _ number: Int) {
        // Who sells nothing looks like nobody.
        if member.label.honest != .plain { member.clicksPerDay = max(member.clicksPerDay, dice.scale(4...60)) }
        switch member.label.honest {
        case .coupon:
            // With codes of its own, or as a cashback site mostly without.
            member.trait = dice.happens(0.5) ? dice.within(0.4...0.95) : dice.within(0...0.2)
            member.conversion *= dice.scale(2...12)
            member.timeFactor *= dice.scale(0.01...0.3)
            member.publicCoupons = dice.within(0...0.8)
            member.leakedCoupons = dice.happens(0.5) ? dice.within(0...0.4) : 0
            // Whoever is about to pay looks for a code, wherever he came from.
            member.latecomers = dice.scale(0.01...0.7)
        case .content:
            member.conversion *= dice.within(0.2...0.6)
            member.timeFactor *= dice.within(2...12)
            member.lateFactor = dice.within(1...3)
        case .campus:
            member.trait = Double(dice.whole(1...4))
            if dice.happens(0.3) { member.signUpIP = "77.\(number).7.1" }
        case .carrier: member.trait = Double(dice.whole(4...30))
        case .vpnUsers: member.trait = dice.within(0.15...0.6)
        case .guestCheckout:
            member.trait = dice.within(0.3...0.9)
            member.regulars = dice.within(0...0.5)
        case .newcomer:
            member.joinDay = max(2, dice.below(days - 5))
            member.trait = Double(dice.whole(4...15))
        case .pricePoint: member.trait = dice.within(0.4...0.95)
        case .small: member.clicksPerDay = dice.within(0.5...4)
        case .flashSale, .viralPost, .newsletter: member.trait = dice.within(4...25)
        case .seasonal: member.trait = dice.within(1...4)
        case .foreignAudience: member.trait = dice.within(0.3...0.95)
        case .sharedTablets, .callCentre, .business: crowd(&member)
        case .plain: break
        }
    }

    /// Many people behind few devices or networks.
    private mutating func crowd(_ member: inout WorldMember) {
        switch member.label.honest {
        case .sharedTablets:
            // Of one make as a rule, in one shop or some, where most who look buy.
            member.conversion *= dice.scale(1...20)
            member.trait = Double(dice.whole(1...12))
            member.crowd = dice.within(0.2...1)
            member.crowdAgent = dice.happens(0.7) ? population.agent(&dice) : ""
            if dice.happens(0.3) { member.joinDay = 0 }
        case .callCentre:
            // Few desks of one make, where most who call buy, and whoever calls is somebody else.
            member.conversion *= dice.scale(1.5...30)
            member.trait = Double(dice.whole(1...20))
            member.crowd = dice.within(0.6...1)
            member.crowdAgent = dice.happens(0.8) ? population.agent(&dice) : ""
            member.referrerless = dice.happens(0.7) ? dice.within(0.6...1) : 0
            member.returningFactor = dice.scale(0.1...1)
            member.peakHour = dice.within(10...16)
            member.weekendFactor = dice.within(0...1)
            member.sigmaFactor = dice.within(0.4...1)
            member.timeFactor *= dice.scale(0.1...2)
            if dice.happens(0.5) { member.joinDay = 0 }
        case .business:
            // Offices: few networks, office hours wherever they are, colleagues who order again, long approvals.
            member.trait = Double(dice.whole(1...30))
            member.crowd = dice.within(0.1...0.95)
            member.crowdAgent = dice.happens(0.3) ? population.agent(&dice) : ""
            member.weekendFactor = dice.within(0.03...0.7)
            member.peakHour = dice.within(9...16)
            member.timeFactor *= dice.within(0.7...8)
            member.lateFactor = dice.within(1...3)
            member.amountFactor = dice.happens(0.5) ? dice.within(1...4) : 1
            member.regulars = dice.within(0...0.5)
            member.nightly = dice.happens(0.4) ? dice.within(0.05...0.4) : 0
            member.foreign = dice.happens(0.5) ? dice.within(0.05...0.6) : 0
        default: break
        }
    }

    mutating func run() {
        for day in 0..<days {
            for index in members.indices where members[index].joinDay <= day {
                honestDay(index, day)
                cheatDay(index, day)
            }
        }
    }

    /// The moment at `hour` of `day`.
    func moment(_ day: Int, _ hour: Double) -> Timestamp {
        Timestamp(
            microsecondsSinceEpoch: start.microsecondsSinceEpoch + Int64(day) * 86_400_000_000
                + Int64(hour * 3_600_000) * 1_000)
    }

    func day(of moment: Timestamp) -> Int { Int(moment.day - start.day) }

    private mutating func id(_ kind: String) -> String {
        made += 1
        return "\(kind)\(made)-\(dice.word(6))"
    }

    private func has(_ field: WorldProgram.Field, _ program: WorldProgram, _ dice: inout Dice) -> Bool {
        !dice.happens(program.missing[field] ?? 0)
    }

    private mutating func mark(_ index: Int, _ moment: Timestamp) {
        members[index].label.cheatDays.insert(day(of: moment))
    }

    /// Adds a click.
    mutating func click(
        _ index: Int, _ number: Int, at moment: Timestamp, by visitor: Visitor, referrer: String? = nil,
        subID: String? = nil, landing: String = "", isCheat: Bool = false
    ) -> SampleEvent {
        let program = programs[number]
        var event = SampleEvent(
            kind: .click, eventID: id("k"), occurredAt: moment, programID: program.id,
            affiliateID: members[index].label.id)
        event.clickID = id("q")
        event.subID = has(.subID, program, &dice) ? subID ?? dice.pick(members[index].subIDs) : nil
        let isFromNowhere = referrer == nil && dice.happens(max(program.referrerless, members[index].referrerless))
        if has(.referrer, program, &dice), !isFromNowhere {
            event.referrer = referrer ?? dice.pick(members[index].referrers)
        }
        if has(.landing, program, &dice) { event.landingURL = "https://shop.example/\(program.id)/p?\(landing)" }
        fill(&event, program, visitor)
        events.append(event)
        if isCheat { mark(index, moment) }
        return event
    }

    private mutating func fill(_ event: inout SampleEvent, _ program: WorldProgram, _ visitor: Visitor) {
        event.ip = has(.ip, program, &dice) ? visitor.ip : nil
        event.deviceID = has(.device, program, &dice) ? visitor.device : nil
        event.userAgent = has(.agent, program, &dice) ? visitor.agent : nil
        event.country = has(.country, program, &dice) ? visitor.country : nil
    }

    /// Adds an order and what may come back of it.
    @discardableResult
    mutating func order(
        _ index: Int, _ number: Int, at moment: Timestamp, of click: SampleEvent?, by visitor: Visitor,
        amount: Int64, refund: Double? = nil, earlyRefund: Bool = false, chargeback: Double? = nil,
        coupon: String? = nil, orderID: String? = nil, isCheat: Bool = false
    ) -> SampleEvent {
        let program = programs[number]
        var event = SampleEvent(
            kind: .conversion, eventID: id("e"), occurredAt: moment, programID: program.id,
            affiliateID: members[index].label.id)
        event.orderID = orderID ?? id("o")
        event.amountMinor = amount
        event.currency = program.currency
        event.coupon = coupon
        event.clickID = click != nil && has(.click, program, &dice) ? click?.clickID : nil
        event.subID = click?.subID
        fill(&event, program, visitor)
        event.customerID = has(.customer, program, &dice) ? visitor.customer : nil
        event.isNewCustomer = has(.newness, program, &dice) ? visitor.isNew : nil
        events.append(event)
        if isCheat {
            cheatEvents.insert(event.eventID)
            mark(index, moment)
        } else {
            recentOrders.append(event)
            if recentOrders.count > 600 { recentOrders.removeFirst(300) }
        }
        if dice.happens(refund ?? min(0.5, program.refundRate * members[index].refundFactor)) {
            let days = earlyRefund ? dice.within(0.1...2.5) : dice.exponential(mean: program.refundDays) + 0.2
            loss(.refund, of: event, after: days)
        } else if dice.happens(chargeback ?? program.chargebackRate) {
            loss(.chargeback, of: event, after: dice.within(3...35))
        }
        return event
    }

    private mutating func loss(_ kind: SampleEvent.Kind, of order: SampleEvent, after days: Double) {
        var event = SampleEvent(
            kind: kind, eventID: id("l"), occurredAt: order.occurredAt.adding(seconds: Int64(days * 86_400)),
            programID: order.programID)
        guard day(of: event.occurredAt) < self.days else { return }
        event.affiliateID = order.affiliateID
        event.orderID = order.orderID
        event.amountMinor = order.amountMinor
        event.currency = order.currency
        events.append(event)
    }
}
