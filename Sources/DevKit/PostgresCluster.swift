import Foundation
import Logging

/// A private PostgreSQL server on a free loopback port, for the demo, the tests and the bench.
///
/// Its life is tied to ours by a pipe: a guard process waits for the pipe to close, which even `kill -9` brings about,
/// then stops the server and removes its directory.
public actor PostgresCluster {
    /// The address of the database `postgres`, as superuser.
    public nonisolated let adminURL: String
    /// Where the data, the socket and the log are.
    public nonisolated let directory: String
    public nonisolated let port: Int

    private let programs: PostgresPrograms
    private let exitGuard: ExitGuard
    private let logger: Logger

    /// Makes a cluster and starts it.
    /// - Parameters:
    ///   - directory: kept, and used again, if given; else a temporary one that goes with the process.
    ///   - isDurable: false gives up surviving a crash of the machine for speed.
    ///   - settings: lines of postgresql.conf that win over ours.
    public static func start(
        in directory: String? = nil, durable isDurable: Bool = true, settings: [String: String] = [:], logger: Logger
    ) async throws(PostgresClusterError) -> PostgresCluster {
        let programs = try PostgresPrograms()
        let place: String
        if let directory { place = directory } else { place = try temporaryDirectory() }
        let cluster = try PostgresCluster(
            programs, in: place, removesDirectory: directory == nil, port: freeLoopbackPort(), logger: logger)
        try await cluster.initialize(isDurable, settings)
        try await cluster.launch()
        logger.info("postgres started", metadata: ["port": "\(cluster.port)"])
        return cluster
    }

    private init(
        _ programs: PostgresPrograms, in directory: String, removesDirectory: Bool, port: Int, logger: Logger
    ) throws(PostgresClusterError) {
        self.programs = programs
        self.directory = directory
        self.port = port
        self.logger = logger
        adminURL = "postgres://postgres@127.0.0.1:\(port)/postgres"
        try programs.adopt(directory)
        let stop = programs.command("pg_ctl", ["stop", "-m", "immediate", "-D", "\(directory)/data"])
        let words = stop.map { "'\($0)'" }.joined(separator: " ")
        let removal = removesDirectory ? "rm -rf '\(directory)'" : "true"
        exitGuard = try ExitGuard(script: "\(words); \(removal)")
        _ = FileManager.default.createFile(atPath: log, contents: nil)
    }

    /// The address of a database of this cluster.
    public nonisolated func url(of database: String) -> String { "postgres://postgres@127.0.0.1:\(port)/\(database)" }

    /// Creates a database.
    /// - Parameter template: a database to copy, which nobody may be connected to.
    /// - Returns: its address.
    public func createDatabase(
        _ name: String, template: String = "template1"
    ) async throws(PostgresClusterError) -> String {
        try await programs.run("createdb", connection + ["-T", template, name], log: log)
        return url(of: name)
    }

    /// Removes a database, ending the sessions that are in it.
    public func dropDatabase(_ name: String) async throws(PostgresClusterError) {
        try await programs.run("dropdb", connection + ["--force", "--if-exists", name], log: log)
    }

    /// Runs a script of SQL and psql's own commands, and stops at its first error.
    /// - Parameters:
    ///   - script: its path, which the user that the server runs as can read.
    ///   - output: the path of a file that gets the results, unaligned and without headings.
    public func run(script: String, in database: String, output: String) async throws(PostgresClusterError) {
        let options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", script, "-o", output]
        try await programs.run("psql", connection + options, log: log)
    }

    /// Copies the running cluster, as a backup does.
    /// - Parameter directory: an empty one, which `start(in:)` then restores.
    public func backUp(to directory: String) async throws(PostgresClusterError) {
        try programs.adopt(directory)
        let options = ["-c", "fast", "-X", "stream", "--no-sync", "-D", "\(directory)/data"]
        try await programs.run("pg_basebackup", connection + options, log: log)
    }

    /// The server's first process, the parent of all others; nil while it is stopped.
    public nonisolated var processID: Int32? {
        let file = try? String(contentsOfFile: "\(directory)/data/postmaster.pid", encoding: .utf8)  // nil says it.
        return file?.split(separator: "\n").first.flatMap { Int32($0) }
    }

    /// Stops the server and keeps its data.
    /// - Parameter immediate: like a crash: nothing is flushed, every session is cut.
    public func stop(immediate: Bool = false) async {
        let mode = immediate ? "immediate" : "fast"
        do throws(PostgresClusterError) {
            try await programs.run("pg_ctl", ["stop", "-w", "-m", mode, "-D", "\(directory)/data"], log: log)
        } catch {
            logger.debug("postgres was not running", metadata: ["error": "\(error)"])
        }
    }

    /// Starts the server again on the same port and data, after stopping it if it runs.
    public func restart(immediate: Bool = false) async throws(PostgresClusterError) {
        await stop(immediate: immediate)
        try await launch()
    }

    /// Ends the server and removes its temporary directory now, not only at the end of the process.
    public func close() async {
        await exitGuard.release()
    }

    // MARK: Steps

    private nonisolated var log: String { "\(directory)/commands.log" }

    private nonisolated var connection: [String] { ["-h", "127.0.0.1", "-p", "\(port)", "-U", "postgres"] }

    private func initialize(_ isDurable: Bool, _ settings: [String: String]) async throws(PostgresClusterError) {
        let data = "\(directory)/data"
        if !FileManager.default.fileExists(atPath: "\(data)/PG_VERSION") {
            let options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
            try await programs.run("initdb", options + ["-D", data], log: log)
        }
        var lines = [
            "listen_addresses": "127.0.0.1", "port": "\(port)", "unix_socket_directories": directory,
            "shared_buffers": "128MB", "max_connections": "500", "max_wal_size": "4GB",
        ]
        if !isDurable { lines.merge(["fsync": "off", "full_page_writes": "off"]) { $1 } }
        lines.merge(settings) { $1 }
        let text = lines.sorted { $0.key < $1.key }.map { "\($0.key) = '\($0.value)'\n" }.joined()
        let path = "\(data)/postgresql.auto.conf"
        do {
            try text.write(toFile: path, atomically: false, encoding: .utf8)
        } catch {
            throw .noDirectory(path)
        }
    }

    private func launch() async throws(PostgresClusterError) {
        let arguments = ["start", "-w", "-t", "60", "-D", "\(directory)/data", "-l", "\(directory)/data/server.log"]
        try await programs.run("pg_ctl", arguments, log: log)
    }

    private static func temporaryDirectory() throws(PostgresClusterError) -> String {
        var template = Array("/tmp/tributary-postgres-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .noDirectory("/tmp") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
