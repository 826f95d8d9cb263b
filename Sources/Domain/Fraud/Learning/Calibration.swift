/// What a nat of a model's evidence turned out to be worth, and how much more or less fraud there is than it took for
/// usual (Platt): near to 1 and 0 while little was decided.
struct Calibration: Sendable {
    /// Decisions before which nothing is said.
    static let decisionsMinimum = 50
    static let slopes = 0.5...1.5
    static let shifts = -1.0...1.0
    /// λ: how firmly both are held where they are without decisions.
    private static let precision = 20.0
    private static let roundsMaximum = 40
    private static let stepMinimum = 1e-6

    private(set) var slope = 1.0
    private(set) var shift = 0.0

    /// - Returns: nil before there are enough decisions.
    init?(of model: FraudModel, by examples: [FraudExample], decisions: Int) {
        guard decisions >= Calibration.decisionsMinimum else { return nil }
        let base = model.base
        let evidence = examples.map { model.logit($0.features) - base }
        for _ in 0..<Calibration.roundsMaximum {
            let before = (slope, shift)
            slope = newton(examples, evidence, base, \.slope, around: 1, within: Calibration.slopes) { $0 }
            shift = newton(examples, evidence, base, \.shift, around: 0, within: Calibration.shifts) { _ in 1 }
            if max(abs(slope - before.0), abs(shift - before.1)) < Calibration.stepMinimum { break }
        }
    }

    /// Newton's step of one of the two, the other held.
    ///
    /// - Parameter change: what a unit of it adds to the odds of an example with that evidence.
    private func newton(
        _ examples: [FraudExample], _ evidence: [Double], _ base: Double, _ path: KeyPath<Calibration, Double>,
        around usual: Double, within range: ClosedRange<Double>, _ change: (Double) -> Double
    ) -> Double {
        let value = self[keyPath: path]
        var gradient = Calibration.precision * (value - usual)
        var curvature = Calibration.precision
        for (example, evidence) in zip(examples, evidence) {
            let loss = example.slope(at: base + shift + slope * evidence)
            gradient += loss.gradient * change(evidence)
            curvature += loss.curvature * change(evidence) * change(evidence)
        }
        return min(range.upperBound, max(range.lowerBound, value - gradient / curvature))
    }
}
