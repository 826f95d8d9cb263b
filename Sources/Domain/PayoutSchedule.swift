/// The waits and limits of sending a payout, as values.
public struct PayoutSchedule: Hashable, Sendable {
    /// Seconds to wait after the first, second, … send whose outcome stayed unknown; the last one repeats.
    public let retryDelaysSeconds: [Int64]
    /// Seconds to wait before a declined payout is tried under a new key.
    public let newAttemptDelaySeconds: Int64
    /// Attempts per step of a payout; afterwards it fails.
    public let attemptsMaximum: Int
    /// Seconds for which a provider remembers a key, with a margin; afterwards a replay could pay twice.
    public let keyLifetimeSeconds: Int64
    /// Seconds after which a claimed attempt without a result belongs to nobody.
    public let leaseSeconds: Int64
    /// Days after arrival in which a bank may send the money back.
    public let returnWindowDays: Int32

    public init(
        retryDelaysSeconds: [Int64], newAttemptDelaySeconds: Int64, attemptsMaximum: Int, keyLifetimeSeconds: Int64,
        leaseSeconds: Int64, returnWindowDays: Int32
    ) {
        precondition(!retryDelaysSeconds.isEmpty, "a retry needs a delay")
        self.retryDelaysSeconds = retryDelaysSeconds
        self.newAttemptDelaySeconds = newAttemptDelaySeconds
        self.attemptsMaximum = attemptsMaximum
        self.keyLifetimeSeconds = keyLifetimeSeconds
        self.leaseSeconds = leaseSeconds
        self.returnWindowDays = returnWindowDays
    }

    /// Stripe prunes keys after 24 hours at the earliest; 20 leave room for a slow request and a wrong clock.
    public static let stripe = PayoutSchedule(
        retryDelaysSeconds: [2, 10, 60, 300, 900, 3_600], newAttemptDelaySeconds: 900, attemptsMaximum: 8,
        keyLifetimeSeconds: 20 * 3_600, leaseSeconds: 60, returnWindowDays: 14)

    /// Circle binds a key to its record for good; nothing promises that, so a month is relied on, less a day. What is
    /// complete is on the chain, and no bank can send it back.
    public static let circle = PayoutSchedule(
        retryDelaysSeconds: [2, 10, 60, 300, 900, 3_600], newAttemptDelaySeconds: 3_600, attemptsMaximum: 30,
        keyLifetimeSeconds: 29 * 86_400, leaseSeconds: 60, returnWindowDays: 0)

    /// - Parameter sends: how often the key was sent, 1 or more.
    public func retryDelaySeconds(afterSends sends: Int) -> Int64 {
        retryDelaysSeconds[min(max(sends, 1), retryDelaysSeconds.count) - 1]
    }
}
