import Foundation
import Synchronization

/// The named moments at which a test kills a process, to show that nothing is lost or done twice.
///
/// `TRIBUTARY_CRASH_AT=afterPoll` ends the process by SIGKILL when that point is reached, `afterPoll:3` at the third
/// time. `TRIBUTARY_FREEZE_AT` stops it there instead, by SIGSTOP, until somebody sends SIGCONT.
/// Only debug builds know the points.
public enum CrashPoint: String, CaseIterable, Sendable {
    /// P1
    case afterPoll
    /// P2
    case afterFence
    /// P3
    case afterDedupe
    /// P4
    case afterEffects
    /// P5
    case beforeCommit
    /// P7
    case afterCommit
    /// P8
    case amidPublish
    /// P9
    case afterPublish
    /// P10
    case inRevoke
    /// P11
    case inClaim
    /// P12
    case afterProviderRequest
    /// P13
    case afterProviderReply
    /// P14
    case afterWebhookStored

    /// Marks that the process is at this point.
    public static func hit(_ point: CrashPoint) {
        #if DEBUG
            for plan in CrashPlan.all { plan.hit(point) }
        #endif
    }
}

#if DEBUG
    private final class CrashPlan: Sendable {
        static let all = [
            CrashPlan("TRIBUTARY_CRASH_AT", raises: SIGKILL), CrashPlan("TRIBUTARY_FREEZE_AT", raises: SIGSTOP),
        ].compactMap { $0 }

        private let signal: Int32
        private let point: CrashPoint
        private let hitsLeft: Mutex<Int>

        /// - Parameter variable: of the environment; nil if it names no point.
        init?(_ variable: String, raises signal: Int32) {
            let parts = (ProcessInfo.processInfo.environment[variable] ?? "").split(separator: ":")
            guard let point = parts.first.flatMap({ CrashPoint(rawValue: String($0)) }) else { return nil }
            self.point = point
            self.signal = signal
            hitsLeft = Mutex(parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
        }

        func hit(_ point: CrashPoint) {
            guard point == self.point else { return }
            let isLast = hitsLeft.withLock { left in
                left -= 1
                return left == 0
            }
            if isLast { kill(getpid(), signal) }
        }
    }
#endif
