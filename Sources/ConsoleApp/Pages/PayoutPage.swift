import Domain

/// One payout: what it pays, who decided, what was tried and answered, and what may be done about it now.
struct PayoutPage: Sendable {
    struct Step: Sendable {
        let state: StateLabel
        let actor: String
        let evidence: String
        let at: String
    }

    struct Limit: Sendable {
        let words: DecisionWords
        let result: StateLabel
    }

    struct Attempt: Sendable {
        let operation: String
        let number: String
        let state: StateLabel
        let sends: String
        let answer: String
        let object: String
        let key: String
        let request: String
        let next: String
        let keyEnds: String
    }

    struct Webhook: Sendable {
        let kind: String
        let event: String
        let at: String
        let result: String
    }

    struct Posting: Sendable {
        let what: String
        let debit: String
        let credit: String
        let amount: String
        let at: String
    }

    struct Commission: Sendable {
        let id: String
        let shortID: String
        let order: String
        let program: String
        let amount: String
        let currency: String
        let state: StateLabel
    }

    /// Commissions that the page shows; all of them are in the CSV of /commissions.
    static let commissionsMaximum = 100

    let row: PayoutsPage.Row
    /// The reader is no affiliate: what was decided, compared and posted inside is shown.
    let isForStaff: Bool
    /// The affiliate's page, for whoever may read it.
    let affiliateAddress: String?
    let approvedBy: String?
    let arrival: String
    let situation: [String]
    let actions: Actions
    let breaks: [BreaksPage.Row]
    let limits: [Limit]
    let steps: [Step]
    let attempts: [Attempt]
    let webhooks: [Webhook]
    let postings: [Posting]
    let commissions: [Commission]
    let hasMore: Bool
    /// The payout that this one pays again.
    let repeats: String?
    /// Made anew with every page, so that a second click pays nothing more.
    let retryKey = SecureToken.make()
    let csrfToken: String

    init(_ status: PayoutStatus, _ card: PayoutCard, _ commissions: [CommissionRow], reader: Principal) {
        row = PayoutsPage.Row(status.payout, reader: reader)
        isForStaff = reader.session?.affiliateID == nil
        affiliateAddress = AffiliateHead.address(of: status.payout.affiliateId, for: reader)
        approvedBy = status.payout.approvedBy.map { first in
            status.payout.secondApprovedBy.map { "\(first), \($0)" } ?? first
        }
        arrival = Figures.moment(status.payout.arrivalAt)
        situation = PayoutSituation(status, card).sentences
        actions = Actions(status, card, reader: reader)
        breaks = card.breaks.map(BreaksPage.Row.init)
        limits = card.limits.map {
            Limit(
                words: DecisionWords($0, status.payout.currency),
                result: StateLabel($0.passed ? "Passed" : "Missed", tone: $0.passed ? .good : .waiting))
        }
        steps = status.timeline.map {
            Step(
                state: StateLabel(payoutState: $0.to), actor: $0.actor, evidence: $0.evidence,
                at: Figures.moment($0.at))
        }
        attempts = status.attempts.map(Attempt.init)
        webhooks = card.webhooks.map {
            Webhook(
                kind: $0.kind, event: $0.eventID, at: Figures.moment($0.receivedAt), result: $0.result ?? "waits")
        }
        postings = card.postings.map {
            Posting(
                what: StateLabel.words($0.kind), debit: $0.debit, credit: $0.credit,
                amount: Figures.amount($0.amountMinor, $0.currency), at: Figures.moment($0.at))
        }
        self.commissions = commissions.prefix(PayoutPage.commissionsMaximum).map { row in
            Commission(
                id: row.commissionId, shortID: String(row.commissionId.prefix(8)), order: row.orderId ?? "–",
                program: row.programId, amount: Figures.amount(row.amountMinor - row.reversedMinor, row.currency),
                currency: row.currency, state: StateLabel(commissionState: row.status))
        }
        repeats = card.repeats
        hasMore = commissions.count > PayoutPage.commissionsMaximum
        csrfToken = reader.session?.csrfToken ?? ""
    }

    /// What the reader may do now. Nothing here sends money; what is unknown is never sent under another key.
    struct Actions: Sendable {
        let canCheck: Bool
        let canCancel: Bool
        let cancelLabel: String
        let canPropose: Bool
        /// It was paid by hand, and may have come back.
        let canReturn: Bool
        /// What the first person said, while the second one is awaited.
        let proposal: String?
        let canConfirm: Bool
        /// What paying again does; nil: it ended with its money, or nothing is payable.
        let payAgain: String?
        let areAny: Bool

        init(_ status: PayoutStatus, _ card: PayoutCard, reader: Principal) {
            let state = PayoutState(rawValue: status.payout.state)
            let decides = reader.permissions.contains(.decidePayouts)
            let open = card.resolutions.first { $0.confirmedBy == nil }
            canCheck =
                reader.permissions.contains(.processPayments)
                && [.unknown, .manual, .submitted, .canceling, .inTransit].contains(state)
            let isUnsent = [.awaitingApproval, .reserved].contains(state) && status.attempts.isEmpty
            canCancel = decides && (isUnsent || (state == .submitted && status.payout.provider == "stripe"))
            cancelLabel = isUnsent ? "Cancel the payout" : "Ask the provider to take it back"
            let isTheirs = decides && state == .manual && !status.attempts.isEmpty
            let isByHand = decides && status.payout.provider == "manual" && [.paid, .final].contains(state)
            canPropose = isTheirs && open == nil
            canReturn = isByHand && open == nil
            proposal = open.map { open in
                let verdict =
                    switch open.verdict {
                    case "declined": "It moved no money"
                    case "returned": "It came back as \(open.objectID)"
                    default: "The provider has it as \(open.objectID)"
                    }
                return "\(open.proposedBy) says: \(verdict). \(open.evidence)"
            }
            canConfirm = (isTheirs || isByHand) && open != nil && open?.proposedBy != reader.actor
            let isPayable = state?.isPayableAgain == true && card.balance.freeMinor > 0
            payAgain =
                isPayable && reader.permissions.contains(.processPayments)
                ? """
                This payout stays as it is. Paying again plans a new one of all that is payable now, \
                \(Figures.amount(card.balance.freeMinor, status.payout.currency)) \(status.payout.currency), by the \
                checks and limits of every planning: it may wait for a person, or be withheld.
                """ : nil
            areAny = canCheck || canCancel || canPropose || canReturn || canConfirm || payAgain != nil
        }
    }
}

extension PayoutPage.Attempt {
    fileprivate init(_ row: PayoutAttemptRow) {
        operation = row.operation == "transfer" ? "Transfer to the affiliate's account" : "Payout to the bank"
        number = String(row.number)
        state =
            switch row.state {
            case "accepted": StateLabel("Accepted", tone: .good)
            case "declined": StateLabel("Declined", tone: .bad)
            case "unknown": StateLabel("Unknown", tone: .waiting)
            default: StateLabel(StateLabel.words(row.state), tone: .moving)
            }
        let (first, last) = (Figures.moment(row.firstSentAt), Figures.moment(row.lastSentAt))
        sends =
            switch row.sends {
            case 0: "Not yet"
            case 1: "once, \(first)"
            default: "\(row.times), \(first) to \(last)"
            }
        let status = row.httpStatus.map { "HTTP \($0)" }
        answer = [status, row.errorCode, row.outcome].compactMap(\.self).joined(separator: ", ")
        object = row.providerObjectId ?? "–"
        key = row.idempotencyKey
        request = row.providerRequestId ?? "–"
        next = Figures.moment(row.nextSendAt)
        keyEnds = Figures.moment(row.keyExpiresAt)
    }
}

/// What is known about a payout now, in sentences.
struct PayoutSituation: Sendable {
    let sentences: [String]

    init(_ status: PayoutStatus, _ card: PayoutCard) {
        let frozen = card.freezes.map { "Frozen by \($0.frozenBy): \($0.reason). Nothing is sent meanwhile." }
        let last = status.attempts.last
        let state = PayoutState(rawValue: status.payout.state)
        switch state {
        case .unknown: sentences = frozen + PayoutSituation.unknown(last, card)
        case .manual where last != nil:
            sentences =
                frozen
                + [
                    "Its outcome is unknown and its key is not sent any more: a repetition could be a second payment.",
                    PayoutSituation.answer(last),
                    "It is still searched for at the provider. Only two people together may say what became of it.",
                ].compactMap(\.self)
        case .manual: sentences = frozen + ["No provider sends it: it waits to be paid by hand."]
        case .paid where status.payout.provider == "manual":
            sentences =
                frozen + ["It was paid by hand, and is final when nothing came back for the days that the limits say."]
        case .awaitingApproval where status.payout.needsSecond:
            sentences = frozen + ["Its amount needs the approval of two people who did not submit it."]
        case .canceling: sentences = frozen + ["The provider is asked to take it back; it may be too late for that."]
        case .failed, .returned, .rejected, .canceled:
            let withheld = card.withheld.map { "The last planning withheld what is payable. \($0.reasons)" }
            sentences = frozen + [withheld].compactMap(\.self)
        default: sentences = frozen
        }
    }

    private static func unknown(_ last: PayoutAttemptRow?, _ card: PayoutCard) -> [String] {
        let repetition = last.flatMap(\.nextSendAt).map { next in
            "The same request under the same key is sent again at \(Figures.moment(next)), and never after "
                + "\(Figures.moment(last?.keyExpiresAt)): the provider then answers what it did the first time."
        }
        return [
            "Nobody knows yet whether the money moved. It stays reserved; do not pay it by any other way.",
            answer(last), repetition,
            card.checkAt.map { "It is searched for at the provider at \(Figures.moment($0)) at the latest." },
        ].compactMap(\.self)
    }

    private static func answer(_ last: PayoutAttemptRow?) -> String? {
        guard let last else { return nil }
        let answer = [last.httpStatus.map { "HTTP \($0)" }, last.outcome ?? "none"].compactMap(\.self)
        return "The \(last.operation) was sent \(last.times). Last answer: \(answer.joined(separator: ", "))."
    }
}

extension PayoutAttemptRow {
    fileprivate var times: String { sends == 1 ? "once" : "\(sends) times" }
}
