import Domain

extension WorldMaker {
    /// Draws when and how hard a cheat cheats, and with whom.
    mutating func arm(_ member: inout WorldMember) {
        member.cheatStart = max(member.joinDay, dice.happens(0.35) ? 0 : dice.below(days * 3 / 4))
        member.cheatEnd = dice.happens(0.2) ? member.cheatStart + dice.whole(3...12) : days
        member.intensity = dice.scale(plan.intensity)
        member.rampDays = dice.happens(0.3) || member.label.cheat == .slowRamp ? dice.whole(4...16) : 0
        member.trait = dice.unit()
        member.clicksPerDay = max(member.clicksPerDay, dice.within(3...15))
        let program = programs[member.programs[0]]
        let hosts = dice.within(0.4...1)
        let address = population.address(in: program.countries[0], &dice)
        let network: String = address.split(separator: ".").first.map(String.init) ?? "11"
        let subnet = network + "." + dice.pick(["44.5", "90.77", "3.201"]) + "."
        let agents = (0..<dice.whole(1...4)).map { _ in population.agent(&dice) }
        member.crew = (0..<dice.whole(2...24)).map { _ in
            var person = population.fresh(
                country: program.countries[dice.index(program.countryWeights)], isNew: true, &dice)
            switch member.label.cheat {
            case .bots:
                if dice.happens(hosts) { person.ip = population.hosted(&dice) }
                person.agent = dice.pick(agents)
            case .deviceFarm, .incentivised, .slowRamp:
                if dice.happens(0.7) { person.ip = subnet + "\(dice.whole(1...254))" }
                if dice.happens(0.8) { person.agent = dice.pick(agents) }
            case .selfReferral: if dice.happens(0.8) { person.ip = member.signUpIP }
            case .proxies: person.ip = dice.happens(0.5) ? population.hosted(&dice) : person.ip
            default: break
            }
            return person
        }
        if member.label.cheat == .selfReferral { member.crew = Array(member.crew.prefix(dice.whole(1...4))) }
    }

    /// Members of a ring share their crew.
    mutating func formRings() {
        let ring = members.indices.filter { members[$0].label.cheat == .collusionRing }
        for (position, index) in ring.enumerated() {
            let head = ring[position - position % 3]
            members[index].crew = members[head].crew
            members[index].programs[0] = members[head].programs[0]
        }
        // A ring of one is none: the last joins the group before, or finds a partner.
        if ring.count % 3 == 1, let last = ring.last {
            if ring.count > 1 {
                members[last].crew = members[ring[0]].crew
            } else if let partner = members.indices.first(where: { members[$0].label.cheat != nil && $0 != last }) {
                members[partner].label = WorldAffiliate(
                    id: members[partner].label.id, honest: members[partner].label.honest, cheat: .collusionRing)
                members[partner].crew = members[last].crew
                members[partner].programs[0] = members[last].programs[0]
            }
        }
    }

    mutating func cheatDay(_ index: Int, _ day: Int) {
        let member = members[index]
        let share = member.cheating(on: day)
        guard share > 0, let cheat = member.label.cheat else { return }
        let number = member.programs[0]
        let usual = max(0.7, member.clicksPerDay * min(0.6, programs[number].conversion * member.conversion))
        let count = dice.poisson(min(40, max(0.6, usual * member.intensity)) * share)
        switch cheat {
        case .clickFlooding: flood(index, number, day, orders: count, share: share)
        case .cookieStuffing: stuff(index, number, day, orders: count, share: share)
        default: for _ in 0..<count { fake(cheat, index, number, day, share: share) }
        }
    }

    /// Clicks without end on devices of people who may buy anyway.
    private mutating func flood(_ index: Int, _ number: Int, _ day: Int, orders: Int, share: Double) {
        let member = members[index]
        let program = programs[number]
        let clicks = min(400, max(20, member.clicksPerDay * (2 + 12 * member.intensity) * share))
        let devices = max(3, Int(clicks / dice.within(1.5...8)))
        let isRegular = member.trait < 0.6
        for _ in 0..<devices {
            let person = population.visitor(of: program.countries, program.countryWeights, returning: 0.5, &dice)
            let start = dice.within(0...20)
            let gap = isRegular ? dice.within(0.1...1.2) : 0
            for turn in 0..<Int(clicks / Double(devices)) {
                let hour = isRegular ? start + gap * Double(turn) : dice.within(0...24)
                guard hour < 24 else { break }
                _ = click(index, number, at: moment(day, hour), by: person, isCheat: true)
            }
        }
        for _ in 0..<orders { poach(index, number, day) }
    }

    /// Opens the shop's page unseen on devices of people who never chose to.
    private mutating func stuff(_ index: Int, _ number: Int, _ day: Int, orders: Int, share: Double) {
        let member = members[index]
        let clicks = min(400, max(20, member.clicksPerDay * (1 + 8 * member.intensity) * share))
        for _ in 0..<Int(clicks) {
            let program = programs[number]
            let person = population.visitor(of: program.countries, program.countryWeights, returning: 0.7, &dice)
            let hour = dice.happens(0.5) ? dice.within(0...24) : 15 + 4 * dice.normal()
            let at = moment(day, min(23.9, max(0, hour)))
            let referrer = member.trait < 0.5 ? member.referrers[0] : nil
            _ = click(index, number, at: at, by: person, referrer: referrer, isCheat: true)
            guard programs.count > 1, dice.happens(0.2 + 0.8 * member.trait) else { continue }
            let other = (number + 1 + dice.below(programs.count - 1)) % programs.count
            _ = click(
                index, other, at: at.adding(seconds: Int64(dice.below(2))), by: person, referrer: referrer,
                isCheat: true)
        }
        for _ in 0..<orders { poach(index, number, day) }
    }

    /// An order that would have come anyway, credited to a click of any time within weeks.
    private mutating func poach(_ index: Int, _ number: Int, _ day: Int) {
        let program = programs[number]
        var person = population.visitor(of: program.countries, program.countryWeights, returning: 0.75, &dice)
        let bought = moment(day, dice.within(7...23.9))
        let before = dice.within(0.02...min(25, Double(day) + 0.3))
        let clicked = bought.adding(seconds: -Int64(before * 86_400))
        person.isNew = dice.happens(0.2)
        let landed = click(index, number, at: max(clicked, start), by: person, isCheat: true)
        order(
            index, number, at: bought, of: landed, by: person, amount: program.amount(&dice), isCheat: true)
    }
}
