/// How one attempt to deliver a notification ended.
public enum DeliveryResult: Hashable, Sendable {
    /// - Parameter status: what the other side answered, as 250 or 204.
    case delivered(status: Int32)
    /// It may work later.
    /// - Parameters:
    ///   - status: nil if nothing was answered.
    ///   - error: a word for it, such as `timeout`.
    case delayed(status: Int32?, error: String)
    /// It will not work later either.
    case refused(status: Int32?, error: String)
    /// The endpoint says that it is gone for good.
    case gone(status: Int32)

    /// Attempts after which a delivery is given up.
    public static let attemptsMaximum = pausesSeconds.count + 1
    /// Seconds between the attempts: three days and a half in all, which outlasts a weekend.
    static let pausesSeconds: [Int64] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]

    /// Decides what becomes of a delivery.
    ///
    /// - Parameter attempt: the number of the attempt that ended so, from 1.
    public func fate(after attempt: Int) -> DeliveryFate {
        switch self {
        case .delivered: .delivered
        case .refused, .gone: .failed
        case .delayed:
            attempt < DeliveryResult.attemptsMaximum
                ? .waiting(seconds: DeliveryResult.pausesSeconds[max(attempt, 1) - 1]) : .failed
        }
    }
}

/// What becomes of a delivery after an attempt.
public enum DeliveryFate: Hashable, Sendable {
    case delivered
    case failed
    /// - Parameter seconds: until the next attempt.
    case waiting(seconds: Int64)
}
