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
                let members = try BodyMembers(call.body, known: ["value"])
                guard let value = try members.integer("value", in: setting.range) else {
                    throw Problem(.badRequest, "value_required", "The body needs the field value.")
                }
                let write = try IdempotentWrite(call, route: "PUT /settings/\(setting.rawValue)", isRequired: true)
                return try await set(setting, to: value, write, services)
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
        let value: Int64
        let standard: Int64
        let minimum: Int64
        let maximum: Int64
        let changedBy: String?
        let changedAt: String?

        init(_ row: SettingStore.Row) {
            name = row.setting.rawValue
            value = row.value
            standard = row.setting.standard
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

    private static func set(
        _ setting: FleetSetting, to value: Int64, _ write: IdempotentWrite, _ services: Services
    ) async throws -> Answer {
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let before = try SettingStore.value(of: setting, in: transaction)
                if before != value {
                    try SettingStore.set(setting, to: value, by: write.actor, at: now, in: transaction)
                    try AuditLog.append(
                        AuditEntry(
                            at: now, actor: write.actor, action: "change setting", subject: setting.rawValue,
                            detail: ChangeDetail.text(from: ["value": before], to: ["value": value])),
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
        guard let value = call.form["value"].flatMap({ Int64($0) }), setting.range.contains(value) else {
            return .redirect(to: page + "?notice=number-invalid")
        }
        let write = try IdempotentWrite(form: call, route: "PUT /settings/\(setting.rawValue)")
        let answer = try await set(setting, to: value, write, services)
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
