import Foundation

/// Runs a shell script when this process ends, however it ends.
///
/// A `sh` reads from a pipe that only we can write to. The kernel closes our end when we die; then `sh` goes on.
final class ExitGuard: Sendable {
    private let process: Process
    private let lifeline: FileHandle

    init(script: String) throws(PostgresClusterError) {
        let pipe = Pipe()
        lifeline = pipe.fileHandleForWriting
        // Programs that we start must not keep the guard waiting for their end.
        _ = fcntl(lifeline.fileDescriptor, F_SETFD, FD_CLOEXEC)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "trap '' INT TERM HUP; read nothing; \(script)"]
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        process.standardInput = pipe.fileHandleForReading
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { throw .failed(program: "sh", output: "\(error)") }
    }

    /// Runs the script now and waits for its end.
    func release() async {
        // A second release finds the pipe closed, and nothing to do.
        try? lifeline.close()
        let process = process
        await withCheckedContinuation { ended in
            Thread {
                process.waitUntilExit()
                ended.resume()
            }.start()
        }
    }
}
