import Domain
import Testing

@Suite("Fraud counting")
struct FraudCountingTests {
    private func tally(_ keys: [UInt64]) -> Tally {
        var tally = Tally()
        for key in keys { tally.add(FraudHash.mixed(key)) }
        return tally
    }

    @Test("A tally is exact for a few keys and near for many", arguments: [3, 64, 65, 500, 5_000])
    func distinct(keys: Int) {
        let tally = tally((0..<UInt64(keys * 3)).map { $0 % UInt64(keys) })
        let share = tally.distinct / Double(keys)
        if keys <= 64 { #expect(tally.distinct == Double(keys)) } else { #expect(share > 0.85 && share < 1.15) }
    }

    @Test("The key that came most often stands out of many")
    func top() {
        let few = tally([1, 1, 1, 2, 3])
        #expect(few.top == 3)
        let many = tally((0..<2_000).map { $0 % 4 == 0 ? 7 : UInt64($0) })
        #expect(many.top > 470 && many.top < 530)
    }

    @Test("A tally is the same whatever the order and however it was merged", arguments: [10, 60, 70, 400])
    func order(count: Int) {
        let keys = (0..<UInt64(count * 2)).map { $0 * $0 % UInt64(count) }
        let whole = tally(keys)
        #expect(tally(keys.reversed()) == whole)
        for cut in [1, count / 3, count, count * 2 - 1] {
            var left = tally(Array(keys[..<cut]))
            left.merge(tally(Array(keys[cut...])))
            #expect(left == whole)
            var right = tally(Array(keys[cut...]))
            right.merge(tally(Array(keys[..<cut])))
            #expect(right == whole)
        }
    }

    static let addresses: [(text: String, same: String, isSame: Bool)] = [
        ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
        ("2001:db8::1", "2001:db8:0:0:ffff::2", true), ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ("::ffff:192.0.2.7", "192.0.2.7", true),
    ]

    @Test("An IPv4 address counts alone, an IPv6 address with its /64", arguments: addresses)
    func address(text: String, same: String, isSame: Bool) {
        #expect((IPAddress(text)?.addressHash == IPAddress(same)?.addressHash) == isSame)
    }

    @Test(
        "What is no address is none",
        arguments: ["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "::1::", "12345::", "g::", "1:2:3:4:5:6:7:8:9", "01x.2.3.4"])
    func noAddress(text: String) { #expect(IPAddress(text) == nil) }

    @Test("A set of prefixes knows who lies within")
    func prefixes() throws {
        var set = IPPrefixSet()
        let good = ["10.1.0.0/16", "2001:db8::/32", "192.0.2.9"].map { set.insert($0) }
        #expect(good == [true, true, true])
        let bad = ["10.1.0.0/33", "nonsense", "10.1.0.0/x"].map { set.insert($0) }
        #expect(bad == [false, false, false])
        for text in ["10.1.255.3", "2001:db8:5::9", "192.0.2.9"] {
            #expect(set.contains(try #require(IPAddress(text))))
        }
        for text in ["10.2.0.1", "2001:db9::1", "192.0.2.8"] { #expect(!set.contains(try #require(IPAddress(text)))) }
    }

    @Test("A coupon is another's once its first user had used it five times, and nobody's once three others did")
    func coupons() {
        var days = FraudDays()
        for (index, affiliate) in ([1, 1, 1, 1, 2, 1, 2, 3, 4, 2] as [UInt64]).enumerated() {
            var event = FraudEvent(
                kind: .conversion, key: UInt64(1 + index), at: Timestamp(secondsSinceEpoch: Int64(index) * 600),
                affiliate: affiliate, program: 7)
            (event.order, event.coupon) = (event.key, 99)
            days.observe(event)
        }
        var book = FraudBook()
        let scores = book.close(0, days.close(0), FraudContext(), .standard)
        let foreign = scores.filter { $0.signals.contains(.foreignCoupons) }.map(\.event)
        #expect(foreign == [7, 8])
    }
}
