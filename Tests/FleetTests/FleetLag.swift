import DevKit
import Foundation
import Postgres

/// A line of `tributary lag --json`.
struct LagRow: Decodable {
    let group: String
    let topic: String
    let partition: Int32
    /// Empty if nobody owns the partition.
    let owner: String
    let lag: Int64?
    let status: String
}

extension ScoringFleet {
    /// What `tributary lag` shows of `conversions.raw`, by partition.
    func lag() async throws -> [LagRow] {
        let (_, output) = try await tributary("lag", "--json", "--topics", ScoringFleet.repository + "/topics")
        let line = output.split(separator: "\n").last { $0.hasPrefix("[") } ?? "[]"
        return try JSONDecoder().decode([LagRow].self, from: Data(line.utf8))
            .filter { $0.group == "scorer" && $0.topic == "conversions.raw" }
    }

    /// What `tributary lag` shows of the owners: how many partitions each has, by process id.
    func shownOwners() async throws -> [Int32: Int] {
        let processes = try await lag().compactMap { $0.owner.split(separator: ":").last.flatMap { Int32($0) } }
        return Dictionary(processes.map { ($0, 1) }, uniquingKeysWith: +)
    }

    /// As if the topic had been made anew, or restored from an older copy.
    /// - Returns: the partition.
    func moveOnePositionBehindTheLog() async throws -> Int32 {
        Int32(
            try await count(
                """
                UPDATE stream_offset SET next_offset = next_offset + 1000
                WHERE topic = 'conversions.raw' AND partition = (
                    SELECT min(partition) FROM stream_offset WHERE topic = 'conversions.raw' AND next_offset > 0)
                RETURNING partition::int8
                """))
    }
}
