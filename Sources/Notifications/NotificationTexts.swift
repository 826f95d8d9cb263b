import Domain
import Events
import Storage

// What is told of what comes over the topics.
extension NewNotification {
    /// What is told of a verdict: a suspicious affiliate to the admins, once per verdict and day.
    static func about(_ flags: FraudFlags, at moment: Timestamp) -> [NewNotification] {
        guard flags.verdict != .clear, !flags.reasons.isEmpty else { return [] }
        let day = CivilDate(daysSinceEpoch: moment.day).text
        let reasons = flags.reasons.map { reason in
            reason.sentence.map { "\($0) (\(reason.code.rawValue))" }
                ?? "\(reason.code.sentence) (\(reason.code.rawValue): \(reason.value), limit \(reason.baseline))"
        }
        let isHeld = flags.verdict == .hold
        return [
            NewNotification(
                isHeld ? .fraudHold : .fraudReview, event: "\(flags.affiliateID) \(day)", audience: .admin,
                affiliateID: flags.affiliateID,
                title: "Affiliate \(flags.affiliateID) \(isHeld ? "is on hold" : "needs a review")",
                body: reasons.joined(separator: " "), link: "/console/fraud",
                data: NotificationData.object { writer in
                    writer.member("affiliate_id", flags.affiliateID)
                    writer.member("verdict", flags.verdict.rawValue)
                    writer.member("codes", flags.reasons.map { Int64($0.code.rawValue) }) { $0.integer($1) }
                })
        ]
    }

    /// What is told of the end of a payout: to its affiliate always, to the admins what went wrong.
    static func about(_ settled: PayoutSettled) -> [NewNotification] {
        let amount = settled.amount.words
        let advice = PayoutFailureAdvice.sentences(settled.failureCode)
        let admin = "Reason: \(settled.failureCode ?? "unknown"). The amount is payable again."
        let affiliate = "\(advice) The money is still yours: it is paid again once your payout method is right."
        switch settled.outcome {
        case .final: return []
        case .paid:
            return [
                settled.notification(
                    .payoutPaid, .affiliate, "Payout of \(amount) paid", "The money is with your bank.")
            ]
        case .failed:
            return [
                settled.notification(.payoutFailed, .affiliate, "Payout of \(amount) failed", affiliate),
                settled.notification(
                    .payoutFailed, .admin, "Payout of \(amount) to \(settled.affiliateID) failed", admin),
            ]
        case .returned:
            return [
                settled.notification(.payoutReturned, .affiliate, "Payout of \(amount) came back", affiliate),
                settled.notification(
                    .payoutReturned, .admin, "Payout of \(amount) to \(settled.affiliateID) came back", admin),
            ]
        }
    }
}

extension PayoutSettled {
    fileprivate func notification(
        _ kind: NotificationKind, _ audience: NotificationAudience, _ title: String, _ body: String
    ) -> NewNotification {
        NewNotification(
            kind, event: payoutID.description, audience: audience, affiliateID: affiliateID, title: title, body: body,
            link: "/console/payouts/\(payoutID)",
            data: NotificationData.object { writer in
                writer.member("payout_id", payoutID.description)
                writer.member("affiliate_id", affiliateID)
                writer.member("amount_minor", amount.minorUnits)
                writer.member("currency", amount.currency.code)
                writer.member("failure_code", failureCode)
            })
    }
}
