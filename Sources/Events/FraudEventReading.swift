public import Domain

/// Turns tracking events into what the fraud engine keeps of them.
public struct FraudEventReading: Sendable {
    private static let automated = [
        "bot", "crawl", "spider", "headless", "phantomjs", "selenium", "puppeteer", "playwright", "curl/", "wget/",
        "python", "okhttp", "go-http", "java/", "libwww", "httpclient", "axios", "node-fetch", "scrapy", "postman",
    ]
    private static let paidParameters = [
        "gclid=", "gad_source=", "gbraid=", "wbraid=", "fbclid=", "twclid=", "msclkid=", "li_fat_id=", "rdt_cid=",
        "rdclid=", "ttclid=", "utm_medium=cpc", "utm_medium=ppc", "utm_medium=paid",
    ]

    /// Prefixes of data centres; empty costs accuracy only.
    public var dataCentres: IPPrefixSet

    public init(dataCentres: IPPrefixSet = IPPrefixSet()) { self.dataCentres = dataCentres }

    /// - Returns: nil for what is no money and no click: tests, and reversals of refunds.
    public func read(_ event: TrackingEvent) -> FraudEvent? {
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
        readNetwork(event, into: &made)
        readTexts(event, into: &made)
        return made
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

    private func readNetwork(_ event: TrackingEvent, into made: inout FraudEvent) {
        guard let ip = event.ip else { return }
        guard let address = IPAddress(ip) else {
            made.address = FraudHash.of(ip)
            return
        }
        made.address = address.addressHash
        made.subnet = address.subnetHash
        if !dataCentres.isEmpty, dataCentres.contains(address) { made.marks.insert(.hosting) }
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

    private static func says(_ text: String, anyOf words: [String]) -> Bool {
        let lower = Array(text.utf8.map { $0 >= 65 && $0 <= 90 ? $0 | 0x20 : $0 })
        return words.contains { word in contains(lower, Array(word.utf8)) }
    }

    private static func contains(_ text: [UInt8], _ word: [UInt8]) -> Bool {
        guard text.count >= word.count else { return false }
        for start in 0...(text.count - word.count) where text[start] == word[0] {
            if text[start...].starts(with: word) { return true }
        }
        return false
    }
}
