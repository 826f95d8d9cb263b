import Domain
import Events
import Storage

/// What an event that was taken in does to money and figures.
enum ScoringStep: Sendable {
    case click(TrackingEvent, SourcePosition, affiliateID: String, Program)
    case order(PlacedOrder)
    case refund(TrackingEvent, SourcePosition)
    case refundReversal(TrackingEvent, SourcePosition)
    case repeatedOrder(TrackingEvent, SourcePosition, affiliateID: String, Currency)
}

/// A conversion with whom it counts for.
struct PlacedOrder: Sendable {
    let event: TrackingEvent
    let position: SourcePosition
    let attribution: Attribution
    let currency: Currency
    let program: Program
    let commissionCurrency: Currency
    /// From the order's currency to the commission's; nil where they are one.
    let quote: FXQuote?
    let party: Party?

    var affiliateID: String { attribution.affiliateID }

    /// As a refund sees it, before it is priced.
    var recorded: RecordedConversion {
        RecordedConversion(
            conversionID: event.conversionID, affiliateID: affiliateID, programID: event.programID,
            amountMinor: event.amountMinor, currency: currency, isTest: event.isTest, occurredAt: event.occurredAt,
            refundedMinor: 0)
    }

    /// What its price depends on, but for what is only looked up where a rule asks for it.
    var facts: OrderFacts {
        OrderFacts(
            affiliateID: affiliateID, groupID: party?.groupID, country: event.country, coupon: event.coupon,
            subID: event.subID, isNewCustomer: event.isNewCustomer, items: event.items?.list ?? [],
            quantity: event.quantity, amountMinor: event.amountMinor, currency: currency,
            occurredAt: event.occurredAt, commissionCurrency: commissionCurrency, quote: quote)
    }
}
