/// What the engine says about an affiliate at the end of a day.
public struct FraudJudgement: Sendable {
    public let affiliate: UInt64
    public let day: Int32
    /// That the affiliate cheats, 0 … 1.
    public let probability: Double
    public let verdict: FraudVerdict
    /// With what each adds, in nats; the strongest first.
    public let reasons: [(finding: SignalFinding, contribution: Double)]
    public let features: FraudFeatures
    /// The version of the model.
    public let version: String
    /// What the candidate beside it would say; nil without one.
    public var candidate: FraudCandidateJudgement?
}

/// What a version of the model that does not judge would have said, had it judged since it was there.
public struct FraudCandidateJudgement: Sendable, Hashable {
    public let version: String
    public let probability: Double
    public let verdict: FraudVerdict
}

extension FraudBook {
    /// Judges whoever had an event on the last closed day, and remembers where each stands.
    ///
    /// - Parameter candidate: a model that says silently what it would; it sees what `model` sees, and remembers by
    ///   itself where each stands from the first day on.
    /// - Returns: in the order of the affiliates' hashes.
    public mutating func judge(_ model: FraudModel, beside candidate: FraudModel? = nil) -> [FraudJudgement] {
        guard let day else { return [] }
        let findings = findings(on: day)
        let affiliates = findings.keys.sorted()
        var features = affiliates.map { FraudFeatures(findings[$0] ?? []) }
        AnomalyScore.fill(&features)
        let base = model.base
        if candidateVersion != candidate?.version {
            candidateVersion = candidate?.version
            candidateStandings = [:]
        }
        let candidateBase = candidate?.base ?? 0
        return zip(affiliates, features).map { affiliate, features in
            let before = standings[affiliate] ?? FraudStanding()
            var judgement = conclude(affiliate, features, findings[affiliate] ?? [], model, base: base, day)
            if let candidate {
                var standing = candidateStandings[affiliate] ?? before
                let rest = before.unallowed(features, on: day)
                let probability = standing.take(rest, candidate, base: candidateBase, on: day)
                candidateStandings[affiliate] = standing
                judgement.candidate = FraudCandidateJudgement(
                    version: candidate.version, probability: probability, verdict: standing.verdict)
            }
            return judgement
        }
    }

    private func findings(on day: Int32) -> [UInt64: [SignalFinding]] {
        var byProgram: [UInt64: [FraudPair]] = [:]
        for (pair, history) in pairs where history.lastDay > day - 28 {
            byProgram[pair.program, default: []].append(pair)
        }
        let rings = DeviceRings(links)
        var findings = Dictionary(uniqueKeysWithValues: active.map { ($0, [SignalFinding]()) })
        for program in byProgram.keys.sorted() {
            let members = (byProgram[program] ?? []).sorted()
            let isJudged = members.map { active.contains($0.affiliate) }
            guard isJudged.contains(true) else { continue }
            let views = zip(members, isJudged).compactMap { pair, isJudged in
                pairs[pair].map { history in
                    PairView(
                        pair, history, day: day, isSuspect: isSuspect(pair.affiliate, on: day), isJudged: isJudged)
                }
            }
            let found = ProgramPanel(program, views).findings(isJudged)
            for (index, pair) in members.enumerated() where isJudged[index] {
                findings[pair.affiliate, default: []] += found[index]
            }
        }
        for affiliate in findings.keys {
            if let ring = rings.finding(affiliate) { findings[affiliate]?.append(ring) }
        }
        return findings
    }

    private func isSuspect(_ affiliate: UInt64, on day: Int32) -> Bool {
        guard let standing = standings[affiliate] else { return false }
        return standing.probability >= FraudStanding.reviewFrom && standing.day > day - 14
    }

    private mutating func conclude(
        _ affiliate: UInt64, _ features: FraudFeatures, _ findings: [SignalFinding], _ model: FraudModel,
        base: Double, _ day: Int32
    ) -> FraudJudgement {
        var standing = standings[affiliate] ?? FraudStanding()
        standing.show(features, model, on: day)
        let features = standing.unallowed(features, on: day)
        let probability = standing.take(features, model, base: base, on: day)
        standings[affiliate] = standing
        if probability >= FraudStanding.reviewFrom {
            let programs = Set(findings.map(\.program)).sorted()
            markSuspect(affiliate, programs: programs, from: day, through: day)
        }
        let parts = model.contributions(features)
        let signals = FraudSignal.allCases.count
        var strongest: [FraudSignal: SignalFinding] = [:]
        for finding in findings { strongest[finding.signal] = finding.stronger(than: strongest[finding.signal]) }
        let reasons = strongest.values.map { finding in
            let index = finding.signal.index
            return (finding: finding, contribution: parts[index] + parts[signals + index])
        }
        .filter { $0.contribution > 0 }
        .sorted { ($1.contribution, $0.finding.signal.index) < ($0.contribution, $1.finding.signal.index) }
        return FraudJudgement(
            affiliate: affiliate, day: day, probability: probability, verdict: standing.verdict, reasons: reasons,
            features: features, version: model.version)
    }
}
