import Domain
import Testing

@Suite("Fraud numerics")
struct FraudNumericsTests {
    private func close(_ value: Double, _ expected: Double, within share: Double = 1e-10) -> Bool {
        abs(value - expected) <= share * max(abs(expected), 1e-12)
    }

    @Test(
        "Logarithm and exponential are those of the tables",
        arguments: [
            (2.0, 0.693_147_180_559_945_3), (10, 2.302_585_092_994_046), (0.001, -6.907_755_278_982_137),
            (1e-300, -690.775_527_898_213_7), (123_456_789, 18.631_401_766_168_018),
        ])
    func logarithm(value: Double, log: Double) {
        #expect(close(Elementary.log(value), log, within: 1e-15))
        #expect(close(Elementary.exp(log), value, within: 1e-12))
    }

    @Test("At the ends the logarithm and the exponential stay defined")
    func ends() {
        #expect(Elementary.log(0) == -.infinity)
        #expect(Elementary.log(-1).isNaN)
        #expect(Elementary.exp(-1_000) == 0)
        #expect(Elementary.exp(1_000) == .infinity)
        #expect(Elementary.logistic(-800) == 0)
        #expect(Elementary.logistic(800) == 1)
    }

    @Test(
        "ln Γ is that of the tables",
        arguments: [
            (0.1, 2.252_712_651_734_206), (0.5, 0.572_364_942_924_7), (3.7, 1.428_072_326_665_388),
            (10, 12.801_827_480_081_469), (100.5, 361.435_540_467_777_57), (1e5, 1_051_287.708_973_656_9),
        ])
    func logGamma(value: Double, expected: Double) {
        #expect(close(SpecialFunctions.logGamma(value), expected, within: 1e-12))
    }

    @Test(
        "The incomplete beta function is that of the tables",
        arguments: [
            (0.5, 2.0, 3.0, 0.6875), (0.1, 0.5, 0.5, 0.204_832_764_699_133_45),
            (0.4, 50, 70, 0.359_134_608_834_494_5), (0.05, 3, 200, 0.997_853_024_192_259_3),
        ])
    func incompleteBeta(x: Double, a: Double, b: Double, expected: Double) {
        #expect(close(SpecialFunctions.incompleteBeta(x, a, b), expected))
    }

    @Test(
        "The tail of χ² is that of the tables",
        arguments: [
            (3.841_458_820_694_124, 1.0, 0.05), (30, 12, 0.002_792_429_332_700_914_5), (5, 11, 0.931_166_610_470_699_2),
        ])
    func chiSquare(value: Double, degrees: Double, expected: Double) {
        #expect(close(SpecialFunctions.chiSquareTail(value, degrees: degrees), expected))
    }

    @Test(
        "The normal tail is that of the tables",
        arguments: [
            (1.959_963_984_540_054, 0.025), (3, 0.001_349_898_031_630_093_3), (-1, 0.841_344_746_068_542_9),
            (5, 2.866_515_718_791_933e-7),
        ])
    func normal(value: Double, expected: Double) {
        #expect(close(SpecialFunctions.normalTail(value), expected))
    }

    @Test(
        "Kolmogorov's tail is that of the tables",
        arguments: [(0.5, 0.963_945_243_664_875_1), (1, 0.269_999_671_677_354_56), (1.36, 0.049_485_876_755_377_876)])
    func kolmogorov(lambda: Double, expected: Double) {
        #expect(close(SpecialFunctions.kolmogorovTail(lambda), expected, within: 1e-8))
    }

    @Test("Tails of counts are those of the tables")
    func counts() {
        #expect(close(CountTails.betaBinomialUpper(8, of: 10, a: 1, b: 1), 3.0 / 11))
        #expect(close(CountTails.betaBinomialUpper(7, of: 12, a: 0.6, b: 19.4), 9.874_819_659_128_065e-05))
        #expect(close(CountTails.betaBinomialLower(2, of: 100, a: 3, b: 97), 0.495_240_748_843_805_4))
        #expect(close(CountTails.poissonUpper(3, mean: 1), 0.080_301_397_071_394_18))
        #expect(close(CountTails.poissonUpper(10, mean: 2.5), 0.000_277_352_094_620_8))
        #expect(close(CountTails.gammaPoissonUpper(12, mean: 5, shape: 4), 0.046_417_175_273_151_95))
        // Beyond 2,000 events a beta distribution stands in.
        #expect(close(CountTails.betaBinomialUpper(250, of: 3_000, a: 5, b: 95), 0.080_637_49, within: 0.05))
    }

    @Test("Impossible counts have the tails of certainty")
    func impossible() {
        #expect(CountTails.betaBinomialUpper(0, of: 5, a: 1, b: 1) == 1)
        #expect(CountTails.betaBinomialUpper(6, of: 5, a: 1, b: 1) == 0)
        #expect(CountTails.strength(0) == 6)
        #expect(CountTails.strength(1) == 0)
        #expect(close(CountTails.strength(1e-3), 3))
    }
}
