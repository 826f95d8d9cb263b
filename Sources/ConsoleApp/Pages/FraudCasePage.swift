import Domain

/// One case with its evidence, as its template shows it.
struct FraudCasePage: Sendable {
    struct Signal: Sendable {
        let code: String
        let sentence: String
        let counted: String
        let usual: String
        let past: String
        let chance: String
        let weight: String
        let window: String
        let program: String
    }

    struct Conversion: Sendable {
        let order: String
        let address: String
        let at: String
        let gap: String
        let amount: String
        let currency: String
        let state: String
        let probability: String
        let reasons: [ConversionsPage.Reason]
    }

    struct Decision: Sendable {
        let address: String
        let what: String
        let kind: String
        let reason: String
        let by: String
        let at: String
        let undone: String?
    }

    struct View: Sendable {
        let actor: String
        let at: String
    }

    let row: FraudQueuePage.Row
    let affiliateAddress: String
    let statusText: StateLabel
    let decided: String?
    let paid: String?
    let day: String?
    let model: String?
    let signals: [Signal]
    let conversions: [Conversion]
    let charts: [ComparisonChart.View]
    let graph: DeviceGraph.View
    let program: String?
    let window: String?
    let decisions: [Decision]
    let appeals: [AppealsPage.Row]
    let views: [View]
    let undoable: [FraudQueuePage.Undoable]
    let canConfirm: Bool
    let canDismiss: Bool
    let allowanceDays: String
    let csrfToken: String

    init(
        _ evidence: FraudEvidence, undoable: [FraudDeskQueries.Undoable], reader: Principal
    ) {
        let flag = evidence.flag
        let canDecide = reader.permissions.contains(.decideFraud)
        row = FraudQueuePage.Row(flag, canDecide: canDecide)
        affiliateAddress = "/console/affiliates/" + PercentEncoding.encode(flag.affiliateId)
        statusText = StateLabel(fraudStatus: flag.status)
        decided = flag.decidedBy.map { "\(Figures.moment(flag.decidedAt)) by \($0): \(flag.reason ?? "")" }
        paid =
            evidence.paid.isEmpty
            ? nil
            : evidence.paid.map { "\(Figures.amount($0.amountMinor, $0.currency)) \($0.currency)" }
                .joined(separator: ", ")
        day = evidence.day
        model = evidence.modelVersion
        signals = evidence.signals.map(Signal.init)
        conversions = evidence.conversions.map(Conversion.init)
        charts = evidence.comparison?.charts ?? []
        graph = DeviceGraph(uses: evidence.devices).view
        program = evidence.comparison?.programId
        window = evidence.comparison.map { "\($0.from) to \($0.to), UTC days" }
        decisions = evidence.decisions.map(Decision.init)
        appeals = evidence.appeals.map { AppealsPage.Row($0, isOwn: false, canAnswer: canDecide) }
        views = evidence.views.map { View(actor: $0.actor, at: Figures.moment($0.lastAt)) }
        self.undoable = canDecide ? undoable.map(FraudQueuePage.Undoable.init) : []
        canConfirm = canDecide && flag.status == "open"
        canDismiss = canDecide && ["open", "confirmed"].contains(flag.status)
        allowanceDays = String(FraudDecision.allowanceDaysStandard)
        csrfToken = reader.session?.csrfToken ?? ""
    }
}

extension FraudCasePage.Signal {
    init(_ signal: FraudEvidence.Signal) {
        let share = ReasonCode(rawValue: signal.code).flatMap { FraudSignal($0) }?.isShare ?? false
        func value(_ number: Double?) -> String {
            number.map { share ? Figures.percent($0) : Figures.tenths($0) } ?? "–"
        }
        code = String(signal.code)
        sentence = signal.sentence
        counted =
            share
            ? "\(Figures.whole(signal.k)) of \(Figures.whole(signal.n))"
            : "\(value(signal.k)) over \(Figures.whole(signal.n))"
        usual = value(signal.baseline)
        past = value(signal.past)
        chance = signal.p.map(Figures.chance) ?? "–"
        weight = signal.nats.map { "+" + Figures.tenths($0) } ?? "–"
        window = signal.windowDays == 1 ? "1 day" : "\(signal.windowDays) days"
        program = signal.programId ?? "–"
    }
}

extension FraudCasePage.Conversion {
    init(_ row: FraudEvidence.Conversion) {
        order = row.orderId ?? "–"
        address =
            "/console/conversions" + PercentEncoding.query(["order_id": row.orderId, "program_id": row.programId])
        at = Figures.moment(row.occurredAt)
        gap = row.secondsFromClick.map(Figures.duration) ?? "–"
        amount = Figures.amount(row.amountMinor, row.currency)
        currency = row.currency
        state = row.commissionState.map(StateLabel.words) ?? "No commission"
        probability = row.probability.map(Figures.percent) ?? "–"
        reasons = row.codes.map { ConversionsPage.Reason(.init($0)) }
    }
}

extension FraudCasePage.Decision {
    init(_ decision: FraudEvidence.Decision) {
        address = "/console/fraud/\(decision.fraudFlagId)"
        what = StateLabel.words(decision.decision)
        kind = StateLabel.words(decision.kind)
        reason = decision.reason
        by = decision.decidedBy
        at = Figures.moment(decision.decidedAt)
        undone = decision.undoneBy.map { "Undone \(Figures.moment(decision.undoneAt)) by \($0)" }
    }
}

extension FraudComparison {
    /// The charts of a case.
    var charts: [ComparisonChart.View] {
        var charts = [clickToOrderChart, daysChart, hoursChart, amountsChart]
        charts.removeAll(where: \.isEmpty)
        return charts
    }

    private func note(_ histogram: Histogram, _ unit: String) -> String {
        let (own, others) = (histogram.own.reduce(0, +), histogram.others.reduce(0, +))
        return "\(Figures.count(own)) \(unit) of this affiliate, \(Figures.count(others)) of the others"
    }

    private func bins(
        _ histogram: Histogram, _ names: [(label: String, name: String)]
    ) -> [ComparisonChart.Bin] {
        let (own, others) = (histogram.own.reduce(0, +), histogram.others.reduce(0, +))
        return names.indices.map { index in
            ComparisonChart.Bin(
                label: names[index].label, name: names[index].name,
                own: own > 0 ? Double(histogram.own[index]) / Double(own) : nil,
                others: others > 0 ? Double(histogram.others[index]) / Double(others) : nil,
                ownText: "\(Figures.count(histogram.own[index])), \(Figures.share(histogram.own[index], of: own))",
                othersText:
                    "\(Figures.count(histogram.others[index])), \(Figures.share(histogram.others[index], of: others))")
        }
    }

    private var clickToOrderChart: ComparisonChart.View {
        let starts = [0] + timeEdges
        let names = starts.indices.map { index -> (label: String, name: String) in
            let from = Figures.shortDuration(starts[index])
            guard index < timeEdges.count else { return (from, from + " and more") }
            return (
                index == 0 ? "0" : from, "\(index == 0 ? "0 s" : from) to \(Figures.shortDuration(timeEdges[index]))"
            )
        }
        return ComparisonChart(
            id: "times", title: "Time from click to order", note: note(clickToOrder, "orders with a click"),
            unit: "Time", bins: bins(clickToOrder, names)
        ).view
    }

    private var hoursChart: ComparisonChart.View {
        let names = (0..<24).map { (label: $0.isMultiple(of: 3) ? String($0) : "", name: "\($0) to \($0 + 1) o'clock") }
        return ComparisonChart(
            id: "hours", title: "Hour of the day, where the buyer is", note: note(hours, "orders"), unit: "Hour",
            bins: bins(hours, names), density: "sparse"
        ).view
    }

    private var amountsChart: ComparisonChart.View {
        let names = amounts.own.indices.map { index -> (label: String, name: String) in
            let from = Figures.amount(Int64(index) * amountWidthMinor, currency)
            let name = "\(from) \(index + 1 < amounts.own.count ? "to less than" : "and more")"
            let to =
                index + 1 < amounts.own.count
                ? " " + Figures.amount(Int64(index + 1) * amountWidthMinor, currency) : ""
            return (index.isMultiple(of: 5) ? from : "", name + to + " " + currency)
        }
        var chart = ComparisonChart(
            id: "amounts", title: "Amounts of the orders, \(currency)", note: note(amounts, "orders"), unit: "Amount",
            bins: bins(amounts, names), density: "sparse")
        if let limit = autoApproveLimitMinor {
            chart.marker = (10, "Approved automatically below \(Figures.amount(limit, currency)) \(currency)")
        }
        return chart.view
    }

    private var daysChart: ComparisonChart.View {
        let bins = days.enumerated().map { index, day in
            ComparisonChart.Bin(
                label: index.isMultiple(of: 7) ? String(day.day.dropFirst(5)) : "", name: day.day,
                own: day.ownOf > 0 ? Double(day.own) / Double(day.ownOf) : nil,
                others: day.othersOf > 0 ? Double(day.others) / Double(day.othersOf) : nil,
                ownText: "\(Figures.count(day.own)) of \(Figures.count(day.ownOf))",
                othersText: "\(Figures.count(day.others)) of \(Figures.count(day.othersOf))")
        }
        let own = days.reduce(0) { $0 + $1.own }
        let of = days.reduce(0) { $0 + $1.ownOf }
        return ComparisonChart(
            id: "days", title: "Day by day: \(rate)",
            note: "\(Figures.count(own)) of \(Figures.count(of)) of this affiliate in all", unit: "Day", bins: bins,
            density: "sparse"
        ).view
    }
}
