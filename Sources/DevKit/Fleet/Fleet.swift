import Foundation

/// The fleet's programs as real processes on this machine, found beside the running one.
///
/// Everything it starts ends with it: by `stop`, and when this process dies, by a guard that outlives it.
public actor Fleet {
    /// A place for files of the processes; it goes with the fleet.
    public nonisolated let directory: String

    private let programs: String
    private let environment: [String: String]
    private let guardian: FleetGuard
    private var children: [ChildProcess] = []
    private var started = 0

    /// - Parameters:
    ///   - environment: what every process gets beside the PATH, such as DATABASE_URL.
    ///   - programs: the directory of the executables; that of the running one if not given.
    public init(environment: [String: String], programs: String? = nil) throws(FleetError) {
        var template = Array("/tmp/tributary-fleet-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .noDirectory("/tmp") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guardian = try FleetGuard(directory: directory)
        self.programs = programs ?? Fleet.programDirectory
        var inherited = ProcessInfo.processInfo.environment
        for name in inherited.keys where Fleet.isOurs(name) { inherited[name] = nil }
        self.environment = inherited.merging(environment) { $1 }
    }

    /// Starts a program.
    /// - Parameters:
    ///   - program: its name, such as `scorer`.
    ///   - environment: wins over the fleet's.
    public func start(
        _ program: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) async throws(FleetError) -> ChildProcess {
        let path = "\(programs)/\(program)"
        guard FileManager.default.isExecutableFile(atPath: path) else { throw .notBuilt(path) }
        started += 1
        let child = try await ChildProcess.start(
            path, arguments, environment: self.environment.merging(environment) { $1 },
            log: "\(directory)/\(started)-\(program).log")
        guardian.add(child.processID)
        children.append(child)
        let guardian = guardian
        // Bounded by the child's life, which `stop` or the guard ends.
        Task {
            _ = await child.waitForEnd()
            guardian.remove(child.processID)
        }
        return child
    }

    /// Processes that have ended although nobody asked them to, in the order of their start.
    public func ended() async -> [(child: ChildProcess, end: ProcessEnd)] {
        var ended: [(child: ChildProcess, end: ProcessEnd)] = []
        for child in children {
            if let end = await child.ended { ended.append((child, end)) }
        }
        return ended
    }

    /// The ends of the outputs of processes that have ended, for a person to read.
    public func lastWords() async -> String {
        await ended().map { child, end in "\(child.name) ended (\(end)):\n\(child.output.suffix(1_000))" }
            .joined(separator: "\n")
    }

    /// Ends one process and forgets it.
    /// - Parameter signal: 15 lets a worker drain, 9 is a crash.
    @discardableResult
    public func stop(_ child: ChildProcess, signal: Int32 = 15) async -> ProcessEnd {
        children.removeAll { $0 === child }
        await child.signal(signal)
        // A frozen process cannot end.
        await child.signal(18)
        return await child.waitForEnd()
    }

    /// Ends every process and removes the directory.
    ///
    /// What was started first ends last, when the others have gone: a worker that joins while its broker dies waits
    /// in vain for an answer.
    /// - Parameter grace: how long each of the two may take before it is killed.
    public func stop(grace: Duration = .seconds(10)) async {
        let (first, others) = (children.prefix(1), children.dropFirst())
        children = []
        await end(others.reversed(), within: grace)
        await end(Array(first), within: grace)
        await guardian.release()
    }

    private func end(_ children: [ChildProcess], within grace: Duration) async {
        for child in children {
            await child.signal(15)
            await child.signal(18)
        }
        try? await wait(for: "the fleet to end", within: grace) {  // Too late for grace: the guard kills.
            for child in children where await child.ended == nil { return false }
            return true
        }
    }

    /// Where the running executable and its siblings are.
    public static var programDirectory: String {
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return (path as NSString).deletingLastPathComponent
    }

    /// A variable that is set for a fleet of its own must not leak into this one.
    private static func isOurs(_ variable: String) -> Bool {
        let prefixes = ["KAFKA_", "STRIPE_", "TRIBUTARY_", "CONSOLE_"]
        let names = ["DATABASE_URL", "HEALTH_PORT", "AUTO_REGISTER", "LOG_LEVEL"]
        return prefixes.contains(where: variable.hasPrefix) || names.contains(variable)
    }
}

/// Why a process of the fleet could not be started.
public enum FleetError: Error, CustomStringConvertible {
    case noDirectory(String)
    case noLog(String)
    case notBuilt(String)
    case cannotStart(String, reason: String)
    case endedEarly(String, ProcessEnd, output: String)

    public var description: String {
        switch self {
        case .noDirectory(let path): "no directory can be made in \(path)"
        case .noLog(let path): "\(path) cannot be written"
        case .notBuilt(let path): "\(path) does not exist: run swift build"
        case .cannotStart(let program, let reason): "\(program) cannot be started: \(reason)"
        case .endedEarly(let program, let end, let output): "\(program) ended (\(end)); its last words:\n\(output)"
        }
    }
}
