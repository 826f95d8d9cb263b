public import Domain

/// Turns tracking events into what the fraud engine keeps of them.
public struct FraudEventReading: Sendable {
    private static let automated: [[UInt8]] = [
        "bot", "crawl", "spider", "headless", "phantomjs", "selenium", "puppeteer", "playwright", "curl/", "wget/",
        "python", "okhttp", "go-http", "java/", "libwww", "httpclient", "axios", "node-fetch", "scrapy", "postman",
    ].map { Array($0.utf8) }
    private static let paidParameters: [[UInt8]] = [
        "gclid=", "gad_source=", "gbraid=", "wbraid=", "fbclid=", "twclid=", "msclkid=", "li_fat_id=", "rdt_cid=",
        "rdclid=", "ttclid=", "utm_medium=cpc", "utm_medium=ppc", "utm_medium=paid",
    ].map { Array($0.utf8) }

    /// Prefixes of data centres; empty costs accuracy only.
    public var dataCentres: IPPrefixSet

    public init(dataCentres: IPPrefixSet = IPPrefixSet()) { self.dataCentres = dataCentres }

    /// - Returns: nil for what is no money and no click: tests, and reversals of refunds.
    public func read(_ event: TrackingEvent) -> FraudEvent? {
        guard let observation = observe(event) else { return nil }
        return read(observation)
    }

    /// What was observed, with what the prefixes of data centres say of its address.
    public func read(_ observation: FraudObservation) -> FraudEvent {
        var event = observation.event
        if let address = observation.address, !dataCentres.isEmpty, dataCentres.contains(address) {
            event.marks.insert(.hosting)
        }
        return event
    }

    /// What is to be kept of an event, without a look at the prefixes.
    ///
    /// - Returns: nil for what is no money and no click: tests, and reversals of refunds.
    public func observe(_ event: TrackingEvent) -> FraudObservation? {
        guard !event.isTest, let kind = FraudEventReading.kind(event.kind) else { return nil }
        let program = FraudHash.of(event.programID)
        var made = FraudEvent(
            kind: kind, key: FraudHash.of(event.eventID), at: event.occurredAt,
            affiliate: FraudHash.of(event.affiliateID), program: program)
        made.click = FraudHash.of(event.clickID, in: program)
        made.order = FraudHash.of(event.orderID, in: program)
        made.customer = FraudHash.of(event.customerID, in: program)
        made.device = FraudHash.of(event.deviceID)
        made.subID = FraudHash.of(event.subID)
        made.coupon = FraudHash.of(event.coupon, in: program)
        made.country = FraudEvent.country(event.country)
        made.currency = FraudHash.of(event.currency?.code)
        made.amountMinor = event.amountMinor
        readTexts(event, into: &made)
        guard let ip = event.ip else { return FraudObservation(made) }
        guard let address = IPAddress(ip) else {
            made.address = FraudHash.of(ip)
            return FraudObservation(made)
        }
        made.address = address.addressHash
        made.subnet = address.subnetHash
        return FraudObservation(made, address: address)
    }

    private static func kind(_ kind: TrackingEvent.Kind) -> FraudEvent.Kind? {
        switch kind {
        case .click: .click
        case .conversion: .conversion
        case .refund: .refund
        case .chargeback: .chargeback
        case .refundReversal: nil
        }
    }

    private func readTexts(_ event: TrackingEvent, into made: inout FraudEvent) {
        if let agent = event.userAgent {
            made.agent = FraudHash.of(agent)
            if FraudEventReading.says(agent, anyOf: FraudEventReading.automated) { made.marks.insert(.automated) }
        }
        if let referrer = event.referrer {
            made.marks.insert(.hasReferrer)
            made.referrer = FraudHash.of(FraudEventReading.host(of: referrer))
        }
        if let landing = event.landingURL {
            made.marks.insert(.hasLanding)
            if FraudEventReading.says(landing, anyOf: FraudEventReading.paidParameters) {
                made.marks.insert(.paidClick)
            }
        }
        if let isNew = event.isNewCustomer {
            made.marks.insert(.newnessKnown)
            if isNew { made.marks.insert(.newCustomer) }
        }
    }

    private static func host(of address: String) -> String {
        var rest = Substring(address)
        if let scheme = rest.firstRange(of: "://") { rest = rest[scheme.upperBound...] }
        return String(rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" })
    }

    /// - Parameter words: in lower case.
    private static func says(_ text: String, anyOf words: [[UInt8]]) -> Bool {
        let lower = Array(text.utf8.map { $0 >= 65 && $0 <= 90 ? $0 | 0x20 : $0 })
        return lower.withUnsafeBufferPointer { text in words.contains { word in contains(text, word) } }
    }

    private static func contains(_ text: UnsafeBufferPointer<UInt8>, _ word: [UInt8]) -> Bool {
        guard let first = word.first, text.count >= word.count else { return false }
        for start in 0...(text.count - word.count) where text[start] == first {
            if text[start..<(start + word.count)].elementsEqual(word) { return true }
        }
        return false
    }
}
