import Domain
import Events
import Postgres

/// What speaks against an affiliate in a case: all that one screen shows of it.
struct FraudEvidence: Encodable, Sendable {
    /// What one signal measured, with the numbers that a person needs to check it.
    struct Signal: Encodable, Sendable {
        let code: Int32
        let sentence: String
        /// nil for evidence that was kept without it.
        let programId: String?
        let windowDays: Int64
        /// Events of the kind, or what was measured; of so many.
        let k: Double?
        let n: Double?
        /// What is usual in the programme, and was of the affiliate before.
        let baseline: Double?
        let past: Double?
        /// How likely as much is among honest affiliates.
        let p: Double?
        /// What it adds to the score, in nats.
        let nats: Double?
    }

    /// A conversion that is suspected by itself, or came on a day on which its affiliate was.
    struct Conversion: Encodable, Sendable {
        let conversionId: String
        let orderId: String?
        let programId: String
        let occurredAt: String
        let secondsFromClick: Int64?
        let amountMinor: Int64
        let currency: String
        let verdict: String
        let probability: Double?
        let codes: [Int32]
        let commissionState: String?
    }

    /// Something that a person decided about this affiliate before.
    struct Decision: Encodable, Sendable {
        let fraudFlagId: Int64
        let kind: String
        let decision: String
        let reason: String
        let decidedBy: String
        let decidedAt: String
        let undoneBy: String?
        let undoneAt: String?
    }

    struct View: Encodable, Sendable {
        let actor: String
        let firstAt: String
        let lastAt: String
    }

    let flag: FraudFlagRow
    /// Commission of what it is about that is in a payout, or paid.
    let paid: [FraudFlagRow.Risk]
    /// The day whose judgement weighs most; nil where conversions alone are suspected, or where no event shows it.
    let day: String?
    let modelVersion: String?
    let signals: [Signal]
    let conversions: [Conversion]
    let decisions: [Decision]
    /// What the affiliate said, newest first.
    let appeals: [AppealRow]
    let views: [View]
    /// nil where the affiliate has no programme.
    let comparison: FraudComparison?
    let devices: [DeviceUse]
}

/// How an affiliate's orders compare with those of its programme's other affiliates, in one window.
struct FraudComparison: Encodable, Sendable {
    /// Orders of which so many fall into each bin.
    struct Histogram: Encodable, Sendable {
        let own: [Int64]
        let others: [Int64]
    }

    /// A day's events, and those of them that the rate counts.
    struct Day: Encodable, Sendable {
        let day: String
        var own: Int64 = 0
        var ownOf: Int64 = 0
        var others: Int64 = 0
        var othersOf: Int64 = 0
    }

    let programId: String
    let currency: String
    let from: String
    let to: String
    /// Orders that were looked at, the newest of the window.
    let orders: Int64
    /// Bins end at `timeEdges` seconds; the last has no end.
    let timeEdges: [Int64]
    let clickToOrder: Histogram
    /// Where the buyer is.
    let hours: Histogram
    /// Bins of equal width; the last has no end.
    let amountWidthMinor: Int64
    let amounts: Histogram
    /// nil unless somebody set it.
    let autoApproveLimitMinor: Int64?
    /// What the rate of the days counts, as a sentence goes on: "orders that …".
    let rate: String
    let days: [Day]
}

/// How often a customer bought on a device through an affiliate, of devices that several did.
struct DeviceUse: Encodable, Sendable {
    /// Shortened, so that it can be told apart and not be used.
    let device: String
    let customer: String
    let affiliateId: String
    let isOwn: Bool
    let orders: Int64
}
