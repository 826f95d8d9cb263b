extension Invariant {
    /// I1: every record below the position ended in exactly one way.
    static let oneOutcome = Invariant(
        name: "I1",
        checks: [
            InvariantCheck(
                claim: "kept records of conversions.raw below the position have exactly one outcome, none above it any",
                statement: """
                    WITH taken AS (
                        SELECT topic_partition AS partition, record_offset FROM event
                        UNION ALL SELECT topic_partition, record_offset FROM intake_exception
                        UNION ALL SELECT partition, record_offset FROM dead_letter
                            WHERE worker_group = 'scorer' AND topic = 'conversions.raw'
                    ), outcome AS (
                        SELECT partition, record_offset, count(*) AS outcomes FROM taken GROUP BY partition,
                        record_offset
                    ), judged AS (
                        SELECT o.partition, o.record_offset,
                            o.outcomes = 1 AND s.next_offset IS NOT NULL AND o.record_offset < s.next_offset
                                AND o.record_offset >= s.first_offset AS good
                        FROM outcome o LEFT JOIN stream_offset s ON s.worker_group = 'scorer'
                            AND s.topic = 'conversions.raw' AND s.partition = o.partition
                    ), position AS (
                        SELECT COALESCE(sum(next_offset - first_offset), 0)::int8
                            - (SELECT COALESCE(sum(rows), 0) FROM dropped_month WHERE relation = 'event')::int8
                            AS records
                        FROM stream_offset WHERE worker_group = 'scorer' AND topic = 'conversions.raw'
                    )
                    SELECT records,
                        records - (SELECT count(*) FROM judged WHERE good) + (SELECT count(*) FROM judged WHERE NOT
                        good),
                        (SELECT 'partition ' || partition || ' offset ' || record_offset FROM judged WHERE NOT good
                        LIMIT 1)
                    FROM position
                    """)
        ])

    /// I3: position, effects and messages of a batch are all there or none is.
    static let wholeBatches = Invariant(
        name: "I3",
        checks: [
            InvariantCheck(
                claim: "commissions of more than nothing name a ledger transaction that exists",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE broken), min(commission_id::text) FILTER (WHERE broken)
                    FROM (
                        SELECT c.commission_id, (t.transaction_id IS NULL) <> (c.amount_minor = 0) AS broken
                        FROM commission c LEFT JOIN ledger_transaction t USING (transaction_id)) every
                    """),
            InvariantCheck(
                claim: "ledger transactions have postings",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE p.transaction_id IS NULL),
                        min(t.key) FILTER (WHERE p.transaction_id IS NULL)
                    FROM ledger_transaction t
                    LEFT JOIN (SELECT DISTINCT transaction_id FROM ledger_posting) p USING (transaction_id)
                    """),
            InvariantCheck(
                claim: "lanes hold their messages without a gap up to the next number",
                statement: """
                    WITH lane AS (
                        SELECT s.worker_group || ' ' || s.topic || '/' || s.partition AS name, s.next_out_seq,
                            count(o.out_seq) AS messages, COALESCE(min(o.out_seq), s.next_out_seq) AS first,
                            COALESCE(max(o.out_seq) + 1, s.next_out_seq) AS behind
                        FROM stream_offset s LEFT JOIN outbox o USING (worker_group, topic, partition)
                        GROUP BY s.worker_group, s.topic, s.partition
                    )
                    SELECT count(*), count(*) FILTER (WHERE behind <> next_out_seq OR behind - first <> messages),
                        min(name) FILTER (WHERE behind <> next_out_seq OR behind - first <> messages)
                    FROM lane
                    """),
        ])

    /// I4: nothing was written under an epoch that was over, and no epoch was skipped back.
    static let epochs = Invariant(
        name: "I4",
        checks: [
            InvariantCheck(
                claim: "positions that moved were moved by an owner with an epoch",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE broken), min(worker_group || ' ' || topic || '/' ||
                    partition)
                        FILTER (WHERE broken)
                    FROM (SELECT *, owner_epoch = 0 AND (next_offset > first_offset OR published_upto > 0)
                            OR published_upto > next_out_seq OR next_offset < first_offset AS broken
                        FROM stream_offset) s
                    """),
            InvariantCheck(
                claim: "payout attempts were claimed under a new epoch for each time they were sent",
                statement: """
                    SELECT count(*), count(*) FILTER (WHERE owner_epoch < send_count),
                        min(idempotency_key) FILTER (WHERE owner_epoch < send_count)
                    FROM payout_attempt
                    """),
        ])
}
