import Domain
import Testing

@Suite("Insights")
struct InsightTests {
    private let day: Int32 = 20_500

    /// - Parameter kept: the kept share over what is usual, in ten-thousandths of its logarithm.
    private func place(
        _ id: String, _ rank: Int64, _ expected: Int64, low: Int64? = nil, orders: Int32 = 0, kept: Int32 = 0,
        few isLowSample: Bool = false
    ) -> InsightWriter.Place {
        InsightWriter.Place(
            affiliateID: id, rank: rank, expectedMinor: expected, lowMinor: low ?? expected, highMinor: expected * 2,
            isLowSample: isLowSample, contributions: [orders, 0, kept, 0])
    }

    private func sentences(
        _ places: [InsightWriter.Place], before: [InsightWriter.Place] = [], channels: [InsightWriter.Channel] = [],
        of kind: Insight.Kind
    ) throws -> [String] {
        let writer = InsightWriter(
            programID: "shoes", currency: try #require(Currency(code: "USD")), day: day)
        return writer.insights(places, before: before, channels: channels).filter { $0.kind == kind }.map(\.sentence)
    }

    @Test("A programme's forecast is the sum of its affiliates', and surer than any of them")
    func forecast() throws {
        // Each: mean 100.00, 80 % between 60.00 and 200.00; by hand: spread ln(200 ÷ 60) ÷ 2.5632 = 0.46971, variance
        // 10,000² × (exp(0.46971²) − 1) = 24.686 million; four of them around 40,000.
        let places = (1...4).map { place("a\($0)", Int64($0), 10_000, low: 6_000) }
        let said = try sentences(places, of: .forecast)
        #expect(
            said == [
                """
                shoes is expected to bring 400.00 USD net in the 15 days after 2026-02-16, with a probability of 80 % \
                between 283.69 USD and 531.21 USD.
                """
            ])
        #expect(try sentences([], of: .forecast) == [])
    }

    @Test("Who keeps less than is usual is told of, with what that costs; small samples are not")
    func loss() throws {
        let places = [
            place("bad", 1, 7_000, kept: -3_567), place("usual", 2, 7_000, kept: -1_000),
            place("few", 3, 7_000, kept: -3_567, few: true),
        ]
        #expect(
            try sentences(places, of: .loss) == [
                """
                {affiliate} keeps 30 % less of its orders in shoes than is usual: at its pace that is 30.00 USD of the \
                next 15 days.
                """
            ])
    }

    @Test("A move is told with the factor that made most of it")
    func movers() throws {
        let before = [place("up", 9, 1_000, orders: -5_000, kept: 100), place("down", 1, 9_000, kept: 500)]
        let now = [place("up", 2, 5_000, orders: 1_931, kept: 50), place("down", 8, 2_000, kept: -1_731)]
        #expect(
            try sentences(now, before: before, of: .rise) == [
                "{affiliate} rose from rank 9 to 2 in shoes within 7 days, most of all by 100 % more orders a day."
            ])
        #expect(
            try sentences(now, before: before, of: .fall) == [
                "{affiliate} fell from rank 1 to 8 in shoes within 7 days, most of all by 20 % less kept of its orders."
            ])
    }

    @Test("A sub-id is told of when its clicks bring much more, and not for a few lucky orders")
    func channels() throws {
        let usual = InsightWriter.Channel(
            affiliateID: "a", subID: "mail", clicks: 10_000, orders: 100, revenueMinor: 100_000)
        let good = InsightWriter.Channel(
            affiliateID: "b", subID: "blog", clicks: 1_000, orders: 60, revenueMinor: 60_000)
        let lucky = InsightWriter.Channel(
            affiliateID: "c", subID: "chat", clicks: 20, orders: 5, revenueMinor: 10_000)
        // By hand: 170,000 of 11,020 clicks are 15.43 each; blog's (60,000 + 200 × 15.43) ÷ 1,200 = 52.57.
        #expect(
            try sentences([], channels: [usual, good, lucky], of: .channel) == [
                """
                Clicks of {channel} of {affiliate} bring 0.53 USD each in shoes, where 0.15 USD is usual: 60 orders of \
                1000 clicks in 14 days.
                """
            ])
    }

    @Test(
        "A rewrite may not change, add or lose a number or a name",
        arguments: [
            ("In shoes {affiliate} keeps 30 % less, 30.00 USD.", nil),
            ("{affiliate} keeps 31 % less, 30.00 USD.", InsightRewrite.Objection.otherNumber),
            ("{affiliate} keeps 30 % less, 30.000 USD.", .otherNumber),
            ("{affiliate} keeps −30 % less, 30.00 USD.", .otherNumber),
            ("{affiliate} keeps ３0 % less, 30.00 USD.", .otherNumber),
            ("{affiliate} keeps 30 % less.", .missingNumber),
            ("Bob keeps 30 % less, 30.00 USD.", .otherNames),
            ("{affiliate} and {affiliate} keep 30 % less, 30.00 USD.", .otherNames),
            ("{affiliate} {x} keeps 30 % less, 30.00 USD.", .otherNames),
            ("{affiliate} <b>keeps</b> 30 % less, 30.00 USD.", .markup),
            ("{affiliate} keeps 30 % less,\n30.00 USD.", .markup), ("", .empty), ("30 %", .empty),
            ("{affiliate} keeps 30 % less, 30.00 USD" + String(repeating: ", really", count: 30), .tooLong),
        ])
    func rewrites(text: String, objection: InsightRewrite.Objection?) {
        #expect(InsightRewrite.objection(to: text, of: "{affiliate} keeps 30 % less: 30.00 USD.") == objection)
    }

    @Test("Names come in as they are, whatever is in them")
    func names() {
        let text = Insight.text("{affiliate} and {channel} {x}", affiliate: "{channel}", channel: "{affiliate}")
        #expect(text == "{channel} and {affiliate} {x}")
    }
}
