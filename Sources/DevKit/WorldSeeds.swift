import Foundation

/// The seeds of a run of random worlds, settable as `NAME=FIRST-LAST`.
public struct WorldSeeds: Sendable {
    private let name: String
    public let range: ClosedRange<UInt64>
    private let isChosen: Bool

    /// - Parameters:
    ///   - name: of the environment variable.
    ///   - usual: the seeds of every run.
    public init(_ name: String, otherwise usual: ClosedRange<UInt64>) {
        self.name = name
        let bounds = ProcessInfo.processInfo.environment[name]?.split(separator: "-").compactMap { UInt64($0) }
        isChosen = bounds.map { $0.count == 2 && $0[0] <= $0[1] } ?? false
        range = if isChosen, let bounds { bounds[0]...bounds[1] } else { usual }
    }

    /// Says how many were tried, if they were chosen.
    public func report(steps: String, differing: Int) {
        guard isChosen else { return }
        print("\(name) \(range.lowerBound)-\(range.upperBound): \(range.count) worlds, \(steps); \(differing) differ")
    }
}
