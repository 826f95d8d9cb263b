import Domain
import Postgres
import Storage

/// A conversion whose click came late and leads to another affiliate than the one it counts for.
struct LateClickCorrection: Sendable {
    /// As it stands, its commissions locked.
    let conversion: RecordedConversion
    /// From 1: the how manieth correction of the conversion it is.
    let sequence: Int32
    let click: Attribution.Click
    let program: Program
    /// What the price for the click's affiliate depends on.
    let facts: OrderFacts
    let party: Party
    let customerKey: Identifier?

    /// - Returns: nil if the click does not count: it lies outside the window, or its affiliate is not active.
    init?(
        _ order: AwaitedClickStore.Order, _ conversion: RecordedConversion, click: Attribution.Click,
        program: Program, party: Party?
    ) {
        let lastMoment = click.occurredAt.adding(days: program.attributionWindowDays)
        guard let party, party.isActive, click.occurredAt <= conversion.occurredAt,
            conversion.occurredAt <= lastMoment
        else { return nil }
        self.conversion = conversion
        sequence = order.corrections + 1
        self.click = click
        self.program = program
        self.party = party
        customerKey = order.customerKey
        var facts = order.facts
        facts.affiliateID = click.affiliateID
        facts.groupID = party.groupID
        self.facts = facts
    }

    /// Whether it counts for another affiliate now; else the click only confirms the one it has.
    var movesMoney: Bool { conversion.affiliateID != click.affiliateID }

    var row: RefundSave.Correction {
        RefundSave.Correction(
            conversionID: conversion.conversionID, sequence: sequence, cause: .lateClick(click.key),
            fromAffiliateID: conversion.affiliateID, toAffiliateID: click.affiliateID, actor: ScoringStage.group)
    }

    var source: FigureSource {
        FigureSource(
            key: Identifier(hashing: "late click", conversion.conversionID.description, String(sequence)),
            position: SourcePosition(partition: 0, offset: 0), occurredAt: conversion.occurredAt)
    }
}

/// Re-attributes conversions whose clicks came late: by corrections, never by edits.
enum LateClicks {
    /// Where a click is looked for first, before its conversion: most windows are no longer.
    private static let nearDays: Int32 = 31

    /// Takes up conversions whose clicks are there.
    ///
    /// - Returns: how many were taken up, and the messages about their affiliates.
    static func correct(
        limit: Int, at now: Timestamp, book: RuleBook, in transaction: borrowing Transaction
    ) throws(PostgresError) -> (count: Int, messages: [ScoringMessage]) {
        let awaited = try AwaitedClickStore.take(limit: limit, at: now, in: transaction)
        guard !awaited.isEmpty else { return (0, []) }
        let corrections = try load(awaited, in: transaction)
        let moving = corrections.filter(\.movesMoney)
        let rules = try book.rules(of: Set(moving.map(\.program)), in: transaction)
        let facts = try MoneyFacts(
            moving.map { PricingCase($0) }, rules: rules,
            refunded: moving.flatMap { $0.conversion.commissions.map(\.affiliateID) + [$0.facts.affiliateID] },
            in: transaction)
        let conversions = Dictionary(uniqueKeysWithValues: moving.map { ($0.conversion.conversionID, $0.conversion) })
        var money = MoneyFold(facts, conversions: conversions)
        var figures = ScoringFigures()
        for correction in moving {
            let moves = money.correct(PricingCase(correction).commissionID, reason: "late click")
            figures.correct(correction, moves, correction.source)
        }
        try RefundSave.corrections(corrections.map(\.row), at: now, in: transaction)
        try money.save(at: now, in: transaction)
        return (awaited.count, try figures.save(in: transaction))
    }

    private static func load(
        _ awaited: [AwaitedClickStore.Awaited], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [LateClickCorrection] {
        let ids = unique(awaited.map(\.conversionID))
        let conversions = try RefundLoad.conversions(ids, in: transaction)
        let moments = conversions.values.map(\.occurredAt)
        guard let first = moments.min(), let last = moments.max() else { return [] }
        let clicks = try TrackingLoad.clicks(
            unique(awaited.map(\.clickKey)), from: first.adding(days: -nearDays), to: last, in: transaction)
        let orders = try AwaitedClickStore.orders(ids, in: transaction)
        let programs = try TrackingLoad.programs(unique(orders.values.map(\.programID)), in: transaction)
        let parties = try TrackingLoad.affiliates(unique(clicks.affiliateIDs), in: transaction)
        return awaited.compactMap { wait in
            guard let order = orders[wait.conversionID], let conversion = conversions[wait.conversionID],
                let click = clicks.click(wait.clickKey, at: conversion.occurredAt),
                let program = programs[order.programID]
            else { return nil }
            return LateClickCorrection(
                order, conversion, click: click, program: program, party: parties[click.affiliateID])
        }.sorted { $0.conversion.conversionID < $1.conversion.conversionID }
    }
}
