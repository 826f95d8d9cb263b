import Domain
import Testing

@Suite("Rules of a programme")
struct RuleSetTests {
    static let eur = Currency(code: "EUR")
    static let usd = Currency(code: "USD")

    /// A rule by its words: `id@priority v2 from 5 until 9 if groups=g,skus=s pays 7 %`.
    struct Line {
        var id = "r"
        var version: Int32 = 1
        var from: Int64 = 0
        var until: Int64?
        var priority: Int32 = 0
        var conditions = RuleConditions()
        var action = RuleAction.percent(BasisPoints(1_000))
        var currency: Currency?
        var caps: [RuleCap] = []

        var rule: RuleVersion {
            RuleVersion(
                ruleID: id, version: version, rulesVersion: version,
                validFrom: Timestamp(secondsSinceEpoch: from),
                validUntil: until.map(Timestamp.init(secondsSinceEpoch:)), priority: priority,
                terms: RuleTerms(conditions: conditions, action: action, currency: currency, caps: caps))
        }
    }

    static func line(_ id: String, _ change: (inout Line) -> Void = { _ in }) -> Line {
        var line = Line(id: id)
        change(&line)
        return line
    }

    static func set(_ lines: [Line]) throws -> RuleSet {
        RuleSet(programID: "p", programCurrency: try #require(eur), versions: lines.map(\.rule))
    }

    static func order(_ change: (inout OrderFacts) -> Void = { _ in }) throws -> OrderFacts {
        var order = OrderFacts(
            affiliateID: "a", amountMinor: 10_000, currency: try #require(eur),
            occurredAt: Timestamp(secondsSinceEpoch: 100))
        change(&order)
        return order
    }

    static let precedence: [(String, [Line], winner: String?)] = [
        ("no rule", [], nil),
        ("one", [line("x")], "x"),
        (
            "an affiliate's before a group's, whatever the priority",
            [
                line("group") {
                    $0.conditions.groups = ["g"]; $0.priority = 9
                },
                line("mine") { $0.conditions.affiliates = ["a"] }, line("all") { $0.priority = 99 },
            ], "mine"
        ),
        (
            "a group's before everybody's",
            [line("all") { $0.priority = 99 }, line("group") { $0.conditions.groups = ["g"] }], "group"
        ),
        ("the greater priority", [line("low"), line("high") { $0.priority = 1 }], "high"),
        (
            "more conditions", [line("a"), line("z") { $0.conditions.countries = ["DE"] }], "z"
        ),
        ("the greater version", [line("b"), line("z") { $0.version = 2 }], "z"),
        ("the smaller id", [line("b"), line("a")], "a"),
        ("not yet in force", [line("late") { $0.from = 101 }], nil),
        ("from its first moment on", [line("now") { $0.from = 100 }], "now"),
        ("until the moment before its end", [line("over") { $0.until = 100 }], nil),
        ("still in force", [line("last") { $0.until = 101 }], "last"),
        (
            "a later version supersedes from its own beginning on, even if it is not for the order",
            [
                line("r"),
                line("r") {
                    $0.version = 2; $0.from = 50; $0.conditions.countries = ["FR"]
                },
            ], nil
        ),
        (
            "a later version that begins later does not count yet",
            [
                line("r"),
                line("r") {
                    $0.version = 2; $0.from = 101; $0.conditions.countries = ["FR"]
                },
            ], "r"
        ),
        (
            "a version that ends where it begins ends the rule",
            [
                line("r"),
                line("r") {
                    $0.version = 2; $0.from = 60; $0.until = 60
                },
            ], nil
        ),
        (
            "a fixed amount of another currency",
            [
                line("r") {
                    $0.action = .fixed(5); $0.currency = usd
                }
            ], nil
        ),
        ("a share does not mind the currency", [line("r") { $0.currency = usd }], "r"),
        (
            "a cap does",
            [
                line("r") {
                    $0.currency = usd; $0.caps = [RuleCap(scope: .program, period: .day, limitMinor: 1)]
                }
            ], nil
        ),
        ("the smallest order", [line("r") { $0.conditions.minimumOrderMinor = 10_000 }], "r"),
        ("a smaller order", [line("r") { $0.conditions.minimumOrderMinor = 10_001 }], nil),
        ("a new customer, unknown", [line("r") { $0.conditions.newCustomer = true }], nil),
        ("by customer, unknown", [line("r") { $0.action = .recurring(BasisPoints(1), months: nil) }], nil),
        ("the second tier prices no order", [line("r") { $0.action = .secondTier(BasisPoints(1)) }], nil),
    ]

    @Test("One rule wins, by the published order", arguments: precedence)
    func wins(name: String, lines: [Line], winner: String?) throws {
        let order = try Self.order {
            $0.groupID = "g"
            $0.country = "DE"
        }
        for lines in [lines, lines.reversed()] {
            let rules = try Self.set(lines)
            #expect(rules.winner(for: order)?.ruleID == winner, "\(name)")
            let contest = rules.contest(for: order)
            #expect(contest.filter { $0.loss == nil }.map(\.rule.ruleID) == (winner.map { [$0] } ?? []), "\(name)")
        }
    }

    @Test("Losers say why")
    func losers() throws {
        let rules = try Self.set([
            Self.line("affiliates") { $0.conditions.affiliates = ["b"] },
            Self.line("groups") { $0.conditions.groups = ["g"] },
            Self.line("skus") { $0.conditions.skus = ["s"] }, Self.line("coupons") { $0.conditions.coupons = ["c"] },
            Self.line("sub_ids") { $0.conditions.subIDs = ["s"] }, Self.line("won") { $0.priority = 9 },
            Self.line("late") { $0.from = 200 },
        ])
        let contest = try rules.contest(for: Self.order())
        let losses = Dictionary(uniqueKeysWithValues: contest.map { ($0.rule.ruleID, $0.loss) })
        #expect(losses["won"] == .some(nil))
        #expect(losses["late"] == .notYetInForce)
        for condition in [RuleCondition.affiliates, .groups, .skus, .coupons, .subIDs] {
            #expect(losses[condition.rawValue] == .condition(condition))
        }
    }

    typealias Change = @Sendable (inout OrderFacts) -> Void
    static let item = OrderItem(sku: "s", category: "c", quantity: 3, amountMinor: 1_001)
    static let prices: [(String, Line, Change, amountMinor: Int64)] = [
        ("a tenth", line("r"), { _ in }, 1_000),
        (
            "half a cent to the even one below", line("r") { $0.action = .percent(BasisPoints(50)) },
            { $0.amountMinor = 100 }, 0
        ),
        (
            "half a cent to the even one above", line("r") { $0.action = .percent(BasisPoints(50)) },
            { $0.amountMinor = 300 }, 2
        ),
        ("for each of the conversions it stands for", line("r") { $0.action = .fixed(7) }, { $0.quantity = 3 }, 21),
        ("for each piece", line("r") { $0.action = .perItem(7) }, { $0.quantity = 3 }, 21),
        (
            "for each piece of the items it names",
            line("r") {
                $0.action = .perItem(7); $0.conditions.skus = ["s"]
            },
            { $0.items = [item, OrderItem(sku: "t", category: nil, quantity: 9, amountMinor: 5)] }, 21
        ),
        (
            "a share of the items it names", line("r") { $0.conditions.categories = ["c"] },
            { $0.items = [item, OrderItem(sku: "t", category: nil, quantity: 9, amountMinor: 5_000)] }, 100
        ),
        (
            "never of more than the order", line("r") { $0.conditions.categories = ["c"] },
            {
                $0.items = [item]; $0.amountMinor = 1_000
            }, 100
        ),
        (
            "below the second tier", line("r") { $0.action = tiers }, { $0.approvedVolumeMinor = 99_999 }, 500
        ),
        ("from the second tier on", line("r") { $0.action = tiers }, { $0.approvedVolumeMinor = 100_000 }, 800),
        (
            "within the customer's time", line("r") { $0.action = .recurring(BasisPoints(2_000), months: 1) },
            {
                $0.customerSince = CivilDate(daysSinceEpoch: 30).midnight
                $0.occurredAt = CivilDate(daysSinceEpoch: 58).midnight.adding(seconds: -1)
            }, 2_000
        ),
        (
            "a month after the 31st of January is the 28th of February",
            line("r") { $0.action = .recurring(BasisPoints(2_000), months: 1) },
            {
                $0.customerSince = CivilDate(daysSinceEpoch: 30).midnight
                $0.occurredAt = CivilDate(daysSinceEpoch: 58).midnight
            }, 0
        ),
        (
            "in another currency, rounded once", line("r") { $0.action = .percent(BasisPoints(3_333)) },
            { inYen(&$0) }, 4_998
        ),
        ("nothing of nothing", line("r"), { $0.amountMinor = 0 }, 0),
    ]
    static let tiers = RuleAction.tiered([
        RuleTier(fromMinor: 0, rate: BasisPoints(500)), RuleTier(fromMinor: 100_000, rate: BasisPoints(800)),
    ])

    /// 100.00 euros at 149.955 yen: 14,995.5 yen, of which a third is 4,998.0; rounded twice it were 4,998.3.
    static func inYen(_ order: inout OrderFacts) {
        guard let yen = Currency(code: "JPY") else { return }
        order.commissionCurrency = yen
        order.quote = FXQuote(
            quoteID: 1, base: order.currency, quote: yen, mantissa: 149_955, scale: 3,
            quotedAt: Timestamp(secondsSinceEpoch: 0))
    }

    @Test("A rule pays what it says, to the minor unit", arguments: prices)
    func pays(name: String, line: Line, change: Change, amountMinor: Int64) throws {
        let rules = try Self.set([line])
        let order = try Self.order(change)
        var caps = CapBook()
        #expect(rules.price(order, by: rules.winner(for: order), caps: &caps).amountMinor == amountMinor, "\(name)")
    }

    @Test("Caps grant what the tightest has left, and count it in all of them")
    func caps() throws {
        let rules = try Self.set([
            Self.line("r") {
                $0.caps = [
                    RuleCap(scope: .program, period: .total, limitMinor: 2_500),
                    RuleCap(scope: .affiliate, period: .day, limitMinor: 1_500),
                ]
            }
        ])
        var caps = CapBook()
        var paid: [String] = []
        for (affiliate, day) in [("a", 0), ("a", 0), ("b", 0), ("a", 1)] {
            let order = try Self.order {
                $0.affiliateID = affiliate
                $0.occurredAt = Timestamp(secondsSinceEpoch: Int64(day) * 86_400)
            }
            let price = rules.price(order, by: rules.winner(for: order), caps: &caps)
            paid.append(
                "\(price.amountMinor) of \(price.uncappedMinor), left \(price.capLeftMinor ?? -1) \(price.codes)")
        }
        #expect(
            paid
                == [
                    "1000 of 1000, left 1500 []", "500 of 1000, left 500 [DomainTests.capReached]",
                    "1000 of 1000, left 1000 []", "0 of 1000, left 0 [DomainTests.capReached]",
                ].map { $0.replacing("DomainTests", with: "Domain.ReasonCode") })
        #expect(caps.usedMinor.values.sorted() == [1_000, 1_500, 2_500])
    }

    @Test(
        "Parts add up to the whole, the largest remainders first",
        arguments: [
            (100, [1, 1, 1], [34, 33, 33]), (0, [1, 2], [0, 0]), (5, [0, 0], [5, 0]), (7, [], []),
            (1, [1, 2], [0, 1]), (1_000_000_000_000_000, [1, 1_000_000_000_000], [1_000, 999_999_999_999_000]),
        ] as [(Int64, [Int64], [Int64])])
    func split(minor: Int64, weights: [Int64], parts: [Int64]) {
        #expect(LargestRemainder.split(minor, by: weights) == parts)
    }

    @Test(
        "A rate is read as it is written, or not at all",
        arguments: [
            ("1", "1"), ("0.9213", "0.9213"), ("149.955", "149.955"), ("00.50", "0.50"), ("", nil), (".5", nil),
            ("1.", nil), ("0", nil), ("-1", nil), ("1e3", nil), ("1,5", nil), ("0.0000000000001", nil),
            ("1000000000001", nil),
        ] as [(String, String?)])
    func rates(text: String, decimal: String?) {
        let read = FXQuote.parse(text).map { Money.decimal(minorUnits: $0.mantissa, exponent: Int($0.scale)) }
        #expect(read == decimal)
    }
}
