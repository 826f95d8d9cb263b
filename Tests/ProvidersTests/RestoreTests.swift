import DevKit
import Domain
import Foundation
import Postgres
import Testing
import WorkerRuntime

@Suite("A database from before", .timeLimit(.minutes(5))) struct RestoreTests {
    @Test("F62: with a backup restored nothing is accepted twice; who is owed what it forgot waits for people")
    func restored() async throws {
        let backup = "/tmp/tributary-backup-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: backup, withIntermediateDirectories: false)
        let run = try await PaymentFleet.start(on: try await TestDatabase.alone())
        do {
            try await RestoreTests.restore(run, backup)
        } catch {
            try await run.stop()
            throw error
        }
        try await run.stop()
        try FileManager.default.removeItem(atPath: backup)
    }

    /// Two payouts before the backup, one of them sent after it, as one that was requested after it is.
    private static func restore(_ run: PaymentFleet, _ backup: String) async throws {
        let (reconciler, _) = try await run.startReconciler()
        var payer = try await run.startPayer()
        try await run.request([order("a")])
        try await run.waitUntilPaid()
        await run.fleet.stop(payer)
        let early = try await run.request([order("b")], batch: "early")
        try await run.database.cluster.backUp(to: backup)
        payer = try await run.startPayer()
        try await run.request([order("c")], batch: "late")
        try await run.waitUntilPaid()
        await run.fleet.stop(payer)
        await run.fleet.stop(reconciler)
        let accepted = await run.fake.acceptances
        #expect(accepted.count == 6)

        let restored = run.with(try await TestDatabase.restored(from: backup))
        payer = try await restored.startPayer()
        try await wait(for: "the payer to send b's again and to miss c's", within: .seconds(60)) {
            let sent = try await restored.texts("SELECT payout_id::text FROM payout WHERE state = 'submitted'")
            let stopped = try await restored.texts("SELECT subject FROM payout_freeze")
            return sent == early && stopped == ["c"]
        }
        // What it earned is read again from its topic; what was paid of it is forgotten.
        let again = try await restored.database.pool.transaction { (transaction) throws(PostgresError) in
            try EarnedMoney.earn(
                "c", account: "acct_c", amountMinor: 2_500, occasion: "late", in: transaction)
            return try EarnedMoney.plan(batch: "again", at: systemNow(), in: transaction)
        }
        try await restored.publish(again.map(\.description))
        try await restored.startReconciler()
        try await wait(for: "b's to be paid", within: .seconds(60)) {
            try await restored.texts("SELECT DISTINCT state FROM payout") == ["paid"]
        }
        #expect(await run.fake.acceptances == accepted)
        #expect(
            try await restored.texts(
                """
                SELECT DISTINCT affiliate_id FROM reconciliation_break
                WHERE kind = 'missing_in_ledger' AND resolved_at IS NULL
                """) == ["c"])
        try await restored.database.drop()
    }

    private static func order(_ affiliateID: String) -> PaymentFleet.Order {
        PaymentFleet.Order(affiliateID: affiliateID, account: "acct_\(affiliateID)")
    }
}
