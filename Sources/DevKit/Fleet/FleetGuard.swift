import Foundation

/// Ends processes and removes a directory when this process ends, however it ends.
///
/// A `sh` reads the ids of our children from a pipe that only we can write to. The kernel closes our end when we die,
/// even by `kill -9`; then `sh` ends those that still run. An id is taken back once its process has ended, so that a
/// stranger with the same id is safe.
final class FleetGuard: Sendable {
    private static let script = """
        trap '' INT TERM HUP
        ids=' '
        while read -r change id; do
            case $change in
                add) ids="$ids$id " ;;
                remove) ids="${ids%% $id *} ${ids#* $id }" ;;
            esac
        done
        for id in $ids; do kill -9 "$id"; done
        rm -rf "$1"
        """

    private let process: Process
    private let lifeline: FileHandle

    init(directory: String) throws(FleetError) {
        let pipe = Pipe()
        lifeline = pipe.fileHandleForWriting
        // A child that inherited our end would keep the guard waiting for its own.
        _ = fcntl(lifeline.fileDescriptor, F_SETFD, FD_CLOEXEC)
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", FleetGuard.script, "sh", directory]
        process.currentDirectoryURL = URL(fileURLWithPath: "/")
        process.standardInput = pipe.fileHandleForReading
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { throw .cannotStart("/bin/sh", reason: "\(error)") }
    }

    func add(_ processID: Int32) { tell("add \(processID)\n") }

    func remove(_ processID: Int32) { tell("remove \(processID)\n") }

    /// Ends what is left and removes the directory now.
    func release() async {
        try? lifeline.close()  // Closed already: the guard has done its work.
        let process = process
        await withCheckedContinuation { ended in
            Thread {
                process.waitUntilExit()
                ended.resume()
            }.start()
        }
    }

    private func tell(_ line: String) {
        // The pipe breaks only if somebody killed the guard; then there is nobody to tell.
        try? lifeline.write(contentsOf: Data(line.utf8))
    }
}
