import Foundation

/// Where PostgreSQL's own programs are, and as whom they run.
///
/// The server refuses to run as root. When we are root, its programs run as the user `postgres`.
struct PostgresPrograms: Sendable {
    let directory: String
    private let isRoot = geteuid() == 0

    /// - Throws: `.notInstalled` if neither Debian's places nor PATH have an `initdb`.
    init() throws(PostgresClusterError) {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let newestFirst = versions.sorted { (Double($0) ?? 0) > (Double($1) ?? 0) }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let candidates =
            newestFirst.map { "/usr/lib/postgresql/\($0)/bin" } + path.split(separator: ":").map(String.init)
        let found = candidates.first { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }
        guard let found else { throw .notInstalled }
        directory = found
    }

    /// The command line that runs one of the programs as the right user.
    func command(_ program: String, _ arguments: [String]) -> [String] {
        let user = isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] : []
        return user + ["\(directory)/\(program)"] + arguments
    }

    /// Gives a directory to the user that the server runs as.
    func adopt(_ path: String) throws(PostgresClusterError) {
        guard isRoot else { return }
        guard let user = getpwnam("postgres"), chown(path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
            throw .notInstalled
        }
    }

    /// Runs a program to its end, its output going to `log`.
    func run(_ program: String, _ arguments: [String], log: String) async throws(PostgresClusterError) {
        let status = await SpawnedCommand.run(command(program, arguments), log: log)
        guard status == 0 else {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw .failed(program: program, output: String(text.suffix(2000)))
        }
    }
}

/// Why a private cluster did not do what it was asked.
public enum PostgresClusterError: Error, CustomStringConvertible {
    case notInstalled
    case noDirectory(String)
    case failed(program: String, output: String)

    public var description: String {
        switch self {
        case .notInstalled: "PostgreSQL's server is not installed: apt-get install postgresql"
        case .noDirectory(let path): "\(path) cannot be used as a data directory"
        case .failed(let program, let output): "\(program) failed: \(output)"
        }
    }
}
