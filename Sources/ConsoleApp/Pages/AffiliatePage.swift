import Domain

/// How one affiliate does, and what that is made of over time.
struct AffiliatePage: Sendable {
    struct Place: Sendable {
        let program: String
        let programAddress: String
        let currency: String
        let rank: String
        /// Ranks that it moved since the first day shown; nil: none.
        let moved: String?
        let expected: String
        let interval: String
        let isLowSample: Bool
        let factors: [AffiliateView.Factor]
        let chart: FactorChart.View
        let asOf: String
    }

    struct Case: Sendable {
        let address: String
        let kind: String
        let verdict: StateLabel
        let status: StateLabel
        let measured: String
    }

    let id: String
    let name: String
    let verdict: StateLabel?
    let isBlocked: Bool
    let country: String
    let joined: String
    let places: [Place]
    let cases: [Case]
    let asked: String
    let conversionsAddress: String
    let statementsAddress: String

    init(
        _ affiliate: AffiliateHead, _ histories: [AffiliateHistory], _ cases: [FraudFlagRow], asked: String
    ) {
        id = affiliate.id
        name = affiliate.name
        verdict =
            switch FraudVerdict(rawValue: affiliate.verdict) {
            case .review: StateLabel("Review", tone: .waiting)
            case .hold: StateLabel("Hold", tone: .bad)
            case .clear, nil: nil
            }
        isBlocked = affiliate.isBlocked
        country = affiliate.country ?? "–"
        joined = String(affiliate.joinedAt.prefix(10))
        places = histories.enumerated().compactMap { Place($0.element, number: $0.offset) }
        self.cases = cases.map {
            Case(
                address: "/console/fraud/\($0.fraudFlagId)", kind: StateLabel.words($0.kind),
                verdict: StateLabel(fraudVerdict: $0.verdict), status: StateLabel(fraudStatus: $0.status),
                measured: $0.measured)
        }
        self.asked = asked
        conversionsAddress = "/console/conversions" + PercentEncoding.query(["affiliate_id": affiliate.id])
        statementsAddress = StatementRoutes.list + PercentEncoding.query(["affiliate_id": affiliate.id])
    }
}

extension AffiliatePage.Place {
    init?(_ history: AffiliateHistory, number: Int) {
        guard let first = history.days.first, let last = history.days.last else { return nil }
        program = history.programID
        programAddress = "/console/rules" + PercentEncoding.query(["program_id": history.programID])
        currency = history.currency
        rank = Figures.count(last.rank)
        let change = first.rank - last.rank
        moved = change == 0 ? nil : "\(change > 0 ? "up" : "down") \(Figures.count(abs(change))) since \(first.day)"
        expected = Figures.amount(last.expectedMinor, history.currency)
        interval =
            "\(Figures.amount(last.lowMinor, history.currency)) – \(Figures.amount(last.highMinor, history.currency))"
        isLowSample = last.isLowSample
        factors = last.parts.map(AffiliateView.Factor.init)
        chart = FactorChart(id: "factors-\(number)", history: history).view
        asOf = last.day
    }
}
