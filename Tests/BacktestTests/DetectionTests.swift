import DevKit
import Domain
import Testing

@Suite("Cheats are found and look-alikes spared")
struct DetectionTests {
    /// The highest probability of each affiliate, and whether it was ever held.
    private static func judged(_ world: JudgedWorld) -> [UInt64: (probability: Double, isHeld: Bool)] {
        var days = FraudDays()
        for event in world.events { days.observe(event) }
        var book = FraudBook()
        var result: [UInt64: (probability: Double, isHeld: Bool)] = [:]
        for day in days.list {
            _ = book.close(day, days.close(day), FraudContext(), .standard)
            for judgement in book.judge(.standard) {
                let known = result[judgement.affiliate] ?? (0, false)
                result[judgement.affiliate] = (
                    max(known.probability, judgement.probability), known.isHeld || judgement.verdict == .hold
                )
            }
        }
        return result
    }

    @Test("In worlds of fixed seeds cheats score above honest affiliates, and few honest ones are held")
    func ranks() {
        var cheats: [Double] = []
        var honest: [(probability: Double, isHeld: Bool)] = []
        for seed: UInt64 in 504...507 {
            let world = JudgedWorld(seed: seed, affiliates: 24, days: 18)
            let judged = DetectionTests.judged(world)
            for affiliate in world.world.affiliates {
                guard let result = judged[FraudHash.of(affiliate.id)] else { continue }
                if affiliate.cheatDays.isEmpty { honest.append(result) } else { cheats.append(result.probability) }
            }
        }
        var above = 0
        for cheat in cheats { above += honest.filter { $0.probability < cheat }.count }
        let area = Double(above) / Double(cheats.count * honest.count)
        #expect(cheats.count >= 5)
        #expect(area > 0.8, "a cheat scores above an honest affiliate in \(area) of the pairs")
        #expect(honest.filter(\.isHeld).count * 20 <= honest.count)
    }

    @Test("A reason says what was measured, in the words of an affiliate manager")
    func sentence() throws {
        let world = JudgedWorld(seed: 501, affiliates: 24, days: 18)
        var days = FraudDays()
        for event in world.events { days.observe(event) }
        var book = FraudBook()
        var sentences: Set<String> = []
        for day in days.list {
            _ = book.close(day, days.close(day), FraudContext(), .standard)
            for judgement in book.judge(.standard) {
                for reason in judgement.reasons {
                    #expect(reason.finding.k.isFinite && reason.finding.n >= reason.finding.minimum)
                    #expect(reason.contribution > 0)
                    sentences.insert(reason.finding.sentence)
                }
            }
        }
        let text = try #require(sentences.first { $0.contains("orders came") })
        #expect(text.contains(" of ") && text.contains("%") && text.hasSuffix("."))
    }
}
