import Domain
import Testing

@Suite("Payout decisions")
struct PayoutDecisionTests {
    enum Kind { case automatic, manual, withheld }

    struct Case: Sendable {
        var payable: Int64 = 5_000
        var minimum: Int64 = 1_000
        var limit: Int64 = 100_000
        var second: Int64 = 1_000_000
        var active = true
        var kyc = "not_required"
        var tax = "valid"
        var freeze: String?
        var cooling: Timestamp?
        var provider = "stripe"
        var verdict = FraudVerdict.clear
        var destination: String? = "acct_1"
        var block: String?
        var failures = 0
        var exposure = Exposure()
    }

    struct Exposure: Sendable {
        var recent: Int64 = 0
        var recentLimit: Int64?
        var age: Int64 = 0
        var ageMinimum: Int64 = 0
        var today: Int64 = 0
        var todayLimit: Int64?

        var made: PayoutExposure {
            var exposure = PayoutExposure()
            (exposure.recentMinor, exposure.recentLimitMinor) = (recent, recentLimit)
            (exposure.ageDays, exposure.ageDaysMinimum) = (age, ageMinimum)
            (exposure.todayMinor, exposure.todayLimitMinor) = (today, todayLimit)
            return exposure
        }
    }

    static let cases: [(String, Case, Kind, missed: [String])] = [
        ("all limits pass", Case(), .automatic, []),
        ("exactly the minimum", Case(payable: 1_000), .automatic, []),
        ("one below the minimum", Case(payable: 999), .withheld, ["minimum_minor"]),
        ("nothing", Case(payable: 0, minimum: 0), .withheld, ["minimum_minor"]),
        ("exactly the limit", Case(payable: 100_000), .automatic, []),
        ("one above the limit", Case(payable: 100_001), .manual, ["automatic_limit_minor"]),
        ("under review", Case(verdict: .review), .manual, ["fraud_verdict"]),
        (
            "above the second limit", Case(payable: 100, minimum: 1, second: 99), .manual,
            ["second_approval_limit_minor"]
        ),
        (
            "above both limits", Case(payable: 1_000_001), .manual,
            ["automatic_limit_minor", "second_approval_limit_minor", "thirty_day_limit_minor"]
        ),
        ("on hold", Case(verdict: .hold), .withheld, ["fraud_hold", "fraud_verdict"]),
        ("no account", Case(destination: nil), .withheld, ["payout_method"]),
        ("no account, and none needed", Case(provider: "manual", destination: nil), .automatic, []),
        ("an unusable account", Case(block: "no_account"), .withheld, ["destination_block"]),
        ("a method that cools", Case(cooling: Timestamp(secondsSinceEpoch: 86_400)), .withheld, ["method_cooling"]),
        ("an identity check that waits", Case(kyc: "pending"), .withheld, ["kyc_status"]),
        ("an identity check that passed", Case(kyc: "verified"), .automatic, []),
        ("no tax form", Case(tax: "missing"), .withheld, ["tax_status"]),
        ("frozen", Case(freeze: "provider"), .withheld, ["freeze"]),
        ("a failure last week", Case(failures: 1), .manual, ["recent_failures"]),
        (
            "too much within 30 days", Case(exposure: Exposure(recent: 995_001)), .manual, ["thirty_day_limit_minor"]
        ),
        (
            "above the programme's own sum", Case(exposure: Exposure(recent: 1, recentLimit: 1)), .manual,
            ["thirty_day_limit_minor"]
        ),
        ("too new", Case(exposure: Exposure(age: 6, ageMinimum: 7)), .manual, ["affiliate_age_days"]),
        ("old enough", Case(exposure: Exposure(age: 7, ageMinimum: 7)), .automatic, []),
        (
            "the day's sum is used up", Case(exposure: Exposure(today: 1_000_000, todayLimit: 1_000_000)), .manual,
            ["daily_limit_minor"]
        ),
        ("sums beyond all numbers", Case(exposure: Exposure(recent: .max)), .manual, ["thirty_day_limit_minor"]),
        ("blocked", Case(active: false), .withheld, ["affiliate_active"]),
        (
            "everything at once",
            Case(payable: 200_000, verdict: .hold, destination: nil, block: "x", failures: 2), .withheld,
            [
                "payout_method", "destination_block", "fraud_hold", "automatic_limit_minor", "fraud_verdict",
                "recent_failures",
            ]
        ),
    ]

    @Test("A balance is paid, asked about or withheld, and every missed limit is named", arguments: cases)
    func decision(name: String, given: Case, kind: Kind, missed: [String]) throws {
        let decision = PayoutDecision(
            PayoutCandidate(
                affiliateID: "a1", currency: try #require(Currency(code: "USD")), payableMinor: given.payable,
                minimumMinor: given.minimum, automaticLimitMinor: given.limit, secondApprovalLimitMinor: given.second,
                affiliateIsActive: given.active, kycStatus: given.kyc, taxStatus: given.tax, freeze: given.freeze,
                verdict: given.verdict, provider: given.provider, destination: given.destination,
                destinationBlock: given.block, coolingUntil: given.cooling, recentFailures: given.failures,
                exposure: given.exposure.made))
        let found: Kind =
            switch decision {
            case .automatic: .automatic
            case .manual: .manual
            case .withheld: .withheld
            }
        #expect(found == kind, "\(name)")
        #expect(decision.limits.filter { !$0.passed }.map(\.name) == missed, "\(name)")
        #expect(decision.limits.count == 16)
        #expect(decision.needsSecondApproval == missed.contains("second_approval_limit_minor"))
    }
}

@Suite("Payout calendars")
struct PayoutCalendarTests {
    /// Calendar, moment, the period's first day, and before when what it pays was earned.
    static let moments: [(PayoutCalendar, day: Int32, start: String?, earnedBefore: String?)] = [
        (.onDemand, 20_520, nil, nil), (.daily, 20_520, "2026-03-08", nil), (.weekly, 20_520, "2026-03-02", nil),
        (.monthly, 20_520, "2026-03-01", nil),
        // Fifteen days after February are over on the sixteenth of March.
        (.net15, 20_527, "2026-02-01", "2026-02-01"), (.net15, 20_528, "2026-03-01", "2026-03-01"),
        (.net30, 20_542, "2026-02-01", "2026-02-01"), (.net30, 20_543, "2026-03-01", "2026-03-01"),
    ]

    @Test(
        "A period begins when its calendar says, and net days after a month pay what was earned in it",
        arguments: moments)
    func period(calendar: PayoutCalendar, day: Int32, start: String?, earnedBefore: String?) {
        let moment = Timestamp(secondsSinceEpoch: Int64(day) * 86_400 + 3_600)
        #expect(calendar.periodStart(of: moment)?.text == start)
        #expect(calendar.earnedBefore(at: moment).map { CivilDate(daysSinceEpoch: $0.day).text } == earnedBefore)
    }
}

@Suite("Provider outcomes")
struct ProviderOutcomeTests {
    static let invalid = "invalid_request_error"

    /// Reply, then what it proves on the first send, then on a repeated one.
    static let replies: [(ProviderReply, first: ProviderOutcome, again: ProviderOutcome)] = [
        (
            .answer(ProviderAnswer(status: 200, objectID: "tr_1")), first: .accepted(objectID: "tr_1"),
            again: .accepted(objectID: "tr_1")
        ),
        (
            .answer(ProviderAnswer(status: 200)), first: .unknown(reason: "a success without an object"),
            again: .unknown(reason: "a success without an object")
        ),
        (
            .answer(ProviderAnswer(status: 400, errorType: invalid, errorCode: "balance_insufficient")),
            first: .declined(.retryLater, code: "balance_insufficient"), again: .unknown(reason: "balance_insufficient")
        ),
        (
            .answer(
                ProviderAnswer(status: 400, errorType: invalid, errorCode: "balance_insufficient", isReplayed: true)),
            first: .declined(.retryLater, code: "balance_insufficient"),
            again: .declined(.retryLater, code: "balance_insufficient")
        ),
        (
            .answer(ProviderAnswer(status: 404, errorType: invalid, errorCode: "account_invalid")),
            first: .declined(.destination, code: "account_invalid"), again: .unknown(reason: "account_invalid")
        ),
        (
            .answer(ProviderAnswer(status: 402, errorType: "card_error")),
            first: .declined(.needsPerson, code: "declined"),
            again: .unknown(reason: "a refusal that is not the stored one")
        ),
        (
            .answer(ProviderAnswer(status: 400)), first: .unknown(reason: "a refusal without an error"),
            again: .unknown(reason: "a refusal without an error")
        ),
        (
            .answer(ProviderAnswer(status: 400, errorType: "idempotency_error")), first: .drifted, again: .drifted
        ),
        (.answer(ProviderAnswer(status: 401, errorType: invalid)), first: .misconfigured, again: .misconfigured),
        (
            .answer(ProviderAnswer(status: 409, errorType: invalid, errorCode: "idempotency_key_in_use")),
            first: .unknown(reason: "idempotency_key_in_use"), again: .nothingLearned(reason: "idempotency_key_in_use")
        ),
        (
            .answer(ProviderAnswer(status: 429, errorType: invalid, errorCode: "lock_timeout")),
            first: .nothingLearned(reason: "lock_timeout"), again: .nothingLearned(reason: "lock_timeout")
        ),
        (
            .answer(ProviderAnswer(status: 424)), first: .unknown(reason: "status 424"),
            again: .unknown(reason: "status 424")
        ),
        (
            .answer(ProviderAnswer(status: 500, errorType: "api_error", isReplayed: true)),
            first: .unknown(reason: "status 500"), again: .unknown(reason: "status 500")
        ),
        (.silence(reason: "timeout"), first: .unknown(reason: "timeout"), again: .unknown(reason: "timeout")),
        (
            .notSent(reason: "refused"), first: .nothingLearned(reason: "refused"),
            again: .nothingLearned(reason: "refused")
        ),
    ]

    @Test("A reply proves no more than it says", arguments: replies)
    func classification(reply: ProviderReply, first: ProviderOutcome, again: ProviderOutcome) {
        #expect(ProviderOutcome(reply, isFirstSend: true) == first)
        #expect(ProviderOutcome(reply, isFirstSend: false) == again)
    }

    @Test(
        "Unknown outcomes wait longer each time",
        arguments: [(0, Int64(2)), (1, 2), (2, 10), (3, 60), (4, 300), (5, 900), (6, 3_600), (60, 3_600)])
    func delays(sends: Int, seconds: Int64) {
        #expect(PayoutSchedule.stripe.retryDelaySeconds(afterSends: sends) == seconds)
    }
}
