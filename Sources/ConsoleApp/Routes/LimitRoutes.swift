import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// What leaves without a person looking: the limits of each programme, and the settings of the fleet.
enum LimitRoutes {
    private static let page = "/console/limits"

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/settings", .readRules) { try await settings($0, services) },
            .api(.put, "/settings/{name}", .setPayoutLimits) { call in
                let setting = try setting(call)
                let write = try IdempotentWrite(call, route: "PUT /settings/\(setting.rawValue)", isRequired: true)
                return try await set(try change(of: setting, call.body), write, services)
            },
            .page(page, .readRules) { try await list($0, services) },
            .page(page + "/{id}", .readRules) { try await program($0, services) },
            .form(page + "/settings/{name}", .setPayoutLimits) { try await submitSetting($0, services) },
            .form(page + "/{id}", .setPayoutLimits) { try await submitProgram($0, services) },
        ]
    }

    // MARK: Settings

    private struct SettingRow: Encodable, Sendable {
        let name: String
        let topic: String?
        let value: Int64
        let standard: Int64
        let minimum: Int64
        let maximum: Int64
        let changedBy: String?
        let changedAt: String?

        init(_ row: SettingStore.Row) {
            name = row.setting.rawValue
            topic = row.topic
            value = row.value
            standard = row.standard
            minimum = row.setting.range.lowerBound
            maximum = row.setting.range.upperBound
            changedBy = row.changedBy
            changedAt = row.changedAt?.rfc3339
        }
    }

    private static func settings(_ call: Call, _ services: Services) async throws -> Answer {
        try await services.pool.transaction { transaction throws(PostgresError) in
            .json(["data": try SettingStore.all(in: transaction).map(SettingRow.init)])
        }
    }

    private static func setting(_ call: Call) throws(Problem) -> FleetSetting {
        guard let setting = FleetSetting(rawValue: call.parameter("name")) else {
            throw .notFound("setting", call.parameter("name"))
        }
        return setting
    }

    /// What a body wants a setting to be.
    private struct SettingChange: Sendable {
        let setting: FleetSetting
        let topic: String?
        /// nil: what holds for all topics.
        let value: Int64?

        /// As the audit log names it.
        var subject: String { topic.map { "\(setting.rawValue)/\($0)" } ?? setting.rawValue }

        func before(in transaction: borrowing Transaction) throws(PostgresError) -> Int64? {
            guard let topic else { return try SettingStore.value(of: setting, in: transaction) }
            return try SettingStore.value(of: setting, topic: topic, in: transaction)
        }

        func apply(by actor: String, at now: Timestamp, in transaction: borrowing Transaction) throws(PostgresError) {
            if let topic {
                try SettingStore.set(setting, of: topic, to: value, by: actor, at: now, in: transaction)
            } else if let value {
                try SettingStore.set(setting, to: value, by: actor, at: now, in: transaction)
            }
        }
    }

    private static func change(of setting: FleetSetting, _ body: [UInt8]) throws(Problem) -> SettingChange {
        let members = try BodyMembers(body, known: setting.isPerTopic ? ["value", "topic"] : ["value"])
        let topic = setting.isPerTopic ? try members.choice("topic", of: TopicName.all) : nil
        let value = try members.optionalInteger("value", in: setting.range)
        // Only a topic can go without a value of its own, and says so.
        guard let value, topic != nil || value != nil else {
            throw Problem(.badRequest, "value_required", "The body needs the field value.")
        }
        return SettingChange(setting: setting, topic: topic, value: value)
    }

    private static func set(
        _ change: SettingChange, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let before = try change.before(in: transaction)
                if before != change.value {
                    try change.apply(by: write.actor, at: now, in: transaction)
                    try AuditLog.append(
                        AuditEntry(
                            at: now, actor: write.actor, action: "change setting", subject: change.subject,
                            detail: ChangeDetail.text(from: ["value": before], to: ["value": change.value])),
                        in: transaction)
                }
                return .json(["data": try SettingStore.all(in: transaction).map(SettingRow.init)])
            }
        }
    }

    // MARK: Pages

    private static func list(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        let principal = try call.authenticated()
        return try await services.page("limits", "Limits", for: call) { transaction, _ throws(PostgresError) in
            let rows = try ProgramStore.list(after: cursor?.fields[0], limit: limit + 1, in: transaction)
            let listing = Listing(rows, limit: limit) { Cursor($0.programId) }
            return LimitsPage(
                settings: try SettingStore.all(in: transaction).map(LimitsPage.Setting.init),
                programs: listing.data.map(LimitsPage.Program.init),
                next: listing.nextCursor.map { page + PercentEncoding.query(["cursor": $0]) }, one: nil,
                reader: principal)
        }
    }

    private static func program(_ call: Call, _ services: Services) async throws -> Answer {
        let programID = call.parameter("id")
        let terms = try await services.pool.transaction { transaction throws(PostgresError) in
            try ProgramStore.program(programID, in: transaction)
        }
        guard let terms else { throw Problem.notFound("programme", programID) }
        let principal = try call.authenticated()
        return try await services.page("limits", "Limits of \(programID)", for: call) {
            transaction, _ throws(PostgresError) in
            LimitsPage(
                settings: [], programs: [], next: nil,
                one: LimitsPage.One(
                    terms, entityTag: Answer.json(terms).entityTag,
                    history: try LimitChangeRow.list(of: programID, in: transaction)), reader: principal)
        }
    }

    private static func submitSetting(_ call: Call, _ services: Services) async throws -> Answer {
        let setting = try setting(call)
        let (text, topic) = (call.form["value"], call.form["topic"])
        let value = text.flatMap { Int64($0) }
        let isGood = value.map(setting.range.contains) ?? (topic != nil && text == nil)
        guard isGood, topic.map({ setting.isPerTopic && TopicName.all.contains($0) }) ?? true else {
            return .redirect(to: page + "?notice=number-invalid")
        }
        let write = try IdempotentWrite(form: call, route: "PUT /settings/\(setting.rawValue)")
        let change = SettingChange(setting: setting, topic: topic, value: value)
        let answer = try await set(change, write, services)
        return .redirect(after: answer, done: "limits-set", to: page)
    }

    /// An amount that is left empty is none where there may be none.
    private static func submitProgram(_ call: Call, _ services: Services) async throws -> Answer {
        let programID = call.parameter("id")
        let address = page + "/" + PercentEncoding.encode(programID)
        guard let currency = call.form["currency"].flatMap({ Currency(code: $0) }),
            let body = LimitsPage.body(of: call.form, in: currency)
        else { return .redirect(to: address + "?notice=number-invalid") }
        let write = try IdempotentWrite(form: call, route: "PATCH /programs/" + programID)
        let answer = try await ProgramRoutes.change(
            programID, to: body, by: try call.authenticated(), if: Precondition(tag: call.form["etag"]), write,
            services)
        return .redirect(after: answer, done: "limits-set", to: address)
    }
}
