import Domain
import Testing

@testable import Events

@Suite("What the scorer passes on to the fraud engine") struct FraudObservationTests {
    /// Of each kind, with all, some and no fields.
    static let samples: [FraudObservation] = {
        let at = Timestamp(microsecondsSinceEpoch: -1_793_534_400_250_001)
        let bare = FraudEvent(kind: .click, key: 1, at: at, affiliate: 2, program: .max)
        var order = FraudEvent(kind: .conversion, key: .max, at: at, affiliate: 0, program: 3)
        order.click = 4
        order.order = 5
        order.customer = 6
        order.device = 7
        order.agent = 8
        order.subID = 9
        order.referrer = 10
        order.coupon = 11
        order.currency = 12
        order.country = 0xFFFF
        order.amountMinor = .min
        order.marks = [.automated, .newnessKnown]
        let texts = ["192.0.2.1", "2001:db8::1", "::"]
        var samples = [FraudObservation(bare)]
        for (index, address) in texts.compactMap({ IPAddress($0) }).enumerated() {
            order.address = address.addressHash
            order.subnet = address.subnetHash
            samples.append(FraudObservation(order, address: address, conversionID: Identifier(UInt128.max >> index)))
        }
        var refund = FraudEvent(kind: .chargeback, key: 13, at: at, affiliate: 14, program: 15)
        refund.address = 16
        samples.append(FraudObservation(refund))
        return samples
    }()

    @Test("Observations are read as they were written, and nothing else is read as one")
    func bytes() {
        let bytes = FraudObservation.bytes(FraudObservationTests.samples)
        #expect(FraudObservation.read(bytes) == FraudObservationTests.samples)
        #expect(FraudObservation.read([]) == [])
        for count in 1..<bytes.count {
            let cut = FraudObservation.read(Array(bytes.prefix(count)))
            #expect(cut == nil || cut.map { $0.count < FraudObservationTests.samples.count } == true)
        }
        #expect(FraudObservation.read([2] + bytes.dropFirst()) == nil)
        #expect(FraudObservation.read([1, 9] + [UInt8](repeating: 0, count: 64)) == nil)
    }

    @Test(
        "Text of bytes is that of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(plain: String, text: String) {
        #expect(Base64.text(Array(plain.utf8)) == text)
        #expect(Base64.bytes(text) == Array(plain.utf8))
    }

    @Test("What is no such text is none", arguments: ["Zg=", "Zg", "Z===", "Zg==Zg==", "Zm9v\n", "Zm9-"])
    func unreadable(text: String) { #expect(Base64.bytes(text) == nil) }
}
