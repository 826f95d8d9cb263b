import Domain
import Events
import Outbox
import Postgres
import Storage

@testable import ConsoleApp

/// A small fleet in the database: two programmes, twelve affiliates with 45 days of events, payouts in most states.
enum SeededData {
    static let hostileName = "<script>alert('x')</script> & \"Sons\""

    static func insert(into console: TestConsole) async throws {
        try await insertAffiliates(console)
        try await insertFigures(console)
        try await insertInsights(console)
        try await insertFleet(console)
        try await insertBalances(console)
        try await insertDesk(console)
    }

    private static func insertAffiliates(_ console: TestConsole) async throws {
        try await console.run(
            """
            INSERT INTO program (program_id, name, currency, auto_approve_limit_minor)
            VALUES ('shoes', 'Shoes', 'USD', 50000), ('books', 'Books', 'EUR', 50000)
            """)
        try await console.run(
            """
            INSERT INTO rule_version (program_id, rule_id, version, rules_version, valid_from, priority, definition,
                created_by)
            VALUES ('shoes', 'standard', 1, 1, '1970-01-01Z', 0, '{"action": {"percent": 800}}', 'test'),
                ('books', 'standard', 1, 1, '1970-01-01Z', 0, '{"action": {"percent": 500}}', 'test')
            """)
        try await console.run(
            """
            INSERT INTO affiliate (affiliate_id, name, provider_account, fraud_verdict)
            SELECT 'aff-' || n, CASE n WHEN 1 THEN $1 ELSE
                (ARRAY['Runner''s Digest','Daily Deals','Nordic Reads','Trail Notes','Page Turners','Coupon Corner',
                    'Stride Weekly','Book Barn','City Walks','Loafer Lab','The Index'])[n - 1] END,
                'acct_' || n, CASE n WHEN 4 THEN 'review' WHEN 7 THEN 'review' ELSE 'clear' END
            FROM generate_series(1, 12) n
            """, .text(hostileName))
    }

    private static func insertFigures(_ console: TestConsole) async throws {
        let today = console.clock.now.day
        try await console.run(
            """
            INSERT INTO affiliate_day (affiliate_id, program_id, day, currency, clicks, conversions, refunds,
                revenue_minor,
                refunded_minor, commission_minor)
            SELECT 'aff-' || n, p, $1::date - d, CASE p WHEN 'shoes' THEN 'USD' ELSE 'EUR' END,
                400 + 30 * n + 10 * (d % 7), 10 + n + (d * 7 + n) % 9, (n + d) % 3,
                (10 + n + (d * 7 + n) % 9) * 4300, ((n + d) % 3) * 4300, (10 + n + (d * 7 + n) % 9) * 344
            FROM generate_series(1, 12) n, generate_series(0, 44) d, unnest(ARRAY['shoes', 'books']) p
            WHERE (p = 'shoes') = (n % 3 <> 0)
            """, .date(daysSinceEpoch: today))
        try await console.run(
            """
            INSERT INTO affiliate_rank (program_id, currency, day, affiliate_id, rank, expected_minor, low_minor,
                high_minor, orders, is_low_sample, contributions, conversion_rate, trend, model_version, ranked_at)
            SELECT program_id, currency, $2::date - back, affiliate_id,
                row_number() OVER (PARTITION BY program_id, currency, back ORDER BY minor * sign DESC),
                minor / 3, minor / 4, minor / 2, orders, orders < 640,
                ARRAY[1000 + orders::integer, -200, 30, 0], 0.03, 1.1, 1, $1
            FROM (SELECT program_id, currency, affiliate_id, sum(revenue_minor)::bigint AS minor,
                    sum(conversions)::bigint AS orders FROM affiliate_day GROUP BY 1, 2, 3) d
                CROSS JOIN (VALUES (0, 1), (1, -1)) AS b (back, sign)
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch),
            .date(daysSinceEpoch: today))
    }

    private static func insertInsights(_ console: TestConsole) async throws {
        try await console.run(
            """
            INSERT INTO insight (program_id, currency, day, kind, affiliate_id, channel, sentence, weight_minor,
                made_at, rewritten)
            VALUES ('shoes', 'USD', $1::date, 'loss', 'aff-1', '', '{affiliate} keeps 12 % less.', 900, now(), NULL),
                ('shoes', 'USD', $1::date, 'channel', 'aff-2', 'blog<1>', 'Clicks of {channel}.', 800, now(),
                    'The clicks of {channel}.'),
                ('shoes', 'USD', $1::date - 1, 'loss', 'aff-1', '', 'Yesterday''s.', 900, now(), NULL)
            """, .date(daysSinceEpoch: console.clock.now.day))
    }

    private static func insertFleet(_ console: TestConsole) async throws {
        let now = PostgresValue.timestamp(
            microsecondsSinceEpoch: console.clock.now.adding(seconds: -2).microsecondsSinceEpoch)
        try await console.run(
            """
            INSERT INTO stream_offset (worker_group, topic, partition, next_offset, owner_id, owner_epoch,
                last_record_at,
                next_out_seq, published_upto)
            SELECT 'scorer', 'conversions.raw', n, 1000 * n + 500, 'scorer-' || n % 2, 3, $1, 40, 40
            FROM generate_series(0, 3) n
            """, now)
        try await console.run(
            """
            INSERT INTO stream_offset (worker_group, topic, partition, next_offset, owner_id, owner_epoch,
                last_record_at,
                mode, hold_reason, hold_detail)
            VALUES ('fraud-detector', 'affiliates.scored', 0, 77, 'fraud-1', 2, $1, 'run', NULL, NULL),
                ('fraud-detector', 'affiliates.scored', 1, 12, '', 2, $1, 'held', 'offset_out_of_range',
                    'offset 12 lies before the log')
            """, now)
        console.watermarks.update { marks in
            marks = (0..<4).map {
                PartitionWatermark(topic: "conversions.raw", partition: $0, low: 0, high: Int64($0) * 1_000 + 510)
            }
        }
        try await console.run(
            """
            INSERT INTO dead_letter (worker_group, topic, partition, record_offset, record_at, record_key, record_value,
                error_class, error_code, error_message)
            VALUES ('scorer', 'conversions.raw', 2, 941, $1, 'aff-3', '{"event_id": "e-1", <b>', 'poison', 190,
                'The record is not JSON.')
            """, now)
    }

    /// Payable balances over and below the automatic limit, planned by a worker and partly moved on.
    private static func insertBalances(_ console: TestConsole) async throws {
        let now = console.clock.now
        try await console.run(
            """
            INSERT INTO commission (commission_id, conversion_id, affiliate_id, program_id, currency, basis_points,
                base_minor, amount_minor, status, hold_until, transaction_id, recorded_at)
            SELECT md5('conversion' || n)::uuid, md5('conversion' || n)::uuid, 'aff-' || n,
                CASE WHEN n % 3 = 0 THEN 'books' ELSE 'shoes' END,
                CASE WHEN n % 3 = 0 THEN 'EUR' ELSE 'USD' END, 800, 100000 * n, 10000 * n, 'approved', $1,
                ($2::uuid[])[n], $1
            FROM generate_series(1, 12) n
            """, .timestamp(microsecondsSinceEpoch: now.microsecondsSinceEpoch),
            .uuids((1...12).map { LedgerTransaction.transactionID(of: "commission:\($0)").value }))
        guard let dollar = Currency(code: "USD"), let euro = Currency(code: "EUR") else { return }
        let earned = (1...12).map { number in
            LedgerTransaction(
                key: "commission:\(number)", kind: "commission", inputHash: Identifier(UInt128(number)),
                postings: [
                    Posting(
                        affiliateID: "aff-\(number)", currency: number.isMultiple(of: 3) ? euro : dollar,
                        debit: .commissionExpense, credit: .payable, amountMinor: Int64(number) * 10_000)
                ])
        }
        try await console.pool.transaction { transaction throws(PostgresError) in
            try LedgerStore.append(earned, in: transaction, at: now)
            let planned = try PayoutStore.plan(
                batchKey: "2026-W43", at: now, submittedBy: "planner", lane: Lane(emitter: "payout-planner"),
                in: transaction)
            let automatic = planned.map(\.payout).filter { $0.state == .reserved }.prefix(2)
            for payout in automatic { try submit(payout, at: now, in: transaction) }
            for (planned, state) in zip(automatic, [PayoutState.paid, .inTransit]) {
                guard let payout = try PayoutStore.lock([planned.payoutID], in: transaction).first else { continue }
                let move = PayoutMove(payout, to: state, evidence: "po_\(payout.affiliateID)")
                try PayoutStore.move([move], actor: "webhook", at: now, in: transaction)
            }
        }
    }

    /// Takes both steps of a payout as the payer does, at a provider that accepts everything.
    private static func submit(
        _ payout: PayoutRecord, at now: Timestamp, in transaction: borrowing Transaction
    ) throws(PostgresError) {
        try PayoutAttemptStore.insert(
            [attempt(payout, .transfer, 1, payout.amount)], sendAt: now, at: now, in: transaction)
        for prefix in ["tr", "po"] {
            let claimed = try PayoutAttemptStore.claim(
                provider: "stripe", schedule: .stripe, maximum: 1, at: now, in: transaction)
            for claim in claimed {
                let answer = ProviderAnswer(status: 200, objectID: "\(prefix)_\(payout.affiliateID)")
                _ = try PayoutAttemptStore.record(
                    ProviderOutcome(.answer(answer), isFirstSend: true), of: claim, answer: answer, schedule: .stripe,
                    at: now, makeAttempt: attempt, in: transaction)
            }
        }
    }

    @Sendable static func attempt(
        _ payout: PayoutRecord, _ operation: PayoutOperation, _ number: Int32, _ amount: Money
    ) -> NewAttempt {
        NewAttempt(
            payoutID: payout.payoutID, operation: operation, number: number, provider: payout.provider,
            account: payout.destination, requestPath: "/v1/\(operation.rawValue)s",
            requestBody: Array("amount=\(amount.minorUnits)".utf8), amount: amount)
    }

    private static func insertDesk(_ console: TestConsole) async throws {
        try await console.run(
            """
            INSERT INTO notification (notification_id, event_id, audience, kind, title, body, link, created_at) VALUES
                (md5('n1')::uuid, md5('e1')::uuid, 'admin', 'payout_unknown', 'A payout waits for approval',
                    'USD 1,000.00 for Stride Weekly is over the automatic limit.', '/console/payouts', $1),
                (md5('n2')::uuid, md5('e2')::uuid, 'admin', 'fraud_review', 'Fraud flag on City Walks',
                    '14 conversions came from one IP address within one hour.', 'javascript:alert(1)', $1)
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
        try await console.run(
            """
            INSERT INTO webhook_endpoint (url, kinds, secret, created_by, created_at, failures_in_a_row)
            VALUES ('https://hooks.example.com/tributary', '{payout_failed}', decode(repeat('00', 32), 'hex'), 'user:x',
                $1, 2)
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
        try await console.run(
            """
            INSERT INTO notification_delivery (channel, recipient_id, event_id, notification_id, attempts,
                next_attempt_at, created_at)
            VALUES ('webhook', 1, md5('e1')::uuid, md5('n1')::uuid, 1, $1, $1)
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
        try await console.run(
            """
            INSERT INTO notification_attempt (notification_delivery_id, attempt_number, at, status, error)
            VALUES (1, 1, $1, 500, 'status')
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
        try await console.run(
            """
            INSERT INTO fraud_case (affiliate_id, kind, code, verdict, probability, days, measured, first_day, last_day,
                opened_at, last_seen_at)
            VALUES ('aff-7', 'network', 403, 'review', 0.7, 2, '14 conversions', '2026-02-01', '2026-03-01', $1, $1)
            """, .timestamp(microsecondsSinceEpoch: console.clock.now.microsecondsSinceEpoch))
    }
}
