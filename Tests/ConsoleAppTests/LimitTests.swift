import DevKit
import Domain
import Events
import Foundation
import Testing

@testable import ConsoleApp

/// What leaves without a person looking, and who may say so.
@Suite(.serialized) struct LimitTests {
    @Test("Limits of a programme are changed by a form that says what its author saw, and every change is shown")
    func program() async throws {
        try await TestConsole.with { console in
            try await SeededData.insert(into: console)
            let finance = try await console.browser(.finance)
            let path = "/console/limits/shoes"
            var form = try LimitTests.fields(try await finance.get(path).body)
            #expect(form["auto_approve_limit_minor"]?.contains(".") == true)
            form["auto_approve_limit_minor"] = "1234.56"
            form["daily_limit_minor"] = "5000"
            form["thirty_day_limit_minor"] = ""
            let kept = try await finance.submit(path, form)
            #expect(kept.header("location") == path + "?notice=limits-set")
            let program = try await finance.get("/programs/shoes").json
            #expect(program?["auto_approve_limit_minor"]?.integer == 123_456)
            #expect(program?["daily_limit_minor"]?.integer == 500_000)
            #expect(program?["thirty_day_limit_minor"] == nil)
            #expect(try await finance.get(path).body.contains("daily_limit_minor: none → 500000"))

            let late = try await finance.submit(path, form)
            #expect(late.header("location") == path + "?notice=limits-changed")
            form = try LimitTests.fields(try await finance.get(path).body)
            form["daily_limit_minor"] = ""
            #expect(try await finance.submit(path, form).header("location") == path + "?notice=limits-set")
            #expect(try await finance.get("/programs/shoes").json?["daily_limit_minor"] == nil)
            for wrong in ["", "-1", "1.234", "much"] {
                form["minimum_payout_minor"] = wrong
                let refused = try await finance.submit(path, form)
                #expect(refused.header("location") == path + "?notice=number-invalid", "\(wrong)")
            }
            let manager = try await console.browser(.manager, email: "m@example.test")
            #expect(try await manager.get(path).body.contains("Owners and finance change them"))
            #expect(try await manager.submit(path, form).status == 403)
        }
    }

    @Test("A setting is what was set last, within its bounds, with who set it")
    func settings() async throws {
        try await TestConsole.with { console in
            let finance = try await console.browser(.finance)
            let before = try await finance.get("/settings").json?["data"]?.array ?? []
            let common = before.filter { $0["topic"] == nil }
            #expect(common.map { $0["name"]?.string } == FleetSetting.allCases.map(\.rawValue))
            #expect(before.allSatisfy { $0["value"] == $0["standard"] && $0["changed_by"] == nil })
            let path = "/settings/manual_final_days"
            let set = try await finance.put(path, json: #"{"value": 30}"#, key: "k1")
            #expect(set.json?["data"]?.array?.first?["value"]?.integer == 30)
            #expect(set.json?["data"]?.array?.first?["changed_by"]?.string?.isEmpty == false)
            #expect(
                try await console.text("SELECT detail::text FROM audit_log WHERE action = 'change setting'")
                    == #"{"value": {"to": 30, "from": 14}}"#)
            for wrong in [#"{"value": 0}"#, #"{"value": 366}"#, "{}"] {
                #expect(try await finance.put(path, json: wrong, key: wrong).status == 400, "\(wrong)")
            }
            #expect(try await finance.put("/settings/x", json: #"{"value": 1}"#, key: "k2").status == 404)
            let form = try await finance.submit("/console/limits/settings/lag_notice_seconds", ["value": "60"])
            #expect(form.header("location") == "/console/limits?notice=limits-set")
            #expect(try await console.count("SELECT value FROM setting WHERE name = 'lag_notice_seconds'") == 60)
            let viewer = try await console.browser(.viewer, email: "v@example.test")
            #expect(try await viewer.put(path, json: #"{"value": 1}"#, key: "k3").status == 403)
        }
    }

    @Test("A topic may have a limit of its own for lag, which is that of all again when it has none")
    func topics() async throws {
        try await TestConsole.with { console in
            let finance = try await console.browser(.finance)
            func limits() async throws -> [String: Int64] {
                let rows = try await finance.get("/settings").json?["data"]?.array ?? []
                return Dictionary(
                    rows.filter { $0["name"]?.string == "lag_notice_records" }
                        .map { ($0["topic"]?.string ?? "all", $0["value"]?.integer ?? 0) }, uniquingKeysWith: { $1 })
            }
            let path = "/settings/lag_notice_records"
            #expect(try await limits().keys.sorted() == (TopicName.all + ["all"]).sorted())
            let one = try await finance.put(path, json: #"{"value": 50, "topic": "fraud.flags"}"#, key: "k1")
            #expect(one.status == 200)
            #expect(try await finance.put(path, json: #"{"value": 700}"#, key: "k2").status == 200)
            #expect(try await limits()["fraud.flags"] == 50)
            #expect(try await limits()["payouts.settled"] == 700)
            #expect(
                try await console.text(
                    "SELECT string_agg(subject, ' ' ORDER BY audit_id) FROM audit_log WHERE action = 'change setting'")
                    == "lag_notice_records/fraud.flags lag_notice_records")
            for wrong in [
                #"{"value": 0, "topic": "fraud.flags"}"#, #"{"value": 5, "topic": "x"}"#, #"{"topic": "fraud.flags"}"#,
                #"{"value": null}"#,
            ] {
                #expect(try await finance.put(path, json: wrong, key: wrong).status == 400, "\(wrong)")
            }
            let other = #"{"value": 5, "topic": "fraud.flags"}"#
            #expect(try await finance.put("/settings/lag_notice_seconds", json: other, key: "k3").status == 400)
            let none = try await finance.put(path, json: #"{"value": null, "topic": "fraud.flags"}"#, key: "k4")
            #expect(none.status == 200)
            #expect(try await limits()["fraud.flags"] == 700)

            let form = "/console/limits" + path
            let good = "/console/limits?notice=limits-set"
            let bad = "/console/limits?notice=number-invalid"
            for (fields, notice, limit) in [
                (["value": "60", "topic": "fraud.flags"], good, 60), (["value": "0", "topic": "fraud.flags"], bad, 60),
                (["value": "70", "topic": "x"], bad, 60), (["value": ""], bad, 60),
                (["value": "", "topic": "fraud.flags"], good, 700),
            ] as [([String: String], String, Int64)] {
                #expect(try await finance.submit(form, fields).header("location") == notice, "\(fields)")
                #expect(try await limits()["fraud.flags"] == limit, "\(fields)")
            }
        }
    }

    /// The fields of a page's last form with their values.
    private static func fields(_ page: String) throws -> [String: String] {
        let inputs = page.split(separator: "<input").dropFirst()
        return inputs.reduce(into: [:]) { fields, input in
            guard let name = attribute("name", of: input), name != "csrf_token" else { return }
            fields[name] = attribute("value", of: input)?.replacing("&quot;", with: "\"").replacing("&#34;", with: "\"")
        }
    }

    private static func attribute(_ name: String, of tag: Substring) -> String? {
        guard let start = tag.prefix(while: { $0 != ">" }).range(of: "\(name)=\"") else { return nil }
        return String(tag[start.upperBound...].prefix { $0 != "\"" })
    }
}
