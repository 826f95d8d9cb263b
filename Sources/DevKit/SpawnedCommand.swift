import Foundation

/// Runs one command to its end.
///
/// Foundation's `Process` learns of an end by a descriptor that the child's own children inherit: after `pg_ctl start`
/// it would wait for the server to end. This waits for the command alone, and gives it no descriptor of ours.
enum SpawnedCommand {
    /// - Parameters:
    ///   - arguments: the program, looked up in PATH, and its arguments.
    ///   - log: a file that the output is appended to.
    /// - Returns: the exit status; nil if the command could not be started or was killed.
    static func run(_ arguments: [String], log: String) async -> Int32? {
        guard let child = spawn(arguments, log: log) else { return nil }
        return await withCheckedContinuation { ended in
            Thread {
                var status: Int32 = 0
                while waitpid(child, &status, 0) < 0 && errno == EINTR {}
                let hasExited = status & 0x7F == 0
                ended.resume(returning: hasExited ? (status >> 8) & 0xFF : nil)
            }.start()
        }
    }

    private static func spawn(_ arguments: [String], log: String) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        for descriptor in openDescriptors() where descriptor > 2 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // Away from a working directory that another user may not enter.
        let words = (["env", "-C", "/"] + arguments).map { strdup($0) }
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        guard posix_spawnp(&child, "env", &actions, nil, words + [nil], environ) == 0 else { return nil }
        return child
    }

    private static func openDescriptors() -> [Int32] {
        // Without /proc the child inherits what is not marked close-on-exec.
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap { Int32($0) }
    }
}
