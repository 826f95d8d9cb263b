import Domain
import Events
import Storage

/// What the rules say about a batch of messages, in their order: first their conversions, then, with the flags that are
/// open, their affiliates.
///
/// Numbers run on from message to message, so a batch says the same as its messages one by one.
struct FraudJudgement {
    /// What one message comes to.
    struct Finding {
        let input: AffiliateScored
        let conversions: [FraudFlags.Conversion]
        /// By code: how often it was hit, and the worst hit.
        let hits: [ReasonCode: (occurrences: Int64, worst: FraudHit)]
        var verdict = FraudVerdict.clear
        var risk = BasisPoints(0)
    }

    private(set) var findings: [Finding] = []
    /// Affiliates whose verdict is worse than the stored one.
    private(set) var worsened: [String: FraudVerdict] = [:]

    /// The conversions of the batch by IP address and hour.
    static func ipHours(_ messages: [AffiliateScored]) -> [IPHour: Int64] {
        var counts: [IPHour: Int64] = [:]
        for conversion in messages.lazy.flatMap(\.conversions) {
            if let key = conversion.ipHour { counts[key, default: 0] += 1 }
        }
        return counts
    }

    /// - Parameter conversionsOfIPHours: before this batch.
    init(_ messages: [AffiliateScored], conversionsOfIPHours: [IPHour: Int64]) {
        var counts = conversionsOfIPHours
        findings = messages.map { message in Finding(message, counts: &counts) }
    }

    var conversions: [JudgedConversion] {
        findings.flatMap { finding in
            finding.conversions.map { conversion in
                JudgedConversion(
                    conversionID: conversion.conversionID, affiliateID: finding.input.affiliateID,
                    verdict: conversion.verdict, codes: conversion.codes)
            }
        }
    }

    /// What the batch adds to the affiliates' flags.
    var flagHits: [FlagHits] {
        var sums: [FlagKey: (occurrences: Int64, worst: FraudHit)] = [:]
        for finding in findings {
            for (code, hit) in finding.hits {
                let key = FlagKey(affiliateID: finding.input.affiliateID, code: code)
                let sum = sums[key]
                let worst = sum.map { hit.worst.isWorse(than: $0.worst) ? hit.worst : $0.worst } ?? hit.worst
                sums[key] = ((sum?.occurrences ?? 0) + hit.occurrences, worst)
            }
        }
        return sums.map { FlagHits(key: $0.key, occurrences: $0.value.occurrences, measured: $0.value.worst.measured) }
    }

    /// Judges the affiliates.
    ///
    /// - Parameters:
    ///   - occurrences: of the open flags that the batch hit, its own hits included.
    ///   - verdicts: as stored; an open flag that the batch did not hit speaks through them.
    mutating func weigh(occurrences: [FlagKey: Int64], verdicts: [String: FraudVerdict]) {
        var occurrences = occurrences
        for hit in flagHits { occurrences[hit.key, default: hit.occurrences] -= hit.occurrences }
        var current = verdicts
        for index in findings.indices {
            let input = findings[index].input
            var verdict = current[input.affiliateID] ?? .clear
            for (code, hit) in findings[index].hits {
                let total =
                    occurrences[FlagKey(affiliateID: input.affiliateID, code: code), default: 0] + hit.occurrences
                occurrences[FlagKey(affiliateID: input.affiliateID, code: code)] = total
                verdict = max(verdict, FraudRules.verdict(occurrences: total, sample: input.sample))
                let risk = FraudRules.risk(occurrences: total, sample: input.sample)
                if risk.value > findings[index].risk.value { findings[index].risk = risk }
            }
            findings[index].verdict = verdict
            if verdict > current[input.affiliateID] ?? .clear { worsened[input.affiliateID] = verdict }
            current[input.affiliateID] = verdict
        }
    }
}

extension FraudJudgement.Finding {
    fileprivate init(_ input: AffiliateScored, counts: inout [IPHour: Int64]) {
        var hits: [ReasonCode: (occurrences: Int64, worst: FraudHit)] = [:]
        func add(_ hit: FraudHit, occurrences: Int64 = 1) {
            guard let known = hits[hit.code] else {
                hits[hit.code] = (occurrences, hit)
                return
            }
            hits[hit.code] = (known.occurrences + occurrences, hit.isWorse(than: known.worst) ? hit : known.worst)
        }
        conversions = input.conversions.map { conversion in
            var ordinal: Int64?
            if let key = conversion.ipHour {
                counts[key, default: 0] += 1
                ordinal = counts[key]
            }
            let found = FraudRules.hits(.init(secondsFromClick: conversion.secondsFromClick, ordinalOfIPHour: ordinal))
            for hit in found { add(hit) }
            return FraudFlags.Conversion(
                conversionID: conversion.conversionID, verdict: FraudVerdict(ofConversion: found),
                codes: found.map(\.code))
        }
        if input.duplicateOrders > 0 {
            let repeated = FraudHit(
                code: .repeatedOrders, value: input.duplicateOrders,
                baseline: FraudRules.reviewBaseline(sample: input.sample))
            add(repeated, occurrences: input.duplicateOrders)
        }
        self.input = input
        self.hits = hits
    }

    var message: FraudFlags {
        FraudFlags(
            affiliateID: input.affiliateID, verdict: verdict, risk: risk,
            reasons: hits.values.map(\.worst).sorted { $0.code.rawValue < $1.code.rawValue }.map {
                FraudFlags.Reason(code: $0.code, value: $0.value, baseline: $0.baseline)
            }, conversions: conversions)
    }
}

extension FraudHit {
    /// What was measured, for whoever decides about the flag.
    fileprivate var measured: String {
        switch code {
        case .repeatedOrders: "\(value) repeated orders at once"
        case .fastOrders: "\(value) s after the click, under \(baseline) s"
        case .topOrderAddress: "\(value) conversions of one IP address within one hour, over \(baseline)"
        default: "\(value) against \(baseline)"
        }
    }
}

extension AffiliateScored.Conversion {
    fileprivate var ipHour: IPHour? { ip.map { IPHour(ip: $0, occurredAt: occurredAt) } }
}
