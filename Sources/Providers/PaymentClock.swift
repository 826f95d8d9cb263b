public import Domain
import WorkerRuntime

/// What time it is for those who pay, in a trial later than it is: keys expire and waits end as real days bring it.
public struct PaymentClock: Sendable {
    /// What cannot be started with; `description` is a sentence for the operator.
    public struct Invalid: Error, Hashable, CustomStringConvertible {
        public let description: String
    }

    private static let name = "PAYMENT_CLOCK_AHEAD_SECONDS"
    private static let aheadSecondsMaximum: Int64 = 366 * 86_400

    private let aheadSeconds: Int64

    /// Reads `PAYMENT_CLOCK_AHEAD_SECONDS`.
    ///
    /// - Parameter isLive: real money moves by the real time alone.
    public init(environment: [String: String], isLive: Bool) throws(Invalid) {
        guard let text = environment[PaymentClock.name], !text.isEmpty else {
            aheadSeconds = 0
            return
        }
        guard let seconds = Int64(text), (0...PaymentClock.aheadSecondsMaximum).contains(seconds) else {
            throw Invalid(
                description: "\(PaymentClock.name) is from 0 to \(PaymentClock.aheadSecondsMaximum), not \(text).")
        }
        guard seconds == 0 || !isLive else {
            throw Invalid(description: "\(PaymentClock.name) is for trials, and refused where a key moves real money.")
        }
        aheadSeconds = seconds
    }

    @Sendable public func now() -> Timestamp { systemNow().adding(seconds: aheadSeconds) }
}
