import Foundation

/// What one measurement took.
struct BenchMeasurement: Codable, Sendable {
    let seconds: Double
    /// By process.
    let cpuSeconds: [String: Double]
    /// nil where it says nothing.
    let peakMemoryBytes: Int?
}

/// All measurements of one round.
struct BenchRound: Codable, Sendable {
    var worker: BenchMeasurement?
    var copy: BenchMeasurement?
    var consume: BenchMeasurement?

    subscript(part: BenchPart) -> BenchMeasurement? {
        get {
            switch part {
            case .worker: worker
            case .copy: copy
            case .consume: consume
            }
        }
        set {
            switch part {
            case .worker: worker = newValue
            case .copy: copy = newValue
            case .consume: consume = newValue
            }
        }
    }

    /// The worker's speed divided by that of a floor.
    func ratio(to floor: BenchPart) -> Double? {
        guard let worker, let floor = self[floor] else { return nil }
        return floor.seconds / worker.seconds
    }

    func line(events: Int) -> String {
        let speeds = BenchPart.allCases.map { part in
            "\(part) \(self[part].map { Int(Double(events) / $0.seconds) } ?? 0)/s"
        }
        return speeds.joined(separator: ", ") + String(format: ", ratio to COPY %.2f", ratio(to: .copy) ?? 0)
    }
}

/// The result of a bench.
struct BenchReport: Codable, Sendable {
    enum Build: String, Codable, Sendable {
        case debug, release
    }

    #if DEBUG
        static let build = Build.debug
    #else
        static let build = Build.release
    #endif

    /// Medians over the rounds.
    struct Line: Codable, Sendable {
        let eventsPerSecond: Double
        /// Per 100,000 events, by process.
        let cpuSecondsPer100k: [String: Double]
        let peakMemoryBytes: Int?
    }

    let build: Build
    let worker: String
    let events: Int
    /// What the worker read: fewer than events, of which a message may carry many.
    let records: Int
    let partitions: Int
    /// Of the records' values, on average.
    let bytesPerEvent: Int
    let messagesPer100k: Int
    let postgres: [String: String]
    var rounds: [BenchRound] = []

    init(load: BenchLoad, settings: [String: String]) {
        build = BenchReport.build
        worker = load.worker.worker
        events = load.events
        records = load.topic.records
        partitions = load.topic.ends.count
        bytesPerEvent = load.bytes / max(1, events)
        messagesPer100k = Int(Double(load.messages) / Double(max(1, events)) * 100_000)
        postgres = settings
    }

    /// The median of the rounds' ratios: both sides of each were measured within the same minute.
    func ratio(to floor: BenchPart) -> Double {
        rounds.compactMap { $0.ratio(to: floor) }.median ?? 0
    }

    func line(_ part: BenchPart) -> Line? {
        let measured = rounds.compactMap { $0[part] }
        guard let seconds = measured.map(\.seconds).median else { return nil }
        let processes = Set(measured.flatMap(\.cpuSeconds.keys))
        let perEvent = 100_000 / Double(max(1, events))
        let cpuSeconds = processes.map { process in
            (process, (measured.compactMap { $0.cpuSeconds[process] }.median ?? 0) * perEvent)
        }
        return Line(
            eventsPerSecond: Double(events) / seconds, cpuSecondsPer100k: Dictionary(uniqueKeysWithValues: cpuSeconds),
            peakMemoryBytes: measured.compactMap(\.peakMemoryBytes).max())
    }

    // MARK: For people and programs

    var text: String {
        let rows = BenchPart.allCases.compactMap { part in line(part).map { row(part, $0) } }
        let settings = postgres.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        return """
            \(build) build, \(events) events of \(bytesPerEvent) bytes on \(partitions) partitions, \
            \(messagesPer100k) messages per 100,000 events, read in \(records) records
            postgres: \(settings)

            \(Table(columns: ["", "events/s", "of COPY", "CPU s per 100,000 events", "peak memory"], rows: rows).text)

            medians of \(rounds.count) rounds; ratio to COPY \(fixed(ratio(to: .copy))) \
            (rounds: \(rounds.compactMap { $0.ratio(to: .copy) }.map(fixed).joined(separator: ", "))), \
            to consume-only \(fixed(ratio(to: .consume)))
            """
    }

    private func row(_ part: BenchPart, _ line: Line) -> [String] {
        let cpu = line.cpuSecondsPer100k.sorted { $0.key < $1.key }.map { "\($0.key) \(fixed($0.value))" }
        let copySpeed = self.line(.copy)?.eventsPerSecond ?? 0
        return [
            name(part), String(Int(line.eventsPerSecond)), fixed(line.eventsPerSecond / copySpeed),
            cpu.joined(separator: ", "), line.peakMemoryBytes.map { "\($0 >> 20) MiB" } ?? "",
        ]
    }

    private func name(_ part: BenchPart) -> String { part == .worker ? worker : part.rawValue }

    private func fixed(_ number: Double) -> String { String(format: "%.2f", number) }

    private struct Summary: Codable {
        let ratioToCopy: Double
        let ratioToConsume: Double
        let lines: [String: Line]
        let report: BenchReport
    }

    var json: String {
        get throws {
            let lines = BenchPart.allCases.compactMap { part in line(part).map { (name(part), $0) } }
            let summary = Summary(
                ratioToCopy: ratio(to: .copy), ratioToConsume: ratio(to: .consume),
                lines: Dictionary(uniqueKeysWithValues: lines), report: self)
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            return String(decoding: try encoder.encode(summary), as: UTF8.self)
        }
    }
}

extension [Double] {
    /// nil of nothing; of an even count the lower of the middle two.
    fileprivate var median: Double? { isEmpty ? nil : sorted()[(count - 1) / 2] }
}
