import DevKit
import Testing

extension RealProcesses {
    @Suite("Scorers share the partitions")
    struct SharedPartitionTests {
        @Test("Two, then four scorers share the partitions, and one that dies leaves its to the others")
        func shared() async throws {
            try await ScoringFleet.holds { run in
                let parts = ScoringFleet.traffic(inParts: 3)
                var scorers = [try await run.startScorer(), try await run.startScorer()]
                try await run.publish(parts[0])
                try await run.waitUntilShown(scorers.map(\.processID), each: 6)
                scorers += [try await run.startScorer(), try await run.startScorer()]
                try await run.publish(parts[1])
                try await run.waitUntilShown(scorers.map(\.processID), each: 3)
                let victim = scorers.removeFirst()
                #expect(await run.fleet.stop(victim, signal: 9) == .signalled(9))
                try await run.publish(parts[2])
                try await run.waitUntilShown(scorers.map(\.processID), each: 4)
                try await run.waitUntilProcessed()
                let lag = try await run.lag()
                #expect(lag.map(\.partition) == Array(0..<Int32(ScoringFleet.partitions)))
                #expect(lag.allSatisfy { $0.lag == 0 && $0.status == "ok" })
                #expect(await run.fleet.ended().isEmpty)
            }
        }

        @Test("Scorers that come and go during the run leave what an undisturbed run leaves")
        func comingAndGoing() async throws {
            try await ScoringFleet.holds { run in
                var scorers = [try await run.startScorer()]
                for (turn, part) in ScoringFleet.traffic(inParts: 6).enumerated() {
                    try await run.publish(part)
                    let before = try await run.processedRecords
                    if turn % 2 == 0 {
                        scorers.append(try await run.startScorer())
                    } else {
                        // By turns asked to end and killed, the oldest first.
                        await run.fleet.stop(scorers.removeFirst(), signal: turn % 4 == 1 ? 15 : 9)
                    }
                    try await wait(for: "progress under new owners", within: ScoringFleet.turnWithin) {
                        let owners = Set(try await run.owners().keys)
                        return try await run.processedRecords > before && owners == Set(scorers.map(\.processID))
                    }
                }
                #expect(await run.fleet.ended().isEmpty)
            }
        }
    }
}

extension ScoringFleet {
    /// Waits until `tributary lag` shows these processes as the owners, each of that many partitions.
    func waitUntilShown(_ processes: [Int32], each partitions: Int) async throws {
        let expected = Dictionary(uniqueKeysWithValues: processes.map { ($0, partitions) })
        try await wait(for: "lag to show the owners", within: ScoringFleet.turnWithin, every: .milliseconds(300)) {
            try await shownOwners() == expected
        }
    }
}
