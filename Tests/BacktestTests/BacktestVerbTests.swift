import DevKit
import Domain
import Foundation
import Testing

@Suite("The backtest verbs", .timeLimit(.minutes(5)))
struct BacktestVerbTests {
    private static func rows(_ path: String) throws -> [[Substring]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
    }

    @Test("They write a row for every affiliate-day and conversion, count bad lines and fail for none of them")
    func files() async throws {
        let judged = JudgedWorld(seed: 5, affiliates: 6, days: 8)
        let fleet = try Fleet(environment: [:])
        let folder = NSTemporaryDirectory() + "backtest-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let lines = judged.world.lines + [Array("half a {".utf8), Array("{\"type\":\"click\"}".utf8)]
        try Data(lines.joined(separator: [10])).write(to: URL(fileURLWithPath: folder + "/events.jsonl"))

        let fraud = try await fleet.start(
            "tributary",
            [
                "backtest", "fraud", "--events", folder + "/events.jsonl", "--scores", folder + "/scores.csv",
                "--events-scores", folder + "/conversions.csv",
            ])
        #expect(await fraud.waitForEnd() == .exited(0), "\(fraud.output)")
        #expect(fraud.output.contains("2 bad lines"))
        let scores = try BacktestVerbTests.rows(folder + "/scores.csv")
        #expect(scores[0] == ["affiliate_id", "day", "score", "verdict", "top_reason"])
        let days = Set(judged.events.filter { $0.affiliate != 0 }.map { "\($0.affiliate) \($0.at.day)" })
        #expect(scores.count == days.count + 1)
        #expect(scores.dropFirst().allSatisfy { (0...1).contains(Double($0[2]) ?? -1) })
        #expect(scores.dropFirst().allSatisfy { FraudVerdict(rawValue: String($0[3])) != nil })
        let conversions = try BacktestVerbTests.rows(folder + "/conversions.csv")
        #expect(conversions[0] == ["event_id", "score", "codes"])
        #expect(conversions.count == judged.events.filter { $0.kind == .conversion }.count + 1)

        let ranking = try await fleet.start(
            "tributary",
            [
                "backtest", "ranking", "--events", folder + "/events.jsonl", "--as-of", "2025-09-05", "--out",
                folder + "/ranking.csv",
            ])
        #expect(await ranking.waitForEnd() == .exited(0), "\(ranking.output)")
        let ranks = try BacktestVerbTests.rows(folder + "/ranking.csv")
        #expect(ranks[0] == ["affiliate_id", "rank", "score", "low", "high", "sample"])
        #expect(ranks.dropFirst().map { $0[1] } == (1..<ranks.count).map { Substring(String($0)) })
        for row in ranks.dropFirst() {
            let (score, low, high) = (Double(row[2]) ?? -1, Double(row[3]) ?? -1, Double(row[4]) ?? -1)
            #expect(low <= score && score <= high)
        }
        await fleet.stop()
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test("A file that cannot be used is named with what is wrong, and bad lines are told by code, sentence and value")
    func badFiles() async throws {
        let fleet = try Fleet(environment: [:])
        let folder = NSTemporaryDirectory() + "backtest-\(UUID().uuidString)/"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let order = #"""
            {"event_id":"a","type":"conversion","occurred_at":"2025-01-01T00:00:00Z","program_id":"p",\#
            "affiliate_id":"x","order_id":"1","amount_minor":100,"currency":"USD"}
            """#
        let files = [
            "marked.jsonl": "\u{FEFF}" + order + "\r\n\nno json\n", "keyless.json": #"[{"program_id": "p"}]"#,
            "broken.json": "[{", "object.json": "{}", "typed.json": #"[{"program_id": "p", "currency": 7}]"#,
            "test.jsonl": order.dropLast() + #","is_test":true}"#,
            "prefixes.txt": "# ours\n10.0.0.0/8\n10.0.0.0/99\n",
            "affiliates.json": #"[{"affiliate_id": "x", "signup_ip": null}, {}]"#,
        ]
        for (name, text) in files { try Data(text.utf8).write(to: URL(fileURLWithPath: folder + name)) }
        try Data([0x1F, 0x8B, 8, 0]).write(to: URL(fileURLWithPath: folder + "packed.jsonl.gz"))
        let verbs: [(arguments: [String], end: ProcessEnd, words: [String])] = [
            (["marked.jsonl"], .exited(0), ["2 lines, 1 events, 1 bad lines", "line 2: 190", "JSON", "no json"]),
            (["none.jsonl"], .exited(1), ["none.jsonl: No such file or directory"]),
            (["packed.jsonl.gz"], .exited(1), ["packed.jsonl.gz: it is compressed with gzip; unpack it first"]),
            (["test.jsonl"], .exited(0), ["1 lines, 0 events, 0 bad lines, 1 tests", "has no events"]),
            (
                ["marked.jsonl", "--datacentre-prefixes", "prefixes.txt"], .exited(0),
                ["prefixes.txt: not a CIDR prefix, left out: 10.0.0.0/99"]
            ),
            (["marked.jsonl", "--programs", "keyless.json"], .exited(1), ["keyless.json: [0]: currency is missing"]),
            (["marked.jsonl", "--programs", "broken.json"], .exited(1), ["broken.json: "]),
            (["marked.jsonl", "--programs", "object.json"], .exited(1), ["object.json: it should be a list"]),
            (
                ["marked.jsonl", "--programs", "typed.json"], .exited(1),
                ["typed.json: [0].currency: it should be a text"]
            ),
            (
                ["marked.jsonl", "--affiliates", "affiliates.json"], .exited(1),
                ["affiliates.json: [1]: affiliate_id is missing"]
            ),
            (["marked.jsonl", "--decisions", "none.csv"], .exited(1), ["none.csv", "No such file"]),
        ]
        for (arguments, end, words) in verbs {
            let verb = try await fleet.start(
                "tributary",
                ["backtest", "fraud", "--scores", folder + "scores.csv", "--events"]
                    + arguments.map { $0.hasPrefix("--") ? $0 : folder + $0 })
            #expect(await verb.waitForEnd() == end, "\(arguments)")
            for word in words { #expect(verb.output.contains(word), "\(word): \(verb.output)") }
            #expect(
                !verb.output.contains("NSCocoaErrorDomain") && !verb.output.contains("CodingKeys"), "\(verb.output)")
        }
        await fleet.stop()
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test("Decisions are read by the names of their columns or in their order, in the words that people use")
    func decisions() async throws {
        let world = JudgedWorld(seed: 5, affiliates: 6, days: 8).world
        let day = CivilDate(daysSinceEpoch: world.start.day + 3).text
        let (one, other) = (world.affiliates[0].id, world.affiliates[1].id)
        let files = [
            "affiliate_id,day,confirmed\n\(one),\(day),1\n\(other),\(day),0\n",
            "\(one),\(day),true\n\(other),\(day),false\n",
            "day,reason,decision,affiliate_id\r\n\(day),x,confirm,\(one)\r\n"
                + "\(day),,Dismissed,\"\(other)\"\r\n",
            "affiliate_id,date,outcome\n\(one),\(day)T00:00:00Z,confirmed\n\(other),\(day),honest\n",
        ]
        let none = "affiliate_id,day,confirmed\n\(one),\(day),perhaps\n\(one),someday,1\n\(one)\n"
        let runs = try await Self.scores(of: world.lines, decisions: files + [none])
        #expect(Set(runs.dropLast().map(\.scores)).count == 1)
        #expect(runs.last?.scores != runs.first?.scores)
        #expect(
            runs.map { $0.output.contains("3 decisions could not be read") } == [false, false, false, false, true])
    }

    @Test("What was decided on a day without events counts from the next day on")
    func quietDay() async throws {
        let world = JudgedWorld(seed: 5, affiliates: 6, days: 8).world
        let quiet = CivilDate(daysSinceEpoch: world.start.day + 4).text
        let lines = world.lines.filter { !String(decoding: $0, as: UTF8.self).contains("\"\(quiet)T") }
        let runs = try await Self.scores(
            of: lines, decisions: ["affiliate_id,day,confirmed\n", "\(world.affiliates[0].id),\(quiet),0\n"])
        #expect(lines.count < world.lines.count && !runs[0].scores.contains(quiet))
        #expect(runs[0].scores != runs[1].scores)
    }

    /// What the verb says of events beside each of some files of decisions.
    private static func scores(
        of lines: [[UInt8]], decisions files: [String]
    ) async throws -> [(scores: String, output: String)] {
        let fleet = try Fleet(environment: [:])
        let folder = NSTemporaryDirectory() + "backtest-\(UUID().uuidString)/"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(lines.joined(separator: [10])).write(to: URL(fileURLWithPath: folder + "events.jsonl"))
        var runs: [(scores: String, output: String)] = []
        for text in files {
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "decisions.csv"))
            let verb = try await fleet.start(
                "tributary",
                [
                    "backtest", "fraud", "--events", folder + "events.jsonl", "--scores", folder + "scores.csv",
                    "--decisions", folder + "decisions.csv",
                ])
            #expect(await verb.waitForEnd() == .exited(0), "\(verb.output)")
            runs.append((try String(contentsOfFile: folder + "scores.csv", encoding: .utf8), verb.output))
        }
        await fleet.stop()
        try FileManager.default.removeItem(atPath: folder)
        return runs
    }

    @Test("The ranking of a made world is held against what came next, beside simpler ones")
    func rankings() async throws {
        let fleet = try Fleet(environment: [:])
        let verb = try await fleet.start("tributary", ["backtest", "evaluate-ranking", "--worlds", "1"])
        #expect(await verb.waitForEnd() == .exited(0), "\(verb.output)")
        let output = verb.output
        await fleet.stop()
        let figures = output.split(separator: "\n").filter { $0.contains("ranking   ") }.map { line in
            line.split(separator: " ").compactMap { Double($0) }
        }
        #expect(figures.count == 2, "\(output)")
        #expect(figures.allSatisfy { $0.count == 3 && $0[0] > 0.5 && $0[2] > 0.3 })
    }
}
