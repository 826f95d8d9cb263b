/// The topics of the fleet; `topics/` says how each is laid out.
public enum TopicName {
    public static let conversionsRaw = "conversions.raw"
    public static let affiliatesScored = "affiliates.scored"
    public static let fraudFlags = "fraud.flags"
    public static let payoutsRequested = "payouts.requested"
    public static let payoutsSettled = "payouts.settled"

    /// Every topic that a worker of the fleet reads.
    public static let all = [conversionsRaw, affiliatesScored, fraudFlags, payoutsRequested, payoutsSettled]

    /// Where the records of `topic` go that no worker can read.
    public static func deadLetters(of topic: String) -> String { topic + ".dlq" }
}
