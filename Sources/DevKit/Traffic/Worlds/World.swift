public import Domain
import Events

/// Labelled traffic: who cheated, how, on which days and with which events. The same plan makes the same world.
public struct World: Sendable {
    /// Records in the order in which the events occurred.
    public let lines: [[UInt8]]
    public let affiliates: [WorldAffiliate]
    /// Ids of conversions that are fraud.
    public let cheatEvents: Set<String>
    public let start: Timestamp
    /// As `tributary backtest` takes them.
    public let programs: [UInt8]
    public let signUps: [UInt8]
    public let dataCentrePrefixes: [String]

    public init(_ plan: WorldPlan) {
        var maker = WorldMaker(plan)
        maker.run()
        let events = maker.events.enumerated().sorted {
            ($0.element.occurredAt, $0.offset) < ($1.element.occurredAt, $1.offset)
        }
        lines = events.map(\.element.line)
        affiliates = maker.members.map(\.label)
        cheatEvents = maker.cheatEvents
        start = maker.start
        dataCentrePrefixes = maker.prefixes
        programs = World.programs(maker.programs)
        signUps = World.signUps(maker.members)
    }

    private static func programs(_ programs: [WorldProgram]) -> [UInt8] {
        var writer = JSONWriter()
        writer.array(programs) { writer, program in
            writer.object { writer in
                writer.member("program_id", program.id)
                writer.member("currency", program.currency)
                writer.member("auto_approve_limit_minor", program.limit)
                writer.member("attribution_window_days", 30)
                writer.member("main_markets", program.countries) { $0.string($1) }
            }
        }
        return writer.bytes
    }

    private static func signUps(_ members: [WorldMember]) -> [UInt8] {
        var writer = JSONWriter()
        writer.array(members) { writer, member in
            writer.object { writer in
                writer.member("affiliate_id", member.label.id)
                writer.member("signup_ip", member.signUpIP)
            }
        }
        return writer.bytes
    }
}

/// An affiliate in the making.
struct WorldMember {
    var label: WorldAffiliate
    var programs: [Int]
    var clicksPerDay: Double
    var conversion: Double
    var timeFactor: Double
    var amountFactor: Double
    var joinDay: Int
    var signUpIP: String
    var subIDs: [String]
    var referrers: [String]
    /// Hours east of the visitors' own day that the affiliate's traffic peaks at.
    var peakHour: Double
    var weekendFactor: Double
    /// A day and what the honest side does on it.
    var eventDay: Int
    /// Shares of its visitors that come by paid advertising, in one kind of app, as its regulars.
    var paid = 0.0
    var inApp = 0.0
    var regulars = 0.0
    var returningFactor = 1.0
    var refundFactor = 1.0
    var lateFactor = 1.0
    var sigmaFactor = 1.0
    /// Shares of its clicks from nowhere, of its orders from another country, with a public coupon, with another's, and
    /// that are sent again every few days.
    var referrerless = 0.0
    var travels = 0.0
    var publicCoupons = 0.0
    var leakedCoupons = 0.0
    var autoship = 0.0
    /// Shares of its visitors who come from another affiliate's link within the hour, and who open other programmes'
    /// links beside it.
    var latecomers = 0.0
    var tabs = 0.0
    /// Share of its visitors who are up at night, or travel, as its audience is.
    var nightly = 0.0
    var foreign = 0.0
    /// Share of its visitors who come by the few devices, or networks, that its kind has.
    var crowd = 0.9
    /// What all of those browse with; empty if each has its own.
    var crowdAgent = ""
    /// Buyers who may buy through it again.
    var buyers: [Visitor] = []
    var cheatStart = Int.max
    var cheatEnd = Int.max
    var intensity = 0.0
    var rampDays = 0
    /// The people and machines of the cheat.
    var crew: [Visitor] = []
    var trait = 0.0
    var ring = 0

    /// 0 … 1: how much of its cheat it shows on a day.
    func cheating(on day: Int) -> Double {
        guard label.cheat != nil, day >= cheatStart, day < cheatEnd else { return 0 }
        return rampDays == 0 ? 1 : min(1, Double(day - cheatStart + 1) / Double(rampDays))
    }
}
