import ArgumentParser
import DevKit
import Foundation

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes sample events, one JSON object per line; the same seed makes the same file.")

    /// Bytes gathered before they are written.
    private static let bufferBytes = 1 << 20

    @Option(help: "How many records.") var events = 10_000
    @Option(help: "The seed.") var seed: UInt64 = 1
    @Option(help: "How many affiliates; one per 400 records if not given.") var affiliates: Int?
    @Flag(inversion: .prefixedNo, help: "Some records that no rule accepts among them.") var badInput = true
    @Flag(help: "Some affiliates are named for what the demo's banks do: know no account, send money back, refuse it.")
    var bankEnds = false
    @Option(help: "The file; standard output if not given.") var out: String?

    func validate() throws {
        guard events > 0 else { throw ValidationError("--events is at least 1") }
        guard affiliates ?? 1 > 0 else { throw ValidationError("--affiliates is at least 1") }
    }

    func run() throws {
        var plan = TrafficPlan(events: events, seed: seed, affiliates: affiliates)
        plan.badInput = badInput
        plan.bankEnds = bankEnds
        var generator = TrafficGenerator(plan)
        let file = try openOutput()
        var buffer: [UInt8] = []
        buffer.reserveCapacity(Generate.bufferBytes * 2)
        while let line = generator.next() {
            buffer += line
            buffer.append(UInt8(ascii: "\n"))
            if buffer.count >= Generate.bufferBytes {
                try file.write(contentsOf: buffer)
                buffer.removeAll(keepingCapacity: true)
            }
        }
        try file.write(contentsOf: buffer)
    }

    private func openOutput() throws -> FileHandle {
        guard let out else { return .standardOutput }
        guard FileManager.default.createFile(atPath: out, contents: nil),
            let file = FileHandle(forWritingAtPath: out)
        else { throw ValidationError("\(out) cannot be written") }
        return file
    }
}
