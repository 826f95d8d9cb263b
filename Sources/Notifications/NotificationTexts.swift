import Domain
import Events
import Storage

extension NewNotification {
    /// What is told of a verdict: a suspicious affiliate to the admins, once per verdict and day.
    static func about(_ flags: FraudFlags, at moment: Timestamp) -> [NewNotification] {
        guard flags.verdict != .clear, !flags.reasons.isEmpty else { return [] }
        let day = CivilDate(daysSinceEpoch: moment.day).text
        let reasons = flags.reasons.map { reason in
            reason.sentence.map { "\($0) (\(reason.code.rawValue))" }
                ?? "\(reason.code.sentence) (\(reason.code.rawValue): \(reason.value), limit \(reason.baseline))"
        }
        let title =
            flags.verdict == .hold
            ? "Affiliate \(flags.affiliateID) is on hold" : "Affiliate \(flags.affiliateID) needs a review"
        return [
            NewNotification(
                notificationID: Identifier(hashing: "fraud", flags.affiliateID, flags.verdict.rawValue, day),
                audience: .admin, affiliateID: flags.affiliateID, kind: "fraud_\(flags.verdict.rawValue)",
                title: title, body: reasons.joined(separator: " "), link: "/console/affiliates")
        ]
    }

    /// What is told of the end of a payout: to its affiliate always, to the admins what went wrong.
    static func about(_ settled: PayoutSettled) -> [NewNotification] {
        let amount = "\(settled.amount.currency.code) \(settled.amount.decimal)"
        let reason = settled.failureCode ?? "unknown"
        switch settled.outcome {
        case .final: return []
        case .paid:
            return [settled.notification(.affiliate, "Payout of \(amount) paid", "The money is with your bank.")]
        case .failed:
            return [
                settled.notification(
                    .affiliate, "Payout of \(amount) failed",
                    "Your bank did not take it (\(reason)). Check your bank account; the money is yours still."),
                settled.notification(
                    .admin, "Payout of \(amount) to \(settled.affiliateID) failed",
                    "Reason: \(reason). The amount is payable again."),
            ]
        case .returned:
            return [
                settled.notification(
                    .affiliate, "Payout of \(amount) came back",
                    "Your bank sent it back (\(reason)). Check your bank account; the money is yours still."),
                settled.notification(
                    .admin, "Payout of \(amount) to \(settled.affiliateID) came back",
                    "Reason: \(reason). The amount is payable again."),
            ]
        }
    }
}

extension PayoutSettled {
    fileprivate func notification(
        _ audience: NewNotification.Audience, _ title: String, _ body: String
    ) -> NewNotification {
        let kind = "payout_\(outcome.rawValue)"
        return NewNotification(
            notificationID: Identifier(hashing: kind, payoutID.description, audience.rawValue), audience: audience,
            affiliateID: affiliateID, kind: kind, title: title, body: body,
            link: audience == .admin ? "/console/payouts" : "")
    }
}
