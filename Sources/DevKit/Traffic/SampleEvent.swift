import Domain
import Events

/// One event of the sample traffic before it is written down.
struct SampleEvent {
    enum Kind: String {
        case click, conversion, refund, chargeback
    }

    var kind: Kind
    var eventID: String
    var occurredAt: Timestamp
    var programID: String
    var affiliateID: String?
    var clickID: String?
    var orderID: String?
    var refundID: String?
    var amountMinor: Int64?
    var currency: String?
    var customerID: String?
    var coupon: String?
    var ip: String?
    var deviceID: String?
    var country: String?
    var subID: String?
    var isNewCustomer: Bool?
    var userAgent: String?
    var referrer: String?
    var landingURL: String?
    var isTest = false

    /// The record's value: one JSON object on one line.
    var line: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("event_id", eventID)
            writer.member("type", kind.rawValue)
            writer.member("occurred_at", occurredAt.rfc3339)
            writer.member("program_id", programID)
            if let affiliateID { writer.member("affiliate_id", affiliateID) }
            if let clickID { writer.member("click_id", clickID) }
            if let orderID { writer.member("order_id", orderID) }
            if let refundID { writer.member("refund_id", refundID) }
            if let amountMinor { writer.member("amount_minor", amountMinor) }
            if let currency { writer.member("currency", currency) }
            if let customerID { writer.member("customer_id", customerID) }
            if let coupon { writer.member("coupon", coupon) }
            if let ip { writer.member("ip", ip) }
            if let deviceID { writer.member("device_id", deviceID) }
            if let country { writer.member("country", country) }
            if let subID { writer.member("sub_id", subID) }
            if let isNewCustomer { writer.member("is_new_customer", isNewCustomer) }
            if let userAgent { writer.member("user_agent", userAgent) }
            if let referrer { writer.member("referrer", referrer) }
            if let landingURL { writer.member("landing_url", landingURL) }
            if isTest { writer.member("is_test", true) }
        }
        return writer.bytes
    }
}
