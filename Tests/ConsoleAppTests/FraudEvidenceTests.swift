import DevKit
import Domain
import Events
import Foundation
import Postgres
import Testing

@testable import ConsoleApp

@Suite("The evidence of cases", .serialized, .timeLimit(.minutes(5))) struct FraudEvidenceTests {
    @Test(
        "What a cheat's screen states, counted again by hand from the raw events, is true",
        arguments: [(CheatKind.clickInjection, UInt64(15)), (.replayedOrders, 13), (.collusionRing, 21)])
    func sentences(cheat: CheatKind, seed: UInt64) async throws {
        try await TestConsole.with { console in
            let world = try await Self.world(FraudWorld.insert([cheat], seed: seed, into: console), console)
            let client = try await console.browser(.fraud)
            let flags = try await client.get("/fraud-flags?verdict=hold").json?["data"]?.array ?? []
            let flag = try #require(flags.first, "no case")
            let id = flag["fraud_flag_id"]?.integer ?? 0
            let evidence = try #require(try await client.get("/fraud-flags/\(id)").json)
            let page = try await client.get("/console/fraud/\(id)").body.replacing("&#39;", with: "'")
            let affiliate = flag["affiliate_id"]?.string ?? ""
            let reader = EvidenceReader(
                world: world, affiliate: affiliate,
                day: try #require(evidence["day"]?.string.flatMap { Timestamp(rfc3339: $0 + "T00:00:00Z")?.day }),
                suspectDays: try await Self.suspectDays(console))
            let signals = evidence["signals"]?.array ?? []
            #expect(signals.count >= 4)
            for signal in signals {
                let text = signal["sentence"]?.string ?? ""
                let kind = try #require(
                    (signal["code"]?.integer).flatMap { ReasonCode(rawValue: Int32($0)) }.flatMap { FraudSignal($0) })
                #expect(page.contains(text), "not on the page: \(text)")
                #expect(reader.objection(to: text, of: kind, in: signal["program_id"]?.string ?? "") == nil)
            }
            try await Self.look(at: "/console/fraud/\(id)", as: cheat.rawValue, console)
        }
    }

    /// The screen fits a telephone and a desktop, and names what it shows.
    private static func look(at path: String, as name: String, _ console: TestConsole) async throws {
        let (email, pages) = (try await console.addUser(.owner), PageTests())
        try await Browser.with { browser in
            try await pages.logIn(browser, console, email)
            for (width, isDark) in [(1_280, false), (390, false), (390, true)] {
                try await browser.resize(width: width, height: 900, isDark: isDark)
                for (part, path) in [(name, path), ("queue-" + name, "/console/fraud")] {
                    try await browser.open("http://127.0.0.1:\(console.port)\(path)")
                    let overflow: Int = try await browser.value(
                        "document.documentElement.scrollWidth - document.documentElement.clientWidth")
                    #expect(overflow <= 0, "\(path) at \(width) is \(overflow) pixels too wide")
                    let unnamed: [String] = try await browser.value(PageTests.unnamedElements)
                    #expect(unnamed == [], "\(path)")
                    try await pages.keep(browser, "case-\(part)-\(width)-\(isDark ? "dark" : "light")")
                }
            }
        }
    }

    private static func suspectDays(_ console: TestConsole) async throws -> [String: Set<Int32>] {
        let days = try await console.pool.transaction { transaction throws(PostgresError) in
            try transaction.query("SELECT affiliate_id, day FROM fraud_judgement WHERE probability >= 0.5") {
                row throws(PostgresError) in (affiliate: try row.text(0), day: try row.date(1))
            }
        }
        return Dictionary(grouping: days, by: \.affiliate).mapValues { Set($0.map(\.day)) }
    }

    private static func world(_ lines: [[UInt8]], _ console: TestConsole) async throws -> NaiveWorld {
        let programs = try await console.pool.transaction { transaction throws(PostgresError) in
            try transaction.query("SELECT program_id, auto_approve_limit_minor, main_markets FROM program") {
                row throws(PostgresError) in
                (id: try row.text(0), limit: try row.int8(1), markets: try row.texts(2))
            }
        }
        return NaiveWorld(
            lines, limits: Dictionary(uniqueKeysWithValues: programs.map { ($0.id, $0.limit) }),
            markets: Dictionary(uniqueKeysWithValues: programs.map { ($0.id, $0.markets) }))
    }

    @Test("Who looks at a case is written in the audit log, once a quarter of an hour, and shown to the next")
    func looking() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            let client = try await console.browser(.viewer)
            let id = try await console.text("SELECT fraud_case_id::text FROM fraud_case WHERE kind = 'timing'")
            for _ in 0..<3 { #expect(try await client.get("/console/fraud/\(id)").status == 200) }
            console.clock.advance(seconds: 901)
            let reply = try await client.get("/fraud-flags/\(id)")
            #expect(reply.json?["views"]?.array?.first?["actor"]?.string == "user:viewer@example.test")
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'view fraud case'") == 2)
            #expect(try await client.get("/fraud-flags/99999").status == 404)
            #expect(try await client.get("/console/fraud/none").status == 404)
            #expect(try await console.count("SELECT count(*) FROM audit_log WHERE action = 'view fraud case'") == 2)
        }
    }

    @Test("A case is decided from its screen, and its screen offers to take that back")
    func decide() async throws {
        try await TestConsole.with { console in
            try await FraudDeskData.insert(into: console)
            let client = try await console.browser(.fraud)
            let id = try await console.text("SELECT fraud_case_id::text FROM fraud_case WHERE kind = 'timing'")
            let reply = try await client.submit(
                "/console/fraud/\(id)/decide", ["decision": "dismiss", "reason": "A sale.", "allowance_days": "10"])
            #expect(reply.header("location") == "/console/fraud/\(id)?notice=cases-decided")
            let page = try await client.get("/console/fraud/\(id)").body
            #expect(page.contains("Dismissed one case") && page.contains("A sale."))
            #expect(!page.contains("Confirm the fraud"))
        }
    }
}
