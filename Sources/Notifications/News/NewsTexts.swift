import Domain
import Events
import Storage

// What is told of what was read from the tables.
extension NewNotification {
    static func sent(_ payout: NewsStore.Payout) -> NewNotification {
        let arrival = payout.arrivalAt.map { " It should be there by \(CivilDate(daysSinceEpoch: $0.day).text)." } ?? ""
        return NewNotification(
            .payoutSent, event: payout.payoutID.description, audience: .affiliate, affiliateID: payout.affiliateID,
            title: "Payout of \(payout.amount.words) sent", body: "The money is on its way.\(arrival)",
            link: payout.page, data: payout.data)
    }

    static func unknown(_ payout: NewsStore.Payout) -> NewNotification {
        NewNotification(
            .payoutUnknown, event: payout.payoutID.description, audience: .admin, affiliateID: payout.affiliateID,
            title: "Payout of \(payout.amount.words) to \(payout.affiliateID): outcome unknown",
            body: """
                \(payout.provider) has not said since \(payout.at.rfc3339) whether it took the payout. Nothing is sent \
                again before it is known.
                """, link: payout.page, data: payout.data)
    }

    static func about(_ found: NewsStore.OpenBreak) -> NewNotification {
        NewNotification(
            .breakFound, event: String(found.breakID), audience: .admin, affiliateID: found.affiliateID,
            title: "Books and provider differ: \(found.kind.replacing("_", with: " "))", body: found.detail,
            link: "/console/breaks",
            data: NotificationData.object { writer in
                writer.member("break_id", found.breakID)
                writer.member("kind", found.kind)
                writer.member("affiliate_id", found.affiliateID)
            })
    }

    static func about(_ held: NewsStore.HeldPartition) -> NewNotification {
        NewNotification(
            .partitionHeld, event: "\(held.group) \(held.topic) \(held.partition) \(held.offset)", audience: .admin,
            affiliateID: nil, title: "\(held.topic) partition \(held.partition) is held",
            body: """
                \(held.group) stopped reading it at offset \(held.offset) (\(held.reason)). The other partitions go on.
                """, link: "/console/topics",
            data: NotificationData.object { writer in
                writer.member("worker_group", held.group)
                writer.member("topic", held.topic)
                writer.member("partition", Int64(held.partition))
                writer.member("offset", held.offset)
                writer.member("reason", held.reason)
            })
    }

    /// - Parameter statements: of one affiliate and one month, at least one.
    static func about(statements: [NewsStore.Statement]) -> NewNotification {
        let first = statements[0]
        let month = String(CivilDate(daysSinceEpoch: first.month).text.prefix(7))
        return NewNotification(
            .statementReady, event: "\(first.affiliateID) \(month)", audience: .affiliate,
            affiliateID: first.affiliateID, title: "Your statement of \(month) is ready",
            body: "Balance at the end of the month: \(list(statements.map(\.closing))).",
            link: "/console/statements/\(month)",
            data: NotificationData.object { writer in
                writer.member("affiliate_id", first.affiliateID)
                writer.member("month", month)
                writer.amounts("closing", statements.map(\.closing))
            })
    }

    /// - Parameter reversals: of one affiliate, at least one.
    static func about(reversals: [NewsStore.Sum], on day: Int32) -> NewNotification {
        let date = CivilDate(daysSinceEpoch: day).text
        let count = reversals.reduce(0) { $0 + $1.count }
        return NewNotification(
            .commissionReversed, event: "\(reversals[0].affiliateID) \(date)", audience: .affiliate,
            affiliateID: reversals[0].affiliateID,
            title: count == 1 ? "A commission was reversed" : "\(count) commissions were reversed",
            body: """
                On \(date), \(list(reversals.map(\.amount))) was taken back, as the orders were refunded, charged back \
                or corrected.
                """, link: "/console/statements/\(date.prefix(7))",
            data: NotificationData.object { writer in
                writer.member("affiliate_id", reversals[0].affiliateID)
                writer.member("day", date)
                writer.member("commissions", count)
                writer.amounts("reversed", reversals.map(\.amount))
            })
    }

    static func week(
        from monday: Int32, affiliateID: String, clicks: Int64, conversions: Int64, earnings: [NewsStore.Sum]
    ) -> NewNotification {
        let (first, last) = (CivilDate(daysSinceEpoch: monday).text, CivilDate(daysSinceEpoch: monday + 6).text)
        let earned = earnings.isEmpty ? "nothing" : list(earnings.map(\.amount))
        return NewNotification(
            .weeklyUpdate, event: "\(affiliateID) \(first)", audience: .affiliate, affiliateID: affiliateID,
            title: "Your week from \(first) to \(last)",
            body: "Clicks: \(clicks). Conversions: \(conversions). Earned: \(earned).", link: "/console/payouts",
            data: NotificationData.object { writer in
                writer.member("affiliate_id", affiliateID)
                writer.member("from", first)
                writer.member("to", last)
                writer.member("clicks", clicks)
                writer.member("conversions", conversions)
                writer.amounts("earned", earnings.map(\.amount))
            })
    }

    private static func list(_ amounts: [Money]) -> String { amounts.map(\.words).joined(separator: ", ") }
}

extension NewsStore.Payout {
    fileprivate var page: String { "/console/payouts/\(payoutID)" }

    fileprivate var data: String {
        NotificationData.object { writer in
            writer.member("payout_id", payoutID.description)
            writer.member("affiliate_id", affiliateID)
            writer.member("amount_minor", amount.minorUnits)
            writer.member("currency", amount.currency.code)
            writer.member("provider", provider)
        }
    }
}
