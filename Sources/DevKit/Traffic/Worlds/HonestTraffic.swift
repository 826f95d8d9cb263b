import Domain

extension WorldMaker {
    mutating func honestDay(_ index: Int, _ day: Int) {
        let member = members[index]
        var clicks = member.clicksPerDay * (day % 7 >= 5 ? member.weekendFactor : 1)
        var conversion = member.conversion
        var spread = 4.5
        switch member.label.honest {
        case .flashSale where (day - member.eventDay) >= 0 && (day - member.eventDay) < 2:
            clicks *= member.trait
            conversion *= dice.within(1...2.5)
        case .viralPost where (day - member.eventDay) >= 0 && (day - member.eventDay) < 3:
            clicks *= member.trait
            conversion *= 0.3
        case .newsletter:
            let sends = (day + member.eventDay) % 7 < 2
            clicks *= sends ? min(member.trait, 8) : 0.3
            spread = sends ? 1.2 : spread
        case .newcomer: clicks *= min(1.5, Double(day - member.joinDay + 1) / member.trait)
        case .business, .callCentre: spread = 2.2
        case .seasonal: clicks *= 0.5 + member.trait * Double(day) / Double(days)
        default: break
        }
        for _ in 0..<dice.poisson(min(clicks, 700)) {
            visit(index, dice.pick(member.programs), day, conversion: conversion, spread: spread)
        }
    }

    /// One visitor, who may click again and may buy.
    private mutating func visit(_ index: Int, _ number: Int, _ day: Int, conversion: Double, spread: Double) {
        let member = members[index]
        let program = programs[number]
        let person = visitor(index, number)
        let shift = Double(HonestClock.shift(person.country))
        let hour =
            dice.happens(member.nightly)
            ? dice.within(1...5.9)
            : dice.happens(0.12) ? dice.within(0...24) : member.peakHour + spread * dice.normal()
        let utc = (hour - shift).truncatingRemainder(dividingBy: 24)
        var at = moment(day, utc < 0 ? utc + 24 : utc)
        if dice.happens(program.previews) { preview(index, number, at) }
        if dice.happens(member.latecomers) { comeFromRival(index, number, at, person) }
        let landing = dice.happens(member.paid) ? "gclid=" + dice.word(12) : ""
        var landed = click(index, number, at: at, by: person, landing: landing)
        if programs.count > 1, dice.happens(member.tabs) {
            let other = (number + 1 + dice.below(programs.count - 1)) % programs.count
            _ = click(index, other, at: at.adding(seconds: Int64(dice.whole(1...30))), by: person)
        }
        if dice.happens(program.clicksAgain) {
            at = at.adding(seconds: Int64(dice.scale(3...40_000)))
            guard self.day(of: at) < days else { return }
            landed = click(index, number, at: at, by: person, landing: landing)
        }
        guard dice.happens(min(0.9, program.conversion * conversion)) else { return }
        buy(index, number, landed, person)
    }

    /// Who read of the shop elsewhere, and clicked there, looks for a code or a better price before paying.
    private mutating func comeFromRival(_ index: Int, _ number: Int, _ at: Timestamp, _ person: Visitor) {
        let rivals = members.indices.filter {
            $0 != index && members[$0].programs.contains(number) && members[$0].joinDay <= day(of: at)
        }
        let before = at.adding(seconds: -Int64(dice.scale(20...3_400)))
        guard !rivals.isEmpty, before >= start else { return }
        _ = click(dice.pick(rivals), number, at: before, by: person)
    }

    /// A messenger or mailbox that looks at the link before a person does.
    private mutating func preview(_ index: Int, _ number: Int, _ at: Timestamp) {
        var program = population.fresh(country: programs[number].countries[0], isNew: true, &dice)
        program.ip = population.hosted(&dice)
        program.agent = dice.pick([
            "facebookexternalhit/1.1 bot", "Slackbot-LinkExpanding 1.0", "WhatsApp/2.23 preview",
        ])
        _ = click(index, number, at: at, by: program)
    }

    private mutating func buy(_ index: Int, _ number: Int, _ landed: SampleEvent, _ person: Visitor) {
        let member = members[index]
        let program = programs[number]
        var buyer = person
        let isLate = dice.happens(min(0.7, program.lateShare * member.lateFactor))
        let seconds =
            isLate
            ? dice.within(0.5...20) * 86_400
            : dice.happens(program.buysAtOnce)
                ? dice.within(3...40)
                : dice.logNormal(
                    median: program.timeMedian * member.timeFactor, sigma: program.timeSigma * member.sigmaFactor)
        let at = landed.occurredAt.adding(seconds: Int64(min(max(seconds, 4), 29 * 86_400)))
        guard day(of: at) < days else { return }
        if dice.happens(program.crossDevice) { buyer.device += "x" }
        if dice.happens(program.movesNetwork) { buyer.ip = population.address(in: buyer.country, &dice) }
        if dice.happens(max(program.travels, member.travels)) { buyer.country = dice.pick(WorldProgram.markets) }
        if dice.happens(program.household) { buyer.customer += "h" }
        if member.label.honest == .guestCheckout, dice.happens(member.trait) {
            buyer.customer = "g" + dice.word(10)
            buyer.isNew = true
        }
        var amount = program.amount(&dice, factor: member.amountFactor)
        if member.label.honest == .pricePoint, dice.happens(member.trait) {
            amount = program.limit * Int64(90 + (number + index) % 10) / 100
        }
        let coupon = coupon(index, program)
        var credited: SampleEvent? = dice.happens(program.unattributed) ? nil : landed
        if dice.happens(program.lostClicks) { credited?.clickID = "lost" + dice.word(8) }
        order(
            index, number, at: at, of: credited, by: buyer, amount: amount, coupon: coupon)
        if members[index].buyers.count < 300 { members[index].buyers.append(buyer) }
        let isShipped = dice.happens(member.autoship)
        guard isShipped || dice.happens(program.ordersAgain) else { return }
        let again = at.adding(seconds: Int64(isShipped ? 86_400 * dice.within(1...8) : dice.scale(60...500_000)))
        guard day(of: again) < days else { return }
        let repeated = isShipped || dice.happens(0.3) ? amount : program.amount(&dice, factor: member.amountFactor)
        order(index, number, at: again, of: credited, by: buyer, amount: repeated)
    }

    /// A code of the affiliate's own, one that everybody knows, or one that leaked.
    private mutating func coupon(_ index: Int, _ program: WorldProgram) -> String? {
        let member = members[index]
        if member.label.honest == .coupon, dice.happens(member.trait) { return "SAVE\(index)" }
        if dice.happens(member.publicCoupons), !program.publicCoupons.isEmpty {
            return dice.pick(program.publicCoupons)
        }
        guard dice.happens(member.leakedCoupons) else { return nil }
        let owners = members.indices.filter { members[$0].label.honest == .coupon }
        return owners.isEmpty ? nil : "SAVE\(dice.pick(owners))"
    }

    /// Someone as the honest kind attracts them.
    private mutating func visitor(_ index: Int, _ number: Int) -> Visitor {
        let member = members[index]
        let program = programs[number]
        var person = population.visitor(
            of: program.countries, program.countryWeights,
            returning: min(0.95, program.returningShare * member.returningFactor), &dice)
        if !member.buyers.isEmpty, dice.happens(member.regulars) {
            person = dice.pick(member.buyers)
            person.isNew = false
        }
        if dice.happens(member.foreign) {
            person = population.fresh(country: dice.pick(WorldProgram.markets), isNew: person.isNew, &dice)
        }
        if dice.happens(program.hosted) { person.ip = population.hosted(&dice) }
        if dice.happens(member.inApp) { person.agent = "InApp/\(index) Mozilla/5.0" }
        switch member.label.honest {
        case .campus where dice.happens(0.85):
            person.ip = "77.\(index).7.\(dice.below(Int(member.trait)) + 1)"
        case .carrier where dice.happens(0.8):
            person.ip = "78.\(index).8.\(dice.below(Int(member.trait)) + 1)"
        case .vpnUsers where dice.happens(member.trait):
            person.ip = population.hosted(&dice)
            if dice.happens(0.4) { person.country = dice.pick(WorldProgram.markets) }
        case .sharedTablets where dice.happens(member.crowd),
            .callCentre where dice.happens(member.crowd):
            let tablet = dice.below(Int(member.trait))
            person.device = "tablet\(index)-\(tablet)"
            person.ip = "79.\(index).9.\(tablet % 2 + 1)"
            person.country = program.countries[0]
            if !member.crowdAgent.isEmpty { person.agent = member.crowdAgent }
        case .business where dice.happens(member.crowd):
            person.ip = "76.\(index).\(dice.below(Int(member.trait)) + 1).\(dice.whole(1...3))"
            if !member.crowdAgent.isEmpty { person.agent = member.crowdAgent }
        case .foreignAudience where dice.happens(member.trait):
            let markets = WorldProgram.markets
            person = population.fresh(
                country: markets[(index + dice.below(2)) % markets.count], isNew: person.isNew, &dice)
        default: break
        }
        return person
    }
}

/// When people of a country are awake, in hours east of Greenwich.
enum HonestClock {
    static func shift(_ country: String) -> Int {
        switch country {
        case "US", "CA": -5
        case "MX": -6
        case "BR": -3
        case "GB": 0
        case "TR": 3
        case "ZA": 2
        case "IN": 5
        case "ID": 7
        case "JP": 9
        case "AU": 10
        default: 1
        }
    }
}
