/// Someone with a device, as an honest visitor or as one made up.
struct Visitor {
    var device: String
    var customer: String
    var ip: String
    var agent: String
    var country: String
    var isNew: Bool
}

/// Where visitors come from: networks by country, browsers, data centres.
struct Population {
    private let networks: [String: [String]]
    private let agents: [String]
    private let agentWeights: [Double]
    private let hosts: [String]
    /// Visitors seen before, who may come again.
    private var known: [Visitor] = []
    private let knownMaximum = 4_000
    private let comesAgain: Double
    private var made = 0

    init(dice: inout Dice) {
        var networks: [String: [String]] = [:]
        for country in Set(WorldProgram.markets).sorted() {
            networks[country] = (0..<dice.whole(4...30)).map { _ in
                "\(dice.whole(11...99)).\(dice.below(256))"
            }
        }
        self.networks = networks
        agents = (0..<dice.whole(12...80)).map { _ in
            let system = dice.pick(["Windows NT 10.0", "iPhone; CPU OS 17", "Linux; Android 14", "Macintosh"])
            return "Mozilla/5.0 (\(system)) Version/\(dice.whole(80...131)).\(dice.below(9))"
        }
        agentWeights = agents.indices.map { 1 / Double($0 + 1) }
        hosts = (0..<dice.whole(3...8)).map { _ in "\(dice.whole(130...190)).\(dice.below(256))" }
        comesAgain = dice.within(0.02...0.25)
    }

    /// The lists of data centres that are published: most, not all.
    func publishedPrefixes(_ dice: inout Dice) -> [String] {
        hosts.filter { _ in dice.happens(0.8) }.map { "\($0).0.0/16" }
    }

    mutating func visitor(of countries: [String], _ weights: [Double], returning: Double, _ dice: inout Dice) -> Visitor
    {
        if known.count > 50, dice.happens(comesAgain) {
            let index = dice.below(known.count)
            if countries.contains(known[index].country) {
                known[index].isNew = false
                return known[index]
            }
        }
        let visitor = fresh(country: countries[dice.index(weights)], isNew: !dice.happens(returning), &dice)
        if known.count < knownMaximum {
            known.append(visitor)
        } else {
            known[dice.below(knownMaximum)] = visitor
        }
        return visitor
    }

    mutating func fresh(country: String, isNew: Bool, _ dice: inout Dice) -> Visitor {
        made += 1
        return Visitor(
            device: "d\(made)-\(dice.word(6))", customer: "c\(made)-\(dice.word(6))", ip: address(in: country, &dice),
            agent: agents[dice.index(agentWeights)], country: country, isNew: isNew)
    }

    func address(in country: String, _ dice: inout Dice) -> String {
        "\(dice.pick(networks[country] ?? ["11.1"])).\(dice.below(256)).\(dice.whole(1...254))"
    }

    func hosted(_ dice: inout Dice) -> String { "\(dice.pick(hosts)).\(dice.below(256)).\(dice.whole(1...254))" }

    func agent(_ dice: inout Dice) -> String { agents[dice.index(agentWeights)] }
}
