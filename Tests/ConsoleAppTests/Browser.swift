import Foundation
import Testing

/// A headless Chromium, driven through the pipe of its DevTools protocol: real clicks, real keys, real pages.
///
/// Every wait is a stream, so a test's time limit ends it.
actor Browser {
    static let program = "/usr/bin/chromium"

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What the page's console reported as an error: exceptions, refused resources, violations of the content policy.
    private(set) var complaints: [String] = []

    private let process: Process
    private let input: FileHandle
    private let profile: URL
    private var replies: [Int: AsyncStream<DevTools.Message>.Continuation] = [:]
    private var loads: [Int: AsyncStream<Void>.Continuation] = [:]
    private var nextID = 1
    private var session: String?

    /// Starts a browser, lends it, and ends it.
    static func with<Output: Sendable>(_ body: (Browser) async throws -> Output) async throws -> Output {
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw Failure(description: "\(program) is missing. deploy/test installs it: apt-get install chromium")
        }
        let (messages, sink) = AsyncStream.makeStream(of: DevTools.Message.self)
        let browser = try Browser(sink)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await message in messages { await browser.receive(message) } }
            defer {
                group.cancelAll()
                sink.finish()
            }
            do {
                try await browser.attach()
                let output = try await body(browser)
                await browser.quit()
                return output
            } catch {
                await browser.quit()
                throw error
            }
        }
    }

    private init(_ sink: AsyncStream<DevTools.Message>.Continuation) throws {
        profile = FileManager.default.temporaryDirectory.appendingPathComponent("browser-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
        let (input, output) = (Pipe(), Pipe())
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // The protocol runs on descriptors 3 (to the browser) and 4 (from it).
        process.arguments = [
            "-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", Browser.program, "--headless=new",
            "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
            "--user-data-dir=\(profile.path)", "about:blank",
        ]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        self.input = input.fileHandleForWriting
        let reader = output.fileHandleForReading
        Thread.detachNewThread {
            var splitter = DevTools.Splitter()
            while true {
                let bytes = reader.availableData
                if bytes.isEmpty { break }
                for message in splitter.add(bytes) { sink.yield(message) }
            }
            sink.finish()
        }
    }

    private func quit() async {
        process.terminate()
        process.waitUntilExit()
        // What is left of a profile in /tmp breaks no test.
        try? FileManager.default.removeItem(at: profile)
    }

    private func attach() async throws {
        struct Target: Decodable { let targetId: String }
        struct Attached: Decodable { let sessionId: String }
        let target: Target = try await call("Target.createTarget", ["url": "about:blank"])
        let attached: Attached = try await call(
            "Target.attachToTarget", ["targetId": .text(target.targetId), "flatten": true])
        session = attached.sessionId
        for domain in ["Page", "Runtime", "Log", "Network"] { try await run(domain + ".enable") }
    }

    // MARK: What a test does

    func open(_ address: String) async throws {
        try await loading { try await self.run("Page.navigate", ["url": .text(address)]) }
    }

    /// Clicks the middle of the element that `selector` finds.
    func click(_ selector: String) async throws {
        struct Point: Decodable { let x: Double, y: Double }
        let point: Point = try await value(
            """
            (() => { const element = document.querySelector(\(quoted(selector)));
            element.scrollIntoView({block: "center"});
            const box = element.getBoundingClientRect();
            return {x: box.x + box.width / 2, y: box.y + box.height / 2}; })()
            """)
        for type in ["mousePressed", "mouseReleased"] {
            try await run(
                "Input.dispatchMouseEvent",
                [
                    "type": .text(type), "x": .number(point.x), "y": .number(point.y), "button": "left",
                    "clickCount": 1,
                ])
        }
    }

    /// Clicks, and waits until the page that the click leads to has loaded.
    func follow(_ selector: String) async throws {
        try await loading { try await self.click(selector) }
    }

    func type(_ text: String, into selector: String) async throws {
        let _: Bool = try await value("(document.querySelector(\(quoted(selector))).focus(), true)")
        try await run("Input.insertText", ["text": .text(text)])
    }

    /// Chooses a file in a form's field.
    func choose(_ path: String, in selector: String) async throws {
        struct Node: Decodable { let nodeId: Int }
        struct Tree: Decodable { let root: Node }
        let tree: Tree = try await call("DOM.getDocument")
        let field: Node = try await call(
            "DOM.querySelector", ["nodeId": .number(Double(tree.root.nodeId)), "selector": .text(selector)])
        try await run(
            "DOM.setFileInputFiles", ["files": [.text(path)], "nodeId": .number(Double(field.nodeId))])
    }

    /// The visible text of the element that `selector` finds.
    func text(_ selector: String) async throws -> String {
        try await value("document.querySelector(\(quoted(selector)))?.innerText ?? '(no \(selector))'")
    }

    /// Evaluates an expression; a promise is waited for.
    func value<Value: Decodable>(_ expression: String) async throws -> Value {
        let evaluation: DevTools.Evaluation<Value> = try await call(
            "Runtime.evaluate",
            ["expression": .text(expression), "returnByValue": true, "awaitPromise": true])
        guard let result = evaluation.result else {
            throw Failure(description: "\(expression): \(evaluation.failure ?? "")")
        }
        return result
    }

    func allowScripts(_ isAllowed: Bool) async throws {
        try await run("Emulation.setScriptExecutionDisabled", ["value": .flag(!isAllowed)])
    }

    func resize(width: Int, height: Int, isDark: Bool) async throws {
        try await run(
            "Emulation.setDeviceMetricsOverride",
            [
                "width": .number(Double(width)), "height": .number(Double(height)), "deviceScaleFactor": 1,
                "mobile": .flag(width < 600),
            ])
        try await run(
            "Emulation.setEmulatedMedia",
            ["features": [["name": "prefers-color-scheme", "value": .text(isDark ? "dark" : "light")]]])
    }

    /// Shows the page as it would be printed, on a sheet of A4.
    func printing() async throws {
        try await resize(width: 794, height: 1_123, isDark: true)
        try await run("Emulation.setEmulatedMedia", ["media": "print"])
    }

    func screenshot(to path: String) async throws {
        struct Shot: Decodable { let data: Data }
        let shot: Shot = try await call("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true])
        try shot.data.write(to: URL(fileURLWithPath: path))
    }

    // MARK: The protocol

    private func loading(_ action: () async throws -> Void) async throws {
        let id = takeID()
        let (loaded, sink) = AsyncStream.makeStream(of: Void.self)
        loads[id] = sink
        defer { loads[id] = nil }
        try await action()
        var iterator = loaded.makeAsyncIterator()
        guard await iterator.next() != nil else { throw Failure(description: "the page did not load in time") }
    }

    private func run(_ method: String, _ parameters: DevTools.Value = [:]) async throws {
        struct Nothing: Decodable {}
        let _: Nothing = try await call(method, parameters)
    }

    private func call<Result: Decodable>(_ method: String, _ parameters: DevTools.Value = [:]) async throws -> Result {
        let id = takeID()
        let (stream, sink) = AsyncStream.makeStream(of: DevTools.Message.self)
        replies[id] = sink
        defer { replies[id] = nil }
        var request: [String: DevTools.Value] = [
            "id": .number(Double(id)), "method": .text(method), "params": parameters,
        ]
        if let session { request["sessionId"] = .text(session) }
        try input.write(contentsOf: JSONEncoder().encode(DevTools.Value.object(request)) + [0])
        var iterator = stream.makeAsyncIterator()
        guard let reply = await iterator.next() else { throw Failure(description: "\(method) was not answered") }
        if let error = reply.error { throw Failure(description: "\(method): \(error)") }
        return try reply.result()
    }

    private func takeID() -> Int {
        nextID += 1
        return nextID
    }

    private func receive(_ message: DevTools.Message) {
        if let id = message.id { replies[id]?.yield(message) }
        switch message.method {
        case "Page.loadEventFired": for load in loads.values { load.yield() }
        case "Runtime.exceptionThrown": complaints.append(message.text)
        // Chromium also notes what is in order, as that a field which should get the focus was clicked before it did.
        case "Log.entryAdded" where message.text.contains("\"level\":\"error\""): complaints.append(message.text)
        case "Runtime.consoleAPICalled" where message.text.contains("\"type\":\"error\""):
            complaints.append(message.text)
        default: break
        }
    }

    private func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "\\'") + "'"
    }
}
