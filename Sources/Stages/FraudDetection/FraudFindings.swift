import Domain
import Events
import Outbox
import Storage

/// What judged days come to, as rows and messages.
struct FraudFindings {
    /// Reasons that a message tells of a day, and those that are kept as evidence.
    private static let reasonsMaximum = 5
    private static let evidenceMaximum = 12
    /// What adds less to the score tells a reader nothing.
    private static let evidenceNatsMinimum = 0.05
    /// Conversions of one message: it stays far below a broker's 1 MB.
    private static let messageConversionsMaximum = 500

    private(set) var days: [Int32] = []
    private(set) var verdicts: [FraudDayVerdict] = []
    private(set) var conversions: [JudgedConversion] = []
    /// The last judgement of each affiliate.
    private var latest: [String: FraudJudgement] = [:]

    /// Takes in what a day came to, later than those before.
    ///
    /// - Parameters:
    ///   - names: of affiliates by hash; what is said of others is said of nobody.
    ///   - conversionIDs: by event.
    mutating func add(
        _ judged: FraudTimeline.JudgedDay, names: [UInt64: String], conversionIDs: [UInt64: Identifier]
    ) {
        days.append(judged.day)
        for judgement in judged.judgements {
            guard let affiliateID = names[judgement.affiliate] else { continue }
            verdicts.append(FraudDayVerdict(judgement, affiliateID))
            latest[affiliateID] = judgement
        }
        conversions += judged.conversions.compactMap { score in
            guard let conversionID = conversionIDs[score.event], let affiliateID = names[score.affiliate] else {
                return nil
            }
            return JudgedConversion(
                conversionID: conversionID, affiliateID: affiliateID, day: judged.day,
                probability: score.probability, verdict: FraudVerdict(ofConversion: score.probability),
                signals: score.signals)
        }
    }

    /// One message for each affiliate about whom there is something new, more where one would be too large.
    ///
    /// - Parameters:
    ///   - changed: conversions of which something new is said.
    ///   - verdicts: of the affiliates whose verdict changed, or that have such conversions.
    ///   - revision: makes the ids: what is saved once is said once.
    func messages(
        changed: Set<Identifier>, verdicts: [String: FraudVerdict], revision: Int64
    ) -> [OutboxMessage] {
        let told = Dictionary(grouping: conversions.filter { changed.contains($0.conversionID) }, by: \.affiliateID)
        return verdicts.keys.sorted().flatMap { affiliateID -> [OutboxMessage] in
            let conversions = told[affiliateID] ?? []
            let width = FraudFindings.messageConversionsMaximum
            return stride(from: 0, to: max(1, conversions.count), by: width).map { start in
                let message = FraudFlags(
                    affiliateID: affiliateID, verdict: verdicts[affiliateID] ?? .clear, risk: risk(of: affiliateID),
                    reasons: reasons(of: affiliateID),
                    conversions: conversions[start..<min(start + width, conversions.count)].map {
                        FraudFlags.Conversion(
                            conversionID: $0.conversionID, verdict: $0.verdict, codes: $0.signals.map(\.code))
                    })
                return OutboxMessage(
                    message,
                    id: Identifier(hashing: TopicName.fraudFlags, affiliateID, String(revision), String(start)),
                    at: moment(of: affiliateID))
            }
        }
    }

    private func risk(of affiliateID: String) -> BasisPoints {
        BasisPoints(Int32(((latest[affiliateID]?.probability ?? 0) * 10_000).rounded()))
    }

    private func reasons(of affiliateID: String) -> [FraudFlags.Reason] {
        (latest[affiliateID]?.reasons.prefix(FraudFindings.reasonsMaximum) ?? []).map { reason in
            FraudFlags.Reason(
                code: reason.finding.signal.code, value: Int64(reason.finding.k.rounded()),
                baseline: Int64(reason.finding.baseline.rounded()), sentence: reason.finding.sentence)
        }
    }

    /// The beginning of the day that was judged: not the clock, which a retry would read again.
    private func moment(of affiliateID: String) -> Timestamp {
        Timestamp(secondsSinceEpoch: Int64(latest[affiliateID]?.day ?? days.last ?? 0) * 86_400)
    }

    static func evidence(_ judgement: FraudJudgement) -> String {
        var writer = JSONWriter()
        let telling = judgement.reasons.prefix(evidenceMaximum).enumerated().filter {
            $0.offset == 0 || $0.element.contribution >= evidenceNatsMinimum
        }
        writer.array(telling.map(\.element)) { writer, reason in
            let finding = reason.finding
            writer.object { writer in
                writer.member("code", Int64(finding.signal.code.rawValue))
                writer.member("sentence", finding.sentence)
                writer.member("program", String(finding.program))
                writer.member("window_days", Int64(finding.windowDays))
                writer.name("k")
                writer.json(number(finding.read.k))
                writer.name("n")
                writer.json(number(finding.read.n))
                writer.name("baseline")
                writer.json(number(finding.baseline))
                writer.name("past")
                if let past = finding.past { writer.json(number(past)) } else { writer.null() }
                writer.name("p")
                writer.json(number(finding.p))
                writer.name("nats")
                writer.json(number(reason.contribution))
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// A number of JSON; null for what is none.
    private static func number(_ value: Double) -> [UInt8] {
        value.isFinite ? Array("\(value)".utf8) : Array("null".utf8)
    }
}

extension FraudDayVerdict {
    init(_ judgement: FraudJudgement, _ affiliateID: String) {
        let top = judgement.reasons.first?.finding
        self.init(
            affiliateID: affiliateID, day: judgement.day, probability: judgement.probability,
            verdict: judgement.verdict, top: top.map { ($0.signal, $0.sentence) },
            evidence: FraudFindings.evidence(judgement), features: judgement.features.bytes,
            version: judgement.version, candidate: judgement.candidate)
    }
}
