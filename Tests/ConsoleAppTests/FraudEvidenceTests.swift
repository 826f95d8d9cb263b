import DevKit
import Domain
import Events
import Foundation
import Postgres
import Testing

@testable import ConsoleApp

@Suite("The evidence of cases", .serialized, .timeLimit(.minutes(5))) struct FraudEvidenceTests {
    /// What one sentence of a screen says, as numbers.
    private struct Sentence {
        let k: Int
        let n: Int
        let percent: Double
        let days: Int32
        let past: Double?
        let programme: Double

        /// - Returns: nil unless it is as in "7 of 12 (58 %) … in 7 days; this affiliate's past 3 %, programme 1 %."
        init?(_ text: String) {
            guard let counted = text.firstMatch(of: #/^(\d+) of (\d+) \(([\d.]+) %\) .+ in (\d+) days?;/#),
                let usual = text.firstMatch(of: #/programme ([\d.]+) %\.$/#), let k = Int(counted.1),
                let n = Int(counted.2), let percent = Double(counted.3), let days = Int32(counted.4),
                let programme = Double(usual.1)
            else { return nil }
            self.k = k
            self.n = n
            self.percent = percent
            self.days = days
            past = text.firstMatch(of: #/this affiliate's past ([\d.]+) %/#).flatMap { Double($0.1) }
            self.programme = programme
        }
    }

    @Test(
        "The shares that a cheat's screen states, counted again by hand from the raw events, are true",
        arguments: [(CheatKind.clickInjection, UInt64(12))])
    func sentences(cheat: CheatKind, seed: UInt64) async throws {
        try await TestConsole.with { console in
            let lines = try await FraudWorld.insert([cheat], seed: seed, into: console)
            let client = try await console.browser(.fraud)
            let flags = try await client.get("/fraud-flags?verdict=hold").json?["data"]?.array ?? []
            let flag = try #require(flags.first, "no case")
            let id = flag["fraud_flag_id"]?.integer ?? 0
            let evidence = try #require(try await client.get("/fraud-flags/\(id)").json)
            let page = try await client.get("/console/fraud/\(id)").body.replacing("&#39;", with: "'")
            let naive = try await Self.naive(lines, console)
            let day = try #require(
                evidence["day"]?.string.flatMap { Timestamp(rfc3339: $0 + "T00:00:00Z")?.day })
            let affiliate = flag["affiliate_id"]?.string ?? ""
            let suspect = try await Self.suspectDays(of: affiliate, console)
            var recounted = 0
            for signal in evidence["signals"]?.array ?? [] {
                let text = signal["sentence"]?.string ?? ""
                let program = signal["program_id"]?.string ?? ""
                let kind = try #require(
                    (signal["code"]?.integer).flatMap { ReasonCode(rawValue: Int32($0)) }.flatMap { FraudSignal($0) })
                #expect(page.contains(text), "not on the page: \(text)")
                guard let said = Sentence(text) else { continue }
                let first = day - said.days + 1
                let own = naive.counts(kind, program) { $0.affiliate == affiliate && (first...day).contains($0.day) }
                guard let own else { continue }
                let line = own.firstIndex { $0 == (said.k, said.n) }
                #expect(line != nil, "\(kind): \(text) but \(own)")
                #expect(abs(said.percent - 100 * Double(said.k) / Double(said.n)) <= 0.5, "\(text)")
                let past = naive.counts(kind, program) {
                    $0.affiliate == affiliate && $0.day < first && !suspect.contains($0.day)
                }
                if let line, let stated = said.past, let past = past?[line] {
                    #expect(abs(stated - 100 * Double(past.k) / Double(past.n)) <= 0.5, "\(kind): \(text), \(past)")
                }
                let others = naive.counts(kind, program) { $0.affiliate != affiliate && $0.day <= day }
                if let line, let others = others?[line], others.n > 50 {
                    let usual = 100 * Double(others.k) / Double(others.n)
                    #expect(abs(said.programme - usual) <= 10, "\(kind): \(text), others \(usual)")
                }
                recounted += 1
            }
            try await Self.look(at: "/console/fraud/\(id)", as: cheat.rawValue, console)
            #expect(recounted >= 3)
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

    private static func suspectDays(of affiliate: String, _ console: TestConsole) async throws -> Set<Int32> {
        let days = try await console.pool.transaction { transaction throws(PostgresError) in
            try transaction.query(
                "SELECT day FROM fraud_judgement WHERE affiliate_id = $1 AND probability >= 0.5", .text(affiliate)
            ) { row throws(PostgresError) in try row.date(0) }
        }
        return Set(days)
    }

    private static func naive(_ lines: [[UInt8]], _ console: TestConsole) async throws -> NaiveSignals {
        let programs = try await console.pool.transaction { transaction throws(PostgresError) in
            try transaction.query("SELECT program_id, auto_approve_limit_minor, main_markets FROM program") {
                row throws(PostgresError) in
                (id: try row.text(0), limit: try row.int8(1), markets: try row.texts(2))
            }
        }
        return NaiveSignals(
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
