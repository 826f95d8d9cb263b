import DevKit
import Domain
import Testing

@Suite("What admins decide is learnt")
struct DecisionTests {
    private static let world = JudgedWorld(seed: 501, affiliates: 24, days: 18)

    /// A book on the first day on which it suspects somebody, with what it said then.
    private static func suspecting(
        _ days: inout FraudDays
    ) throws -> (book: FraudBook, judgement: FraudJudgement, all: [FraudJudgement]) {
        for event in world.events { days.observe(event) }
        var book = FraudBook()
        for day in days.list.dropLast(3) {
            _ = book.close(day, days.close(day), FraudContext(), .standard)
            let all = book.judge(.standard)
            if let judgement = all.first(where: { $0.verdict != .clear }) { return (book, judgement, all) }
        }
        throw NobodySuspected()
    }

    private struct NobodySuspected: Error {}

    /// What the day after says of the suspect, by the decisions that are asked for.
    private static func probabilities(
        after decisions: (FraudJudgement) -> [FraudDecision?]
    ) throws -> [Double] {
        var days = FraudDays()
        let (book, judgement, _) = try suspecting(&days)
        let next = try #require(days.list.first)
        let events = days.close(next)
        return decisions(judgement).map { decision in
            var book = book
            if let decision {
                let seen = book.decide(decision)
                #expect(seen == decision.seen ?? judgement.features)
            }
            _ = book.close(next, events, FraudContext(), .standard)
            return book.judge(.standard).first { $0.affiliate == judgement.affiliate }?.probability
                ?? book.standings[judgement.affiliate]?.probability ?? 0
        }
    }

    @Test("Confirmations raise the score of what they saw, dismissals lower it, and no trust falls below 0")
    func trust() throws {
        var days = FraudDays()
        let (_, judgement, _) = try Self.suspecting(&days)
        let standard = FraudModel.standard
        for (isConfirmed, cases) in [(true, 20), (false, 20), (false, 200)] {
            var learning = DecisionLearning(standard)
            for _ in 0..<cases {
                learning.learn(
                    FraudDecision(affiliate: judgement.affiliate, isConfirmed: isConfirmed), judgement.features)
            }
            let learnt = learning.model
            let change = learnt.logit(judgement.features) - standard.logit(judgement.features)
            #expect(isConfirmed ? change > 0 : change < 0, "\(cases) decisions moved it by \(change)")
            #expect((learnt.trust + learnt.added).allSatisfy { $0 >= 0 } && learnt.patterns == standard.patterns)
            #expect(learnt.version == "\(standard.version)+\(cases)")
        }
        #expect(DecisionLearning(standard).model.trust == standard.trust)
    }

    @Test(
        "A nat of evidence is worth another once fifty decisions say so, within bounds",
        arguments: [(49, true), (60, true), (400, true), (400, false)])
    func slope(cases: Int, isConfirmed: Bool) throws {
        var days = FraudDays()
        let (_, judgement, _) = try Self.suspecting(&days)
        var learning = DecisionLearning(.standard)
        for _ in 0..<cases {
            learning.learn(
                FraudDecision(affiliate: judgement.affiliate, isConfirmed: isConfirmed), judgement.features)
        }
        let standard = FraudModel.standard
        let learnt = learning.model
        let said = "slope \(learnt.slope), shift \(learnt.priorShift)"
        #expect((learnt.slope == standard.slope) == (cases < 50), "\(said)")
        #expect((0.5...1.5).contains(learnt.slope / standard.slope), "\(said)")
        #expect(abs(learnt.priorShift - standard.priorShift) <= 1, "\(said)")
    }

    @Test("What nobody looked at stays about what it was, however many cases are decided alike")
    func unreviewed() throws {
        var days = FraudDays()
        let (_, judgement, all) = try Self.suspecting(&days)
        let others = all.map(\.features)
        var changes: [Double] = []
        for isSeen in [true, false] {
            var learning = DecisionLearning(.standard)
            for (number, features) in others.enumerated() where isSeen {
                for day: Int32 in 0..<10 { learning.see(features, of: UInt64(number), on: day) }
            }
            for _ in 0..<100 {
                learning.learn(FraudDecision(affiliate: judgement.affiliate, isConfirmed: true), judgement.features)
            }
            let (learnt, standard) = (learning.model, FraudModel.standard)
            changes.append(
                others.reduce(0) { $0 + abs(learnt.probability($1) - standard.probability($1)) } / Double(others.count))
        }
        #expect(changes[0] * 2 < changes[1] && changes[0] < 0.02, "\(changes)")
    }

    @Test("A dismissed affiliate may go on as it was seen; a confirmed one stays under suspicion")
    func standing() throws {
        let after = try Self.probabilities { judgement in
            [nil] + [true, false].map { FraudDecision(affiliate: judgement.affiliate, isConfirmed: $0) }
        }
        let (undecided, confirmed, dismissed) = (after[0], after[1], after[2])
        #expect(dismissed < FraudStanding.reviewFrom && dismissed < undecided, "\(dismissed) of \(undecided)")
        #expect(confirmed > undecided && confirmed >= FraudStanding.reviewFrom, "\(confirmed) of \(undecided)")
    }

    @Test("A decision on a weaker day is about what the strongest day of the suspicion showed")
    func strongest() throws {
        var days = FraudDays()
        var (book, judgement, _) = try Self.suspecting(&days)
        let logit = FraudModel.standard.logit
        var strongest = logit(judgement.features)
        for day in days.list {
            _ = book.close(day, days.close(day), FraudContext(), .standard)
            let next = try #require(book.judge(.standard).first { $0.affiliate == judgement.affiliate })
            #expect(next.verdict > .clear)
            guard logit(next.features) < strongest else {
                strongest = logit(next.features)
                continue
            }
            let seen = book.decide(FraudDecision(affiliate: judgement.affiliate, isConfirmed: false))
            #expect(seen.map(logit) == strongest)
            return
        }
        Issue.record("no day was weaker")
    }

    @Test("What the admin saw is allowed, whatever of it the last judgement saw")
    func seen() throws {
        let little = FraudFeatures(values: [Float](repeating: 0, count: FraudFeatures.count))
        let after = try Self.probabilities { judgement in
            [little, judgement.features].map {
                FraudDecision(affiliate: judgement.affiliate, isConfirmed: false, seen: $0)
            }
        }
        #expect(after[0] > 5 * after[1], "\(after)")
    }
}
