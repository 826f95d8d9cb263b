import Domain
import Postgres

/// What every page needs beside its own figures.
struct PageFacts: Sendable {
    let now: Timestamp
    let watermarks: [PartitionWatermark]
    let positions: [PartitionPosition]
    /// Notifications in the inbox of whoever asks that nobody has read.
    let unread: Int64
    /// Read before the figures, so that a change in between counts as one to come.
    let version: String
}

extension Services {
    /// Renders a page; its figures and those around it are read in one transaction.
    func page<Body: Sendable>(
        _ template: String, _ title: String, for call: Call,
        _ body: @Sendable (borrowing Transaction, PageFacts) throws(PostgresError) -> Body
    ) async throws -> Answer {
        let principal = try call.authenticated()
        let (watermarks, now) = (await watermarks(), now())
        let (facts, body) = try await pool.transaction { transaction throws(PostgresError) in
            let version = try FleetQueries.version(in: transaction)
            let facts = PageFacts(
                now: now, watermarks: watermarks,
                positions: try FleetQueries.positions(watermarks: watermarks, in: transaction),
                unread: try NotificationQueries.unread(of: principal.session?.affiliateID, in: transaction),
                version: version)
            return (facts, try body(transaction, facts))
        }
        return pages.page(template, frame: PageFrame(title, call, principal, facts), body: body)
    }
}

extension PageFrame {
    private static let sections: [(label: String, address: String, permission: Permission)] = [
        ("Dashboard", "/console", .readDashboard), ("Conversions", "/console/conversions", .readConversions),
        ("Payouts", "/console/payouts", .readPayments), ("Statements", StatementRoutes.list, .readPayments),
        ("Breaks", "/console/breaks", .readLedger),
        ("Manual payouts", "/console/manual-batches", .readLedger), ("Limits", "/console/limits", .readRules),
        ("Affiliates", "/console/affiliates", .readAffiliates), ("Fraud", "/console/fraud", .readFraud),
        ("Appeals", "/console/appeals", .readAppeals),
        ("Rules", "/console/rules", .readRules),
        ("Imports", "/console/imports", .ingestEvents),
        ("Topics", "/console/topics", .readFleet),
        ("Dead letters", "/console/dead-letters", .readFleet),
        ("Notifications", "/console/notifications", .readNotifications),
        ("Webhooks", "/console/webhooks", .changeWebhooks),
    ]

    fileprivate init(_ title: String, _ call: Call, _ principal: Principal, _ facts: PageFacts) {
        let path = call.request.uri.path
        let freshness = Freshness(facts.positions, at: facts.now)
        let notice = Notice.sentence(call.query["notice"])
        self.init(
            title: title,
            navigation: PageFrame.sections.filter { section in
                // Whoever sees all affiliates comes to a statement from its affiliate.
                principal.permissions.contains(section.permission)
                    && (section.address != StatementRoutes.list || principal.session?.affiliateID != nil)
            }.map { section in
                let isNotifications = section.permission == .readNotifications
                return Item(
                    label: section.label, address: section.address,
                    isCurrent: section.address == "/console"
                        ? path == section.address : path.hasPrefix(section.address),
                    badge: isNotifications && facts.unread > 0 ? Figures.count(facts.unread) : nil)
            }, userName: principal.session?.name ?? principal.actor,
            userRole: principal.session?.role.rawValue ?? "", csrfToken: principal.session?.csrfToken ?? "",
            freshness: freshness.sentence,
            version: principal.permissions.contains(.readDashboard) ? facts.version : nil,
            isHeld: freshness.heldPartitions > 0,
            notice: notice?.text,
            noticeIsError: notice?.isError ?? false)
    }
}
