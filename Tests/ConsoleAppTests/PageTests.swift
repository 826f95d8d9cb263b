import DevKit
import Domain
import Foundation
import Postgres
import Testing

@testable import ConsoleApp

/// The pages in a real browser.
@Suite(.serialized, .timeLimit(.minutes(2))) struct PageTests {
    @Test("A person logs in, reads the dashboard and approves a payout; the page complains about nothing")
    func approves() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let email = try await console.addUser(.finance)
            try await Browser.with { browser in
                try await logIn(browser, console, email)
                #expect(try await browser.text("h1") == "Dashboard")
                let conversions = try await console.count("SELECT sum(conversions)::bigint FROM affiliate_day")
                #expect(try await browser.text("#tiles .figure") == Figures.count(conversions))

                try await browser.follow("a[href='/console/payouts']")
                #expect(try await browser.text("#payout-list").contains(SeededData.hostileName))
                let waiting = try await console.count("SELECT count(*) FROM payout WHERE state = 'awaiting_approval'")
                #expect(waiting > 0)
                try await browser.follow("form[action$='/approve'] button")
                #expect(try await browser.text(".notice").contains("approved"))
                #expect(
                    try await console.count("SELECT count(*) FROM payout WHERE state = 'awaiting_approval'") == waiting
                        - 1)
                #expect(
                    try await console.count(
                        "SELECT count(*) FROM payout WHERE approved_by = $1 AND state = 'reserved'",
                        .text("user:" + email)) == 1)
                let complaints = await browser.complaints
                #expect(complaints == [])
            }
        }
    }

    @Test("Without JavaScript a person logs in, rejects a payout with a reason and logs out")
    func withoutScripts() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let email = try await console.addUser(.owner)
            try await Browser.with { browser in
                try await browser.allowScripts(false)
                try await logIn(browser, console, email)
                try await browser.follow("a[href='/console/payouts?state=awaiting_approval']")
                try await browser.follow("a[href$='#reject']")
                try await browser.type("Bank details are being checked", into: "input[name=reason]")
                try await browser.follow("#reject button")
                #expect(try await browser.text(".notice").contains("rejected"))
                #expect(
                    try await console.count(
                        "SELECT count(*) FROM payout_event WHERE evidence = 'Bank details are being checked'") == 1)
                try await browser.follow(".user button")
                #expect(try await browser.text("h1") == "Tributary")
                let complaints = await browser.complaints
                #expect(complaints == [])
            }
        }
    }

    @Test("An open page follows what happens without being loaded again")
    func liveUpdates() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let email = try await console.addUser(.viewer)
            try await Browser.with { browser in
                try await logIn(browser, console, email)
                let before = try await browser.text("#tiles .figure")
                let appeared = """
                    new Promise(done => {
                        const look = () => {
                            const figure = document.querySelector("#tiles .figure")?.innerText;
                            if (figure && figure !== '\(before)') done(figure);
                        };
                        new MutationObserver(look).observe(document.body, {subtree: true, childList: true});
                        look();
                    })
                    """
                async let after: String = browser.value(appeared)
                try await console.run(
                    "UPDATE affiliate_day SET conversions = conversions + 1 WHERE affiliate_id = 'aff-1'")
                try await console.run("UPDATE stream_offset SET next_offset = next_offset + 1 WHERE topic <> ''")
                let conversions = try await console.count("SELECT sum(conversions)::bigint FROM affiliate_day")
                #expect(try await after == Figures.count(conversions))
                let complaints = await browser.complaints
                #expect(complaints == [])
            }
        }
    }

    @Test("Every page fits a telephone and a desktop, in light and dark, and names what it shows")
    func everyPage() async throws {
        try await TestConsole.with { console in
            try await RulePageTests.seed(console)
            let email = try await console.addUser(.owner)
            let commission = try await console.text(
                "SELECT conversion_id::text FROM conversion WHERE order_id = 'o-1'")
            let payout = try await console.pool.transaction { transaction throws(PostgresError) in
                try PayoutQueries.list(PayoutFilter(limit: 1), in: transaction)
            }
            let imported = try await console.browser(.manager).handIn(ImportAPITests.mixedFile)
            let pages = [
                "imports": "/console/imports",
                "import": "/console/imports/\(imported.json?["import"]?["import_id"]?.string ?? "")",
                "breaks": "/console/breaks", "dashboard": "/console", "payouts": "/console/payouts",
                "affiliates": "/console/affiliates", "affiliate": "/console/affiliates/aff-1",
                "statements": "/console/statements?affiliate_id=aff-1", "statements-unnamed": "/console/statements",
                "statement": "/console/statements/2026-10?affiliate_id=aff-1",
                "fraud": "/console/fraud", "fraud-case": "/console/fraud/1", "appeals": "/console/appeals",
                "topics": "/console/topics", "dead-letters": "/console/dead-letters",
                "notifications": "/console/notifications", "webhooks": "/console/webhooks",
                "reason-codes": "/console/reason-codes", "limits": "/console/limits",
                "program-limits": "/console/limits/shoes", "manual-batches": "/console/manual-batches",
                "payout": "/console/payouts/\(payout.first?.payoutId ?? "")", "conversions": "/console/conversions",
                "conversions-empty": "/console/conversions?order_id=none",
                "commission": "/console/commissions/\(commission)", "rules": "/console/rules",
                "program": "/console/rules?program_id=shoes",
                "simulation": "/console/rules?program_id=shoes&conversion_id=\(commission)",
                "simulation-refused": "/console/rules?program_id=shoes&affiliate_id=x&amount=1.234",
            ]
            try await Browser.with { browser in
                try await logIn(browser, console, email)
                try await look(at: pages, browser, console)
                let complaints = await browser.complaints
                #expect(complaints == [])
            }
        }
    }

    @Test("An affiliate finds its pages, reads its statement to the closing balance and prints it")
    func affiliatesPages() async throws {
        try await TestConsole.with { console in
            try await StatementAPITests.feed(console)
            let email = try await console.addUser(.affiliate, affiliateID: "aff-1")
            let payout = try await console.text("SELECT payout_id::text FROM payout WHERE affiliate_id = 'aff-1'")
            let commission = try await console.text(
                "SELECT conversion_id::text FROM conversion WHERE order_id = 'o-11'")
            try await Browser.with { browser in
                try await logIn(browser, console, email)
                try await browser.follow("a[href='/console/statements']")
                #expect(try await browser.text("tbody tr:first-child").contains("Not closed"))
                try await browser.follow("a[href='/console/statements/2026-10']")
                let amounts: [String] = try await browser.value(
                    "[...document.querySelectorAll('td.number')].map(cell => cell.innerText)")
                #expect(amounts == ["0.00", "116.00", "-100.00", "16.00 USD"])
                try await look(
                    at: [
                        "own-payouts": "/console/payouts", "own-payout": "/console/payouts/\(payout)",
                        "own-commission": "/console/commissions/\(commission)",
                        "own-appeals": "/console/appeals", "own-notifications": "/console/notifications",
                        "own-webhooks": "/console/webhooks", "own-reason-codes": "/console/reason-codes",
                        "own-statements": "/console/statements", "own-statement-open": "/console/statements/2026-11",
                        "own-statement": "/console/statements/2026-10",
                    ], browser, console)
                try await browser.open("http://127.0.0.1:\(console.port)/console/payouts/\(payout)")
                let card = try await browser.text("main")
                #expect(card.contains("once, 2026-10-26") && !card.contains("Decision") && !card.contains("Ledger"))
                try await browser.open("http://127.0.0.1:\(console.port)/console/statements/2026-10")
                try await browser.printing()
                let shown: [String] = try await browser.value(
                    """
                    ['nav', 'form', 'button', '#statement'].filter(
                        name => document.querySelector(name)?.checkVisibility())
                    """)
                #expect(shown == ["#statement"])
                try await keep(browser, "own-statement-print")
                let complaints = await browser.complaints
                #expect(complaints == [])
            }
        }
    }

    @Test("A payout's card says its limits in words and amounts; a console without events says how they come")
    func words() async throws {
        try await TestConsole.with { console in
            let client = try await console.browser(.finance)
            #expect(try await client.get("/console").body.contains("POST /ingest-conversion"))
            try await SeededData.insert(into: console)
            #expect(try await !client.get("/console").body.contains("POST /ingest-conversion"))
            let payout = try await console.text("SELECT payout_id::text FROM payout WHERE affiliate_id = 'aff-1'")
            let card = try await client.get("/console/payouts/\(payout)").body
            #expect(card.contains("Smallest payout</th><td>10.00 USD</td><td>100.00 USD</td>"))
            #expect(card.contains("Identity check</th><td>verified</td><td>not required</td>"))
            #expect(card.contains("<a href=\"/console/affiliates/aff-1\">"))
        }
    }

    @Test("The page of codes has every code with its sentence")
    func reasonCodes() async throws {
        try await TestConsole.with { console in
            let page = try await console.browser(.viewer).get("/console/reason-codes").body
            for code in ReasonCode.allCases {
                let cell = "<tr id=\"code-\(code.rawValue)\">"
                #expect(page.contains(cell), "\(code)")
                #expect(page.replacing("&#39;", with: "'").contains(code.sentence), "\(code)")
            }
        }
    }

    @Test("Without JavaScript a person hands in a file, is told what is wrong, and takes the rest in")
    func importsWithoutScripts() async throws {
        try await TestConsole.with { console in
            let email = try await console.addUser(.manager)
            let directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            let (file, wrong) = (directory.appending(path: "=orders;.csv"), directory.appending(path: "wrong.csv"))
            try Data(ImportAPITests.mixedFile).write(to: file)
            try Data("a,b\n1,2".utf8).write(to: wrong)
            try await Browser.with { browser in
                try await browser.allowScripts(false)
                try await logIn(browser, console, email)
                try await browser.follow("a[href='/console/imports']")
                try await browser.choose(wrong.path, in: "input[type=file]")
                try await browser.follow("form.stack button")
                #expect(try await browser.text(".notice").contains("no column program_id. Its columns are: a, b."))
                try await browser.choose(file.path, in: "input[type=file]")
                try await browser.follow("form.stack button")
                #expect(try await browser.text("h1") == "=orders;.csv")
                for (id, figure) in [("new", "3"), ("duplicate", "1"), ("bad", "2")] {
                    #expect(try await browser.text("#" + id) == figure)
                }
                #expect(try await browser.text("main").contains("601"))
                try await keep(browser, "import-checked")
                try await browser.follow("form[action$='/confirm'] button")
                #expect(try await browser.text(".notice").contains("Confirmed"))
                try await wait(for: "the rows to be published", within: .seconds(20)) {
                    try await console.count("SELECT count(*) FROM import WHERE state = 'done'") == 1
                }
                try await browser.open("http://127.0.0.1:\(console.port)/console/imports")
                #expect(try await browser.text("#import-list").contains("Done"))
                try await keep(browser, "imports-done")
                // The wrong file's page was a refusal, of which Chromium writes.
                let complaints = await browser.complaints.filter { !$0.contains("422") }
                #expect(complaints == [])
            }
            try FileManager.default.removeItem(at: directory)
        }
    }

    /// Opens every page in both widths and colours.
    private func look(at pages: [String: String], _ browser: Browser, _ console: TestConsole) async throws {
        for (name, path) in pages.sorted(by: { $0.key < $1.key }) {
            for (width, isDark) in [(1_280, false), (1_280, true), (390, false), (390, true)] {
                try await browser.resize(width: width, height: 900, isDark: isDark)
                try await browser.open("http://127.0.0.1:\(console.port)\(path)")
                let overflow: Int = try await browser.value(
                    "document.documentElement.scrollWidth - document.documentElement.clientWidth")
                #expect(overflow <= 0, "\(path) at \(width) is \(overflow) pixels too wide")
                try await keep(browser, "\(name)-\(width)-\(isDark ? "dark" : "light")")
            }
            let unnamed: [String] = try await browser.value(Self.unnamedElements)
            #expect(unnamed == [], "\(path)")
            #expect(try await browser.text(".freshness").contains("Events up to"), "\(path)")
        }
    }

    /// Fields without a label, images without a text, buttons and links without a name, ids that stand twice.
    static let unnamedElements = """
        (() => { const bad = [];
        for (const field of document.querySelectorAll("input:not([type=hidden]), select"))
            if (!field.labels.length) bad.push("label: " + field.name);
        for (const image of document.images) if (!image.hasAttribute("alt")) bad.push("alt: " + image.src);
        for (const plot of document.querySelectorAll("svg"))
            if (!plot.getAttribute("aria-label") && !plot.querySelector("title")) bad.push("svg");
        for (const control of document.querySelectorAll("a, button"))
            if (!control.textContent.trim() && !control.getAttribute("aria-label"))
                bad.push("name: " + control.outerHTML);
        const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
        for (const id of ids) if (ids.filter(other => other === id).length > 1) bad.push("id: " + id);
        if (document.querySelectorAll("h1").length !== 1) bad.push("h1");
        return bad; })()
        """

    func logIn(_ browser: Browser, _ console: TestConsole, _ email: String) async throws {
        try await browser.open("http://127.0.0.1:\(console.port)/console")
        try await browser.type(email, into: "input[name=email]")
        try await browser.type(TestConsole.password, into: "input[name=password]")
        try await browser.follow("button")
    }

    /// Leaves a picture in the directory that SCREENSHOT_DIRECTORY names, to look at.
    func keep(_ browser: Browser, _ name: String) async throws {
        guard let directory = ProcessInfo.processInfo.environment["SCREENSHOT_DIRECTORY"] else { return }
        try await browser.screenshot(to: "\(directory)/\(name).png")
    }
}
