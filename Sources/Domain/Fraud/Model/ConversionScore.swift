/// What one conversion's own facts and its past say about it.
public struct ConversionScore: Sendable, Hashable {
    public let event: UInt64
    public let affiliate: UInt64
    /// That it is fraud, 0 … 1.
    public let probability: Double
    /// What speaks against it, the strongest first.
    public let signals: [FraudSignal]
}

/// How often each fact is true of a programme's conversions, as of yesterday.
struct FactRates: Sendable, Codable {
    /// What yesterday's counts still count today.
    private static let keptShare = 0.97

    var counts: [UInt64: [Double]] = [:]

    /// The share of conversions with the fact, an unusual one where little is known.
    func rate(_ share: (k: FraudFact, n: FraudFact), in program: UInt64) -> Double {
        guard let counts = counts[program] else { return 0.05 }
        return (counts[share.k.rawValue] + 1) / (counts[share.n.rawValue] + 20)
    }

    /// The share of conversions with a known click that came as soon.
    func rate(soonerThan bin: Int, in program: UInt64) -> Double {
        guard let counts = counts[program] else { return bin <= 2 ? 0.02 : 0.2 }
        let times = counts[DayCell.times]
        return (times.prefix(bin + 1).reduce(0, +) + 1) / (times.reduce(0, +) + 20)
    }

    func rate(laterThan bin: Int, in program: UInt64) -> Double {
        guard let counts = counts[program] else { return 0.3 }
        let times = counts[DayCell.times]
        return (times.suffix(DayCell.timeBins - bin).reduce(0, +) + 1) / (times.reduce(0, +) + 20)
    }

    mutating func close(_ linked: [LinkedEvent]) {
        var today: [UInt64: DayCell] = [:]
        for link in linked where link.event.kind == .conversion {
            today[link.event.program, default: DayCell()].add(link)
        }
        for (program, cell) in today {
            let fresh = cell.histogram(0..<DayCell.Slot.end).map(Double.init)
            let old = counts[program] ?? [Double](repeating: 0, count: fresh.count)
            counts[program] = zip(old, fresh).map { $0 * FactRates.keptShare + $1 }
        }
    }
}

extension FraudModel {
    /// What the facts of a conversion count, in shares of how surprising each is in its programme.
    private static let conversionFacts: [(signal: FraudSignal, k: FraudFact, n: FraudFact, weight: Double)] = [
        (.usedClicks, .orderOfUsedClick, .orderOfClick, 0.7),
        (.foreignClicks, .orderOfForeignClick, .orderOfClick, 0.9),
        (.unknownClicks, .orderOfUnknownClick, .order, 0.5), (.sharedDevices, .orderDeviceShared, .orderDevice, 0.7),
        (.rivalDevices, .orderDeviceRival, .orderDevice, 0.4),
        (.ordersAfterRival, .orderAfterRival, .orderOfClick, 0.6),
        (.otherDevices, .orderDeviceDiffers, .orderDeviceBoth, 0.4),
        (.otherCountries, .orderCountryDiffers, .orderCountryBoth, 0.5),
        (.offMarketOrders, .orderOffMarket, .orderCountry, 0.4), (.hostedOrders, .orderHosting, .orderAddress, 0.6),
        (.automatedOrders, .orderAutomated, .orderAgent, 0.8), (.nightOrders, .orderNight, .order, 0.25),
        (.twinOrders, .orderTwin, .order, 0.7), (.selfOrders, .orderSelf, .order, 0.9),
        (.nearLimitOrders, .orderNearLimit, .orderLimit, 0.4),
        (.foreignCoupons, .orderForeignCoupon, .orderCoupon, 0.5),
        (.rushedOrders, .orderRush, .orderSpaced, 0.4), (.evenOrders, .orderEven, .orderSpaced, 0.2),
        (.repeatCustomers, .orderCustomerAgain, .orderCustomer, 0.3),
    ]
    private static let conversionBias = -4.0
    private static let evidenceShare = 0.75

    /// - Parameter evidence: against the affiliate as of the day before, in nats above the prior.
    func score(_ linked: LinkedEvent, evidence: Double, _ rates: FactRates) -> ConversionScore {
        let program = linked.event.program
        var parts: [(signal: FraudSignal, nats: Double)] = []
        if linked.facts.contains(.orderRepeated) { parts.append((.repeatedOrders, 6)) }
        for fact in FraudModel.conversionFacts where linked.facts.contains(fact.k) {
            let rate = rates.rate((fact.k, fact.n), in: program)
            parts.append((fact.signal, fact.weight * max(0, Elementary.log(0.5 / rate))))
        }
        if let seconds = linked.secondsFromClick {
            let bin = DayCell.timeEdges.firstIndex { seconds < $0 } ?? DayCell.timeBins - 1
            if bin <= 4 {
                let rate = rates.rate(soonerThan: bin, in: program)
                parts.append((.fastOrders, 0.7 * max(0, Elementary.log(0.4 / rate))))
            } else if bin >= 8 {
                let rate = rates.rate(laterThan: bin, in: program)
                parts.append((.slowOrders, 0.3 * max(0, Elementary.log(0.5 / rate))))
            }
        }
        var byFamily: [FraudSignal.Family: Double] = [:]
        for part in parts { byFamily[part.signal.family] = max(byFamily[part.signal.family] ?? 0, part.nats) }
        let nats = byFamily.values.sorted().reduce(0, +)
        let logit = FraudModel.conversionBias + FraudModel.evidenceShare * evidence + nats
        let strongest = parts.filter { $0.nats > 0.5 }.sorted {
            ($1.nats, $0.signal.index) < ($0.nats, $1.signal.index)
        }
        return ConversionScore(
            event: linked.event.key, affiliate: linked.affiliate, probability: Elementary.logistic(logit),
            signals: strongest.map(\.signal))
    }
}
