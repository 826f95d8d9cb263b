import Testing

@Suite struct ImportTests {
    private static let files = SourceTree.current.files

    /// The levels of the architecture: an import only ever goes down. Modules of one level do not know each other,
    /// but for the pairs in `neighbours`.
    private static let levels: [String: Int] = [
        "CLibrdkafka": 0, "CLibpq": 0, "CLibcurl": 0, "Blocking": 0,
        "Kafka": 1, "Postgres": 1,
        "Domain": 2, "Events": 2, "Outbox": 2, "Topics": 2,
        "WorkerRuntime": 3, "Storage": 3,
        "Stages": 4, "Providers": 4, "Notifications": 4, "ConsoleApp": 4, "DevKit": 4,
        "scorer": 5, "fraud-detector": 5, "payout-planner": 5, "payer": 5, "reconciler": 5, "notifier": 5,
        "console": 5, "tributary": 5,
    ]
    private static let neighbours: [String: Set<String>] = [
        "Events": ["Domain"], "Outbox": ["Domain", "Events"], "Topics": ["Events"],
    ]
    /// What a module may import beside its own package: absent means anything that Package.swift gives it.
    private static let only: [String: Set<String>] = [
        "Domain": [], "Blocking": ["Dispatch", "Foundation", "Synchronization"],
    ]

    private struct Import {
        let place: String
        let module: String
        let imported: String
        let isInternal: Bool
    }

    private static let imports: [Import] = files.filter { !$0.isTest }.flatMap { file in
        file.code.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at < 2, words.count > at + 1 else { return nil }
            let name = words[words.count - 1].split(separator: ".").first.map(String.init) ?? ""
            return Import(
                place: "\(file.path):\(index + 1)", module: file.module, imported: name,
                isInternal: words[0] == "internal")
        }
    }

    @Test("An import only ever goes down")
    func direction() {
        for item in ImportTests.imports {
            guard let own = ImportTests.levels[item.module] else {
                Issue.record("\(item.place): module \(item.module) has no level")
                continue
            }
            guard let other = ImportTests.levels[item.imported] else { continue }
            let isNeighbour = ImportTests.neighbours[item.module]?.contains(item.imported) == true
            #expect(other < own || isNeighbour, "\(item.place) imports \(item.imported) from below")
        }
    }

    @Test("Modules that promise to import little keep the promise")
    func pure() {
        for item in ImportTests.imports {
            guard let allowed = ImportTests.only[item.module] else { continue }
            #expect(allowed.contains(item.imported), "\(item.place) imports \(item.imported)")
        }
    }

    @Test(
        "A C module is imported internally, and only by the module that wraps it",
        arguments: [
            ("CLibrdkafka", "Kafka"), ("CLibpq", "Postgres"), ("CLibcurl", "Notifications"),
        ])
    func wrapped(library: String, owner: String) {
        for item in ImportTests.imports where item.imported == library {
            #expect(item.module == owner && item.isInternal, "\(item.place) imports \(library)")
        }
    }

    @Test(
        "Some modules stay apart",
        arguments: [
            ("ConsoleApp", ["Kafka", "Topics", "DevKit"]), ("console", ["DevKit"]),
            ("scorer", ["DevKit", "Hummingbird"]), ("payer", ["DevKit", "Hummingbird"]),
            ("Stages", ["DevKit", "Hummingbird"]),
            ("WorkerRuntime", ["Hummingbird", "Storage"]), ("Storage", ["Kafka", "WorkerRuntime"]),
        ])
    func apart(module: String, strangers: [String]) {
        for item in ImportTests.imports where item.module == module {
            #expect(!strangers.contains(item.imported), "\(item.place) imports \(item.imported)")
        }
    }
}
