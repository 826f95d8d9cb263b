import Foundation

/// How a process ended.
public enum ProcessEnd: Hashable, Sendable {
    case exited(Int32)
    /// By a signal, such as 9.
    case signalled(Int32)
}

/// A process of ours in a process group of its own, its output going to a file.
public actor ChildProcess {
    /// The program's name.
    public nonisolated let name: String
    public nonisolated let processID: Int32
    /// The file that has its output.
    public nonisolated let log: String

    private let process: Process
    private var end: ProcessEnd?
    private var waiters: [CheckedContinuation<ProcessEnd, Never>] = []

    /// Starts `program`.
    /// - Parameters:
    ///   - program: the path of an executable.
    ///   - environment: all of its environment.
    ///   - log: a file to append its output to.
    static func start(
        _ program: String, _ arguments: [String], environment: [String: String], log: String
    ) async throws(FleetError) -> ChildProcess {
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        guard let output = FileHandle(forWritingAtPath: log) else { throw .noLog(log) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        let (ends, announce) = AsyncStream.makeStream(of: ProcessEnd.self)
        process.terminationHandler = { process in
            let status = process.terminationStatus
            announce.yield(process.terminationReason == .exit ? .exited(status) : .signalled(status))
            announce.finish()
        }
        do { try process.run() } catch { throw .cannotStart(program, reason: "\(error)") }
        let child = ChildProcess(process, name: (program as NSString).lastPathComponent, log: log)
        // Ends with the process, which is ours to end.
        Task { for await end in ends { await child.record(end) } }
        return child
    }

    private init(_ process: Process, name: String, log: String) {
        self.process = process
        self.name = name
        self.log = log
        processID = process.processIdentifier
    }

    /// How it ended; nil while it runs.
    public var ended: ProcessEnd? { end }

    /// Whether a signal has stopped it and none has let it go on.
    public nonisolated var isFrozen: Bool {
        // Without the file the process is gone, and not frozen.
        let status = (try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)) ?? ""
        // The state follows the name, which may have blanks and parentheses of its own.
        return status.split(separator: ")").last?.hasPrefix(" T") == true
    }

    /// Waits for its end.
    public func waitForEnd() async -> ProcessEnd {
        if let end { return end }
        return await withCheckedContinuation { waiters.append($0) }
    }

    /// Sends a signal, unless it has ended.
    public func signal(_ number: Int32) {
        guard end == nil else { return }
        _ = kill(processID, number)
    }

    private func record(_ end: ProcessEnd) {
        self.end = end
        for waiter in waiters { waiter.resume(returning: end) }
        waiters.removeAll()
    }

    /// What it has written so far.
    public nonisolated var output: String {
        String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
    }
}

extension ChildProcess {
    /// Waits for a line of its output that begins with `prefix`.
    /// - Returns: the rest of the line.
    public func announcement(_ prefix: String, within limit: Duration) async throws -> String {
        var found: Substring?
        try await wait(for: "\(name) to be ready", within: limit) {
            if let end = ended { throw FleetError.endedEarly(name, end, output: String(output.suffix(2_000))) }
            found = output.split(separator: "\n").first { $0.hasPrefix(prefix) }?.dropFirst(prefix.count)
            return found != nil
        }
        return String(found ?? "")
    }

    /// Waits for a log line with `message`, and takes the port out of its metadata.
    public func loggedPort(after message: String, within limit: Duration) async throws -> Int {
        var port: Int?
        try await wait(for: "\(name) to listen", within: limit) {
            if let end = ended { throw FleetError.endedEarly(name, end, output: String(output.suffix(2_000))) }
            let line = output.split(separator: "\n").first { $0.contains(message) && $0.contains("port=") }
            port = line?.components(separatedBy: "port=").last.flatMap { Int($0.prefix { $0.isNumber }) }
            return port != nil
        }
        return port ?? 0
    }
}
