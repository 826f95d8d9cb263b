import Domain
import Stages
import Testing

/// Events and clicks are told apart within their month; what may happen once only, for ever.
@Suite("Taking in events of several months")
struct IntakeMonthTests {
    @Test("What comes again is known by its id in its month, and by its order for ever")
    func repetitions() async throws {
        try await Pipeline.with { pipeline in
            let events = [
                Pipeline.click("c", at: "2026-01-31T23:59:59Z"), Pipeline.click("c", at: "2026-01-31T23:59:59Z"),
                Pipeline.click("c", at: "2026-01-02T00:00:00Z"), Pipeline.click("c", at: "2026-02-01T00:00:00Z"),
                Pipeline.click("old", at: "2016-03-05T00:00:00Z"), Pipeline.click("older", at: "2016-03-03T00:00:00Z"),
                Pipeline.order("1", at: "2025-11-10T00:00:00Z"), Pipeline.order("1", at: "2025-12-10T00:00:00Z"),
                Pipeline.order("2", at: "2025-12-10T00:00:00Z", event: "e-1"),
            ]
            let expected = [
                "duplicate 120 c", "duplicate 121 1", "duplicate 124 c", "rejected 108 2016-03-03T00:00:00Z",
            ]
            // Twice: what a batch knows of itself, the database knows of the batch.
            for first in [Int64(0), 100] {
                _ = try await pipeline.apply(
                    ScoringStage(registersUnknown: false), to: events.map { Array($0.utf8) }, from: first)
                #expect(
                    try await pipeline.texts(
                        """
                        SELECT DISTINCT concat_ws(' ', outcome, code, measured) FROM intake_exception
                        WHERE record_offset < 100 ORDER BY 1
                        """) == expected)
            }
            #expect(
                try await pipeline.texts("SELECT DISTINCT tableoid::regclass::text FROM event ORDER BY 1") == [
                    "event_2016_03", "event_2025_11", "event_2025_12", "event_2026_01", "event_2026_02",
                ])
            #expect(
                try await pipeline.texts(
                    """
                    SELECT DISTINCT outcome || ' ' || code FROM intake_exception WHERE record_offset >= 100 ORDER BY 1
                    """) == ["duplicate 120", "duplicate 124", "rejected 108"])
            #expect(try await pipeline.texts("SELECT count(*)::text FROM conversion") == ["2"])
        }
    }

    @Test("Of clicks with one id the last before the order counts, wherever the batches end", arguments: [1, 2, 3, 6])
    func clicks(batch: Int) async throws {
        try await Pipeline.with { pipeline in
            let events = [
                Pipeline.click("c", affiliate: "a", at: "2025-12-20T00:00:00Z"),
                Pipeline.click("c", affiliate: "b", at: "2026-01-10T00:00:00Z"),
                Pipeline.click("c", affiliate: "a", at: "2026-03-01T00:00:00Z"),
                Pipeline.order("1", affiliate: "b", click: "c", at: "2026-01-09T00:00:00Z"),
                Pipeline.order("2", affiliate: "a", click: "c", at: "2026-02-05T00:00:00Z"),
                Pipeline.order("3", affiliate: "b", click: "c", at: "2026-02-20T00:00:00Z"),
            ].map { Array($0.utf8) }
            for start in stride(from: 0, to: events.count, by: batch) {
                _ = try await pipeline.apply(
                    ScoringStage(registersUnknown: false), to: Array(events[start..<min(start + batch, events.count)]),
                    from: Int64(start))
            }
            #expect(
                try await pipeline.texts(
                    """
                    SELECT concat_ws(' ', order_id, affiliate_id, attributed_by, click_at::date) FROM conversion
                    ORDER BY 1
                    """) == ["1 a click 2025-12-20", "2 b click 2026-01-10", "3 b affiliate"])
        }
    }
}
