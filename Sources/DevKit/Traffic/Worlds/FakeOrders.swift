import Domain

extension WorldMaker {
    /// One order that is made up, stolen or diverted, with its click.
    mutating func fake(_ cheat: CheatKind, _ index: Int, _ number: Int, _ day: Int, share: Double) {
        switch cheat {
        case .clickFlooding, .cookieStuffing: return
        case .clickInjection: inject(index, number, day)
        case .bots: bot(index, number, day)
        case .deviceFarm: farm(index, number, day)
        case .replayedOrders: replay(index, number, day)
        case .stolenCards: steal(index, number, day)
        case .selfReferral: refer(index, number, day)
        case .proxies: proxy(index, number, day)
        case .incentivised: incite(index, number, day)
        case .thresholdGaming: game(index, number, day)
        case .slowRamp: reuse(index, number, day)
        case .collusionRing: collude(index, number, day)
        case .brandBidding: bid(index, number, day)
        }
    }

    private mutating func anyone(_ number: Int, returning: Double = 0.4) -> Visitor {
        let program = programs[number]
        return population.visitor(of: program.countries, program.countryWeights, returning: returning, &dice)
    }

    private mutating func human(_ number: Int, _ index: Int) -> Double {
        dice.logNormal(
            median: programs[number].timeMedian * members[index].timeFactor, sigma: programs[number].timeSigma)
    }

    private mutating func daytime() -> Double { min(23.9, max(0, 15 + 4 * dice.normal())) }

    /// The order `seconds` after a click by the same person; none if the world ends before.
    @discardableResult
    private mutating func pair(
        _ index: Int, _ number: Int, _ clicked: Timestamp, _ seconds: Double, _ person: Visitor,
        buyer: Visitor? = nil, amount: Int64? = nil, refund: Double? = nil, earlyRefund: Bool = false,
        chargeback: Double? = nil, coupon: String? = nil, referrer: String? = nil, subID: String? = nil,
        landing: String = ""
    ) -> SampleEvent? {
        let at = clicked.adding(seconds: Int64(min(max(seconds, 1), 25 * 86_400)))
        guard day(of: at) < days else { return nil }
        let landed = click(
            index, number, at: clicked, by: person, referrer: referrer, subID: subID, landing: landing, isCheat: true)
        return order(
            index, number, at: at, of: landed, by: buyer ?? person, amount: amount ?? programs[number].amount(&dice),
            refund: refund, earlyRefund: earlyRefund, chargeback: chargeback, coupon: coupon, isCheat: true)
    }

    private mutating func inject(_ index: Int, _ number: Int, _ day: Int) {
        let person = anyone(number, returning: 0.5)
        let at = moment(day, daytime())
        let rivals = members.indices.filter { $0 != index && members[$0].programs.contains(number) }
        if !rivals.isEmpty, dice.happens(0.3 + 0.7 * members[index].trait) {
            _ = click(dice.pick(rivals), number, at: at.adding(seconds: -Int64(dice.scale(60...3_000))), by: person)
        }
        pair(index, number, at, dice.within(1...14), person)
    }

    private mutating func bot(_ index: Int, _ number: Int, _ day: Int) {
        let member = members[index]
        var person = dice.pick(member.crew)
        let isStale = member.trait > 0.7
        person.agent = isStale ? "Mozilla/5.0 HeadlessChrome/\(70 + index % 20)" : member.crew[0].agent
        if member.trait < 0.8 {
            person.device = "b" + dice.word(9)
            person.customer = "b" + dice.word(9)
        }
        if member.trait < 0.4 {
            // Fresh addresses of the crew's networks, behind a browser as it should be.
            person.ip = person.ip.split(separator: ".").prefix(3).joined(separator: ".") + ".\(dice.whole(1...254))"
            if dice.happens(0.2) { person.agent = population.agent(&dice) }
        }
        let usual = 20 + 900 * member.trait * member.trait
        let seconds = dice.logNormal(median: usual, sigma: 0.05 + 0.25 * member.trait)
        pair(
            index, number, moment(day, dice.within(0...23.8)), seconds, person,
            amount: dice.happens(0.6) ? programs[number].pricePoints.min() : nil, refund: dice.within(0...0.3))
    }

    private mutating func farm(_ index: Int, _ number: Int, _ day: Int) {
        let member = members[index]
        var person = dice.pick(member.crew)
        person.customer = "f" + dice.word(9)
        if member.trait > 0.5 { person.device = "f" + dice.word(9) }
        let shift = 3 + 16 * member.trait
        let hour = (shift + dice.within(0...7)).truncatingRemainder(dividingBy: 24)
        pair(
            index, number, moment(day, hour), dice.logNormal(median: 240, sigma: 0.5), person,
            amount: dice.happens(0.5) ? dice.pick(programs[number].pricePoints) : nil, refund: 0.1)
    }

    private mutating func replay(_ index: Int, _ number: Int, _ day: Int) {
        let member = members[index]
        let candidates = recentOrders.suffix(200).filter {
            $0.affiliateID == member.label.id && $0.programID == programs[number].id
        }
        guard let old = candidates.last.map({ last in dice.happens(0.5) ? last : dice.pick(Array(candidates)) }) else {
            pair(index, number, moment(day, daytime()), human(number, index), anyone(number))
            return
        }
        let person = Visitor(
            device: old.deviceID ?? "r" + dice.word(9), customer: old.customerID ?? "r" + dice.word(9),
            ip: old.ip ?? "11.0.0.1", agent: old.userAgent ?? "", country: old.country ?? "US", isNew: false)
        let amount = (old.amountMinor ?? 100) * Int64(995 + dice.below(11)) / 1_000
        var click: SampleEvent?
        if member.trait < 0.5 {
            click = old
        } else if member.trait < 0.75 {
            click = old
            click?.clickID = "q" + dice.word(10)
        }
        order(
            index, number, at: moment(day, dice.within(0...23.9)), of: click, by: person, amount: max(100, amount),
            orderID: member.trait > 0.35 && member.trait < 0.6 ? old.orderID : nil, isCheat: true)
    }

    private mutating func steal(_ index: Int, _ number: Int, _ day: Int) {
        let member = members[index]
        var person = dice.pick(member.crew)
        person.customer = "t" + dice.word(9)
        if dice.happens(0.4) { person.device = "t" + dice.word(9) }
        var buyer = person
        if dice.happens(0.5 * member.trait) { buyer.country = dice.pick(WorldProgram.markets) }
        let hour = dice.happens(0.5) ? dice.within(0...6) : dice.within(0...23.8)
        let amount = programs[number].amount(&dice, factor: 1.3 + 1.5 * member.trait)
        pair(
            index, number, moment(day, hour), human(number, index), person, buyer: buyer, amount: amount,
            refund: 0.02, chargeback: 0.2 + 0.5 * member.trait)
    }

    private mutating func refer(_ index: Int, _ number: Int, _ day: Int) {
        let person = dice.pick(members[index].crew)
        pair(index, number, moment(day, dice.within(8...23)), dice.scale(40...2_000), person)
    }

    private mutating func proxy(_ index: Int, _ number: Int, _ day: Int) {
        let member = members[index]
        var person = anyone(number)
        let foreign = WorldProgram.markets[(index + dice.below(3)) % WorldProgram.markets.count]
        var buyer = person
        if member.trait < 0.5 {
            if dice.happens(0.6) { person.ip = population.hosted(&dice) }
            buyer.country = foreign
            buyer.ip = population.address(in: foreign, &dice)
        } else {
            person.country = foreign
            person.ip = dice.happens(0.5) ? population.hosted(&dice) : population.address(in: foreign, &dice)
            buyer = person
        }
        pair(index, number, moment(day, dice.within(0...23.5)), human(number, index), person, buyer: buyer, refund: 0.1)
    }

    private mutating func incite(_ index: Int, _ number: Int, _ day: Int) {
        let member = members[index]
        var person = anyone(number)
        person.isNew = true
        person.customer = "i" + dice.word(9)
        let from = 8 + 12 * member.trait
        pair(
            index, number, moment(day, from + dice.within(0...2.5)), dice.logNormal(median: 150, sigma: 0.7), person,
            amount: programs[number].pricePoints.min(), refund: 0.2 + 0.4 * member.trait, earlyRefund: true,
            subID: member.subIDs[0])
    }

    private mutating func game(_ index: Int, _ number: Int, _ day: Int) {
        let limit = programs[number].limit
        let amount = limit - 1 - Int64(dice.within(0...0.099) * Double(limit))
        pair(index, number, moment(day, daytime()), human(number, index), anyone(number), amount: amount)
    }

    private mutating func reuse(_ index: Int, _ number: Int, _ day: Int) {
        var person = dice.pick(members[index].crew)
        if dice.happens(0.7) { person.customer = "w" + dice.word(9) }
        person.isNew = dice.happens(0.6)
        pair(index, number, moment(day, daytime()), human(number, index), person, refund: 0)
    }

    private mutating func collude(_ index: Int, _ number: Int, _ day: Int) {
        var person = dice.pick(members[index].crew)
        if dice.happens(members[index].trait) { person.customer = "u" + dice.word(9) }
        person.isNew = false
        pair(index, number, moment(day, daytime()), human(number, index) / 2, person)
    }

    private mutating func bid(_ index: Int, _ number: Int, _ day: Int) {
        let member = members[index]
        let search = "https://www.search.example/"
        let isMarked = dice.happens(0.5 + 0.5 * member.trait)
        for _ in 0..<dice.below(1 + Int(8 * member.trait)) {
            let landing = isMarked ? "gclid=\(dice.word(12))" : "utm_source=search"
            _ = click(
                index, number, at: moment(day, daytime()), by: anyone(number), referrer: search, landing: landing,
                isCheat: true)
        }
        let person = anyone(number, returning: 0.8)
        let landing = isMarked ? "gclid=\(dice.word(12))" : "utm_source=search"
        let owner = members.indices.filter { members[$0].label.honest == .coupon && $0 != index }
        let coupon = !owner.isEmpty && dice.happens(0.4) ? "SAVE\(dice.pick(owner))" : nil
        pair(
            index, number, moment(day, daytime()), human(number, index) * 0.3, person, coupon: coupon,
            referrer: search, landing: landing)
    }
}
