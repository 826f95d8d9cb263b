import Foundation

/// What Linux says of a process in /proc.
enum ProcessFigures {
    private static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))

    /// CPU seconds of a process in user and kernel mode; 0 if there is no such process.
    static func cpuSeconds(_ processID: Int32) -> Double {
        stat(processID).map { Double($0.ownTicks) / ticksPerSecond } ?? 0
    }

    /// CPU seconds of a process, of its children that ended, and of those that live.
    static func cpuSecondsWithChildren(_ processID: Int32) -> Double {
        guard let parent = stat(processID) else { return 0 }
        let living = allProcesses().compactMap(stat).filter { $0.parent == processID }
        return Double(parent.ownTicks + parent.endedChildrenTicks + living.reduce(0) { $0 + $1.ownTicks })
            / ticksPerSecond
    }

    /// CPU seconds of this process.
    static var ownCPUSeconds: Double { seconds(RUSAGE_SELF) }

    /// CPU seconds of the children of this process that have ended.
    static var endedChildrenCPUSeconds: Double { seconds(RUSAGE_CHILDREN) }

    /// The most memory that a process ever had resident (VmHWM), in bytes; nil if there is no such process.
    static func peakMemoryBytes(_ processID: Int32) -> Int? {
        let lines = text("/proc/\(processID)/status").split(separator: "\n")
        let line = lines.first { $0.hasPrefix("VmHWM:") }
        return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
            .map { $0 * 1_024 }
    }

    private struct Stat {
        let parent: Int32
        let ownTicks: Int
        let endedChildrenTicks: Int
    }

    private static func stat(_ processID: Int32) -> Stat? {
        // The name may contain blanks and parentheses, so fields count from the last of these.
        guard let rest = text("/proc/\(processID)/stat").split(separator: ")").last else { return nil }
        let fields = rest.split(separator: " ")
        guard fields.count > 14, let parent = Int32(fields[1]) else { return nil }
        let ticks = fields[11...14].map { Int($0) ?? 0 }
        return Stat(parent: parent, ownTicks: ticks[0] + ticks[1], endedChildrenTicks: ticks[2] + ticks[3])
    }

    private static func allProcesses() -> [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    private static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    private static func seconds(_ whose: __rusage_who) -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(whose.rawValue), &usage)
        return [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1_000_000 }
    }
}
