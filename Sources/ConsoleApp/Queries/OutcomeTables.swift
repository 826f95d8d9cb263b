import Domain
import Events
import Postgres
import Storage

/// The questions that a list of outcomes asks, one per table.
enum OutcomeTables {
    // MARK: Conversions

    /// Ids of conversions, newest first. A corrected one is found for both affiliates; a code may be that of its
    /// attribution (2xx), its commission (3xx: recorded later than it occurred, but for the clocks) or its judgement
    /// (4xx).
    static func pick(
        _ span: OutcomeSpan, _ eventKey: Identifier?, from: Timestamp, before: Timestamp, limit: Int,
        in transaction: borrowing Transaction
    ) throws(PostgresError) -> [Identifier] {
        let tie = span.tie(.conversions)
        var tieID: Identifier?
        if case .id(let id) = tie?.key { tieID = id }
        return try transaction.query(
            """
            SELECT c.conversion_id FROM conversion c
            WHERE c.occurred_at >= $1 AND c.occurred_at < $2 AND ($3::text IS NULL OR c.program_id = $3)
                AND ($4::text IS NULL OR c.affiliate_id = $4 OR c.conversion_id IN (
                    SELECT conversion_id FROM conversion_correction WHERE to_affiliate = $4))
                AND ($5::uuid IS NULL OR c.event_key = $5)
                AND ($6::int4 IS NULL OR $6 = ANY (c.signal_codes) OR $6 = 501 AND c.is_test
                    OR $6 BETWEEN 300 AND 399 AND c.conversion_id IN (
                        SELECT conversion_id FROM commission
                        WHERE recorded_at >= $1 - interval '5 minutes' AND $6 = ANY (codes))
                    OR $6 BETWEEN 400 AND 499 AND c.conversion_id IN (
                        SELECT conversion_id FROM fraud_conversion WHERE $6 = ANY (codes)))
                AND ($7::timestamptz IS NULL OR c.occurred_at < $7 OR c.conversion_id > $8::uuid)
            ORDER BY c.occurred_at DESC, c.conversion_id LIMIT $9
            """, .timestamp(microsecondsSinceEpoch: from.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: before.microsecondsSinceEpoch), .optionalText(span.filter.programID),
            .optionalText(span.filter.affiliateID), .optionalUUID(eventKey?.value), .optionalInt4(span.filter.code),
            .optionalTimestamp(tie?.moment.microsecondsSinceEpoch), .optionalUUID(tieID?.value), .int8(Int64(limit))
        ) { row throws(PostgresError) in Identifier(try row.uuid(0)) }
    }

    /// Conversions with the positions of their records.
    static func conversions(
        _ ids: [Identifier], in transaction: borrowing Transaction
    ) throws(PostgresError) -> [OutcomeQueries.Placed] {
        guard !ids.isEmpty else { return [] }
        return try transaction.query(
            """
            SELECT c.conversion_id, c.occurred_at, e.event_id, c.order_id, c.program_id,
                COALESCE(k.to_affiliate, c.affiliate_id), e.topic_partition, e.record_offset, c.amount_minor,
                c.currency, c.quantity, c.is_test, c.attributed_by, c.click_id, c.coupon, c.sub_id, c.country,
                c.signal_codes, f.codes
            FROM conversion c
            LEFT JOIN event e ON e.event_key = c.event_key AND e.occurred_at = c.occurred_at
            LEFT JOIN fraud_conversion f ON f.conversion_id = c.conversion_id
            LEFT JOIN LATERAL (
                SELECT to_affiliate FROM conversion_correction WHERE conversion_id = c.conversion_id
                ORDER BY sequence DESC LIMIT 1) k ON true
            WHERE c.conversion_id = ANY ($1)
            """, .uuids(ids.map(\.value)), decode: conversion)
    }

    private static func conversion(_ row: borrowing Row) throws(PostgresError) -> OutcomeQueries.Placed {
        let id = Identifier(try row.uuid(0))
        let isTest = try row.bool(11)
        let codes = try row.int4s(17) + (row.isNull(18) ? [] : row.int4s(18))
        let signals = codes + (isTest ? [ReasonCode.testEvent.rawValue] : [])
        let outcome = ConversionOutcome(
            outcome: IntakeOutcome.accepted.rawValue, at: try row.moment(1), type: TrackingEvent.Kind.conversion.name,
            eventId: try row.textOrNull(2), orderId: try row.textOrNull(3), programId: try row.text(4),
            affiliateId: try row.text(5),
            source: .init(partition: try row.int4OrNull(6), offset: try row.int8OrNull(7)), code: nil, sentence: nil,
            measured: nil,
            duplicateOf: nil, isConflicting: false, waitsUntil: nil, deadLetterId: nil,
            conversion: ConversionOutcome.Conversion(
                conversionId: id.description, amountMinor: try row.int8(8), currency: try row.text(9),
                quantity: try row.int4(10), isTest: isTest, attributedBy: try row.text(12),
                clickId: try row.textOrNull(13), coupon: try row.textOrNull(14), subId: try row.textOrNull(15),
                country: try row.textOrNull(16), signals: signals.map(CommissionExplanation.Signal.init)))
        let moment = Timestamp(microsecondsSinceEpoch: try row.timestamp(1))
        return (OutcomePlace(moment: moment, table: .conversions, key: .id(id)), outcome)
    }

    // MARK: Duplicate and rejected

    static func exceptions(
        _ span: OutcomeSpan, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [OutcomeQueries.Placed] {
        let (filter, tie) = (span.filter, span.tie(.exceptions))
        var tiePosition: (partition: Int32, offset: Int64)?
        if case .position(let partition, let offset) = tie?.key { tiePosition = (partition, offset) }
        let last = span.before(.exceptions)
        return try LookBack.rows(from: span.from, before: last, limit: filter.limit + 1) {
            from, before, limit throws(PostgresError) in
            try transaction.query(
                """
                SELECT LEAST(occurred_at, recorded_at) AS moment, topic_partition, record_offset, outcome, code,
                    kind::int4, event_id, order_id, program_id, affiliate_id, measured, duplicate_of, conflicting
                FROM intake_exception
                WHERE LEAST(occurred_at, recorded_at) >= $1 AND LEAST(occurred_at, recorded_at) < $2
                    AND ($3::text IS NULL OR outcome = $3) AND ($4::int4 IS NULL OR code = $4)
                    AND ($5::int4 IS NULL OR kind = $5) AND ($6::text IS NULL OR program_id = $6)
                    AND ($7::text IS NULL OR affiliate_id = $7) AND ($8::text IS NULL OR order_id = $8)
                    AND ($9::text IS NULL OR event_id = $9)
                    AND ($10::timestamptz IS NULL OR LEAST(occurred_at, recorded_at) < $10
                        OR (topic_partition, record_offset) > ($11::int4, $12::int8))
                ORDER BY moment DESC, topic_partition, record_offset LIMIT $13
                """, .timestamp(microsecondsSinceEpoch: from.microsecondsSinceEpoch),
                .timestamp(microsecondsSinceEpoch: before.microsecondsSinceEpoch),
                .optionalText(filter.outcome?.rawValue), .optionalInt4(filter.code),
                .optionalInt4(filter.kind.map { Int32($0.rawValue) }), .optionalText(filter.programID),
                .optionalText(filter.affiliateID), .optionalText(filter.orderID), .optionalText(filter.eventID),
                .optionalTimestamp(tie?.moment.microsecondsSinceEpoch), .optionalInt4(tiePosition?.partition),
                .optionalInt8(tiePosition?.offset), .int8(Int64(limit)), decode: exception)
        }
    }

    private static func exception(_ row: borrowing Row) throws(PostgresError) -> OutcomeQueries.Placed {
        let (partition, offset) = (try row.int4(1), try row.int8(2))
        let reason = CommissionExplanation.Signal(try row.int4(4))
        let outcome = ConversionOutcome(
            outcome: try row.text(3), at: try row.moment(0), type: kindName(try row.int4OrNull(5)),
            eventId: try row.textOrNull(6), orderId: try row.textOrNull(7), programId: try row.textOrNull(8),
            affiliateId: try row.textOrNull(9), source: .init(partition: partition, offset: offset),
            code: reason.code, sentence: reason.sentence, measured: try row.text(10),
            duplicateOf: try row.textOrNull(11), isConflicting: try row.bool(12), waitsUntil: nil, deadLetterId: nil)
        let moment = Timestamp(microsecondsSinceEpoch: try row.timestamp(0))
        return (OutcomePlace(moment: moment, table: .exceptions, key: .position(partition, offset)), outcome)
    }

    private static func kindName(_ kind: Int32?) -> String? {
        kind.flatMap { TrackingEvent.Kind(rawValue: Int16(truncatingIfNeeded: $0)) }?.name
    }

    // MARK: Parked

    static func parked(
        _ span: OutcomeSpan, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [OutcomeQueries.Placed] {
        let (filter, tie) = (span.filter, span.tie(.parked))
        var tieID: Identifier?
        if case .id(let id) = tie?.key { tieID = id }
        return try transaction.query(
            """
            SELECT p.event_key, p.occurred_at, p.topic_partition, p.record_offset, p.code, p.kind::int4, e.event_id,
                p.order_id, p.program_id, NULLIF(e.affiliate_id, ''), p.until
            FROM parked_event p LEFT JOIN event e ON e.event_key = p.event_key AND e.occurred_at = p.occurred_at
            WHERE p.occurred_at >= $1 AND p.occurred_at < $2 AND ($3::int4 IS NULL OR p.code = $3)
                AND ($4::int4 IS NULL OR p.kind = $4) AND ($5::text IS NULL OR p.program_id = $5)
                AND ($6::text IS NULL OR e.affiliate_id = $6) AND ($7::text IS NULL OR p.order_id = $7)
                AND ($8::uuid IS NULL OR p.event_key = $8)
                AND ($9::timestamptz IS NULL OR p.occurred_at < $9 OR p.event_key > $10::uuid)
            ORDER BY p.occurred_at DESC, p.event_key LIMIT $11
            """, .timestamp(microsecondsSinceEpoch: span.from.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: span.before(.parked).microsecondsSinceEpoch),
            .optionalInt4(filter.code), .optionalInt4(filter.kind.map { Int32($0.rawValue) }),
            .optionalText(filter.programID), .optionalText(filter.affiliateID), .optionalText(filter.orderID),
            .optionalUUID(filter.eventID.map { Identifier(hashing: "event", $0).value }),
            .optionalTimestamp(tie?.moment.microsecondsSinceEpoch), .optionalUUID(tieID?.value),
            .int8(Int64(filter.limit) + 1), decode: parked)
    }

    private static func parked(_ row: borrowing Row) throws(PostgresError) -> OutcomeQueries.Placed {
        let reason = CommissionExplanation.Signal(try row.int4(4))
        let outcome = ConversionOutcome(
            outcome: IntakeOutcome.parked.rawValue, at: try row.moment(1), type: kindName(try row.int4OrNull(5)),
            eventId: try row.textOrNull(6), orderId: try row.textOrNull(7), programId: try row.textOrNull(8),
            affiliateId: try row.textOrNull(9), source: .init(partition: try row.int4(2), offset: try row.int8(3)),
            code: reason.code, sentence: reason.sentence, measured: nil, duplicateOf: nil,
            isConflicting: false, waitsUntil: try row.moment(10), deadLetterId: nil)
        let moment = Timestamp(microsecondsSinceEpoch: try row.timestamp(1))
        return (OutcomePlace(moment: moment, table: .parked, key: .id(Identifier(try row.uuid(0)))), outcome)
    }

    // MARK: Dead

    static func deadLetters(
        _ span: OutcomeSpan, in transaction: borrowing Transaction
    ) throws(PostgresError) -> [OutcomeQueries.Placed] {
        let tie = span.tie(.deadLetters)
        var tieNumber: Int64?
        if case .number(let number) = tie?.key { tieNumber = number }
        return try transaction.query(
            """
            SELECT dead_letter_id, record_at, partition, record_offset, error_code, error_message FROM dead_letter
            WHERE worker_group = $1 AND topic = $2 AND record_at >= $3 AND record_at < $4
                AND ($5::int4 IS NULL OR error_code = $5)
                AND ($6::timestamptz IS NULL OR record_at < $6 OR dead_letter_id > $7)
            ORDER BY record_at DESC, dead_letter_id LIMIT $8
            """, .text(Freshness.workerGroup), .text(TopicName.conversionsRaw),
            .timestamp(microsecondsSinceEpoch: span.from.microsecondsSinceEpoch),
            .timestamp(microsecondsSinceEpoch: span.before(.deadLetters).microsecondsSinceEpoch),
            .optionalInt4(span.filter.code), .optionalTimestamp(tie?.moment.microsecondsSinceEpoch),
            .optionalInt8(tieNumber), .int8(Int64(span.filter.limit) + 1), decode: deadLetter)
    }

    private static func deadLetter(_ row: borrowing Row) throws(PostgresError) -> OutcomeQueries.Placed {
        let number = try row.int8(0)
        let reason = CommissionExplanation.Signal(try row.int4(4))
        let message = try row.text(5)
        // A dead letter's message is the code's sentence with the value behind it.
        let measured = message.hasPrefix(reason.sentence) ? message.dropFirst(reason.sentence.count + 1) : message[...]
        let outcome = ConversionOutcome(
            outcome: IntakeOutcome.dead.rawValue, at: try row.moment(1), type: nil, eventId: nil, orderId: nil,
            programId: nil, affiliateId: nil,
            source: .init(partition: try row.int4(2), offset: try row.int8(3)), code: reason.code,
            sentence: reason.sentence,
            measured: measured.isEmpty ? nil : String(measured), duplicateOf: nil, isConflicting: false,
            waitsUntil: nil, deadLetterId: number)
        let moment = Timestamp(microsecondsSinceEpoch: try row.timestamp(1))
        return (OutcomePlace(moment: moment, table: .deadLetters, key: .number(number)), outcome)
    }
}
