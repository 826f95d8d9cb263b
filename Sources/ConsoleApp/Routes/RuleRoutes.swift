import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// What programmes pay: their rules, exchange rates, and the words of every code.
enum RuleRoutes {
    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/rules", .readRules) { try await list($0, services) },
            .api(.post, "/rules/plan", .readRules) { try await plan($0, services) },
            .api(.post, "/rules", .changeRules) { try await apply($0, services) },
            .api(.post, "/rules/simulate", .readRules) { try await simulate($0, services) },
            .api(.get, "/fx-quotes", .readRules) { try await quotes($0, services) },
            .api(.post, "/fx-quotes", .quoteRates) { try await quote($0, services) },
            .api(.get, "/reason-codes", .readRules) { _ in .json(Codes(data: ReasonCode.allCases.map(Code.init))) },
        ]
    }

    // MARK: Rules

    private struct RuleRow: Encodable, Sendable {
        let id: String
        let version: Int32
        let priority: Int32
        let validFrom: String
        let validUntil: String?
        /// The rule's conditions, action, currency and caps, as text.
        let definition: String

        init(_ version: RuleVersion) {
            id = version.ruleID
            self.version = version.version
            priority = version.priority
            validFrom = version.validFrom.rfc3339
            validUntil = version.validUntil?.rfc3339
            definition = version.terms.json
        }
    }

    private struct RulesDocument: Encodable {
        let programId: String
        let rulesVersion: Int32
        /// In the order in which they are asked; the second tier behind the first.
        let data: [RuleRow]
    }

    private struct ChangeRow: Encodable, Sendable {
        let change: String
        let rule: RuleRow

        init(_ change: RulePlan.Change) {
            switch change {
            case .add(let version): (self.change, rule) = ("add", RuleRow(version))
            case .change(let version, _): (self.change, rule) = ("change", RuleRow(version))
            case .end(let version): (self.change, rule) = ("end", RuleRow(version))
            case .keep(let version): (self.change, rule) = ("keep", RuleRow(version))
            }
        }
    }

    private struct PlanDocument: Encodable {
        let programId: String
        /// The programme's count of rule changes that the plan starts from, or has reached if it was applied.
        let rulesVersion: Int32
        let changes: [ChangeRow]
    }

    /// A programme's rules, and its count of rule changes.
    private struct Known: Sendable {
        let rules: RuleSet
        let rulesVersion: Int32

        /// - Returns: nil if there is no such programme.
        static func load(_ programID: String, in transaction: borrowing Transaction) throws(PostgresError) -> Known? {
            guard let program = try TrackingLoad.programs([programID], in: transaction)[programID],
                let rules = try RuleStore.ruleSets(of: [programID], in: transaction)[programID]
            else { return nil }
            return Known(rules: rules, rulesVersion: program.rulesVersion)
        }
    }

    private static func known(_ programID: String, _ services: Services) async throws -> Known {
        let known = try await services.pool.transaction { transaction throws(PostgresError) in
            try Known.load(programID, in: transaction)
        }
        guard let known else { throw Problem.notFound("programme", programID) }
        return known
    }

    private static func list(_ call: Call, _ services: Services) async throws -> Answer {
        guard let programID = call.query["program_id"] else {
            throw Problem(.badRequest, "program_id_required", "Say which: ?program_id=.")
        }
        let known = try await known(programID, services)
        let versions = known.rules.firstTier + known.rules.secondTier
        return .json(
            RulesDocument(programId: programID, rulesVersion: known.rulesVersion, data: versions.map(RuleRow.init)))
    }

    /// What a client wants the rules to be.
    private struct Wanted {
        let programID: String
        /// What the client saw; nil: whatever is known now.
        let rulesVersion: Int32?
        let rules: [WantedRule]

        init(_ body: [UInt8]) throws(Problem) {
            guard let tree = JSONTree(body[...]), let programID = tree["program_id"]?.string else {
                throw Problem(.badRequest, "program_id_required", "The body needs program_id and rules.")
            }
            self.programID = programID
            rulesVersion = tree["rules_version"]?.integer.flatMap { Int32(exactly: $0) }
            do throws(RuleDefinitionError) {
                rules = try RuleDocument.wanted(tree["rules"] ?? .null)
            } catch {
                throw Problem(
                    .unprocessableContent, "rule_invalid", "A rule cannot be read: \(error).", value: error.field)
            }
        }

        func plan(_ known: Known, at now: Timestamp) throws(Problem) -> RulePlan {
            do throws(RulePlan.Refusal) {
                return try RulePlan(
                    current: known.rules, rulesVersion: known.rulesVersion, wanted: rules, at: now)
            } catch {
                throw Problem(.unprocessableContent, "rules_refused", "The rules cannot be: \(error.sentence).")
            }
        }
    }

    private static func plan(_ call: Call, _ services: Services) async throws -> Answer {
        let wanted = try Wanted(call.body)
        let known = try await known(wanted.programID, services)
        let plan = try wanted.plan(known, at: services.now())
        return .json(
            PlanDocument(
                programId: wanted.programID, rulesVersion: known.rulesVersion,
                changes: plan.changes.map(ChangeRow.init)))
    }

    private static func apply(_ call: Call, _ services: Services) async throws -> Answer {
        let write = try IdempotentWrite(call, route: "/rules", isRequired: true)
        let wanted = try Wanted(call.body)
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                guard let known = try Known.load(wanted.programID, in: transaction) else {
                    return .problem(.notFound("programme", wanted.programID))
                }
                guard wanted.rulesVersion ?? known.rulesVersion == known.rulesVersion else { return stale(known) }
                let plan: RulePlan
                do throws(Problem) {
                    plan = try wanted.plan(known, at: now)
                } catch {
                    return .problem(error)
                }
                let version = try RuleStore.apply(
                    plan, to: wanted.programID, by: write.actor, at: now, in: transaction)
                guard let version else { return stale(known) }
                return .json(
                    PlanDocument(
                        programId: wanted.programID, rulesVersion: version,
                        changes: plan.changes.map(ChangeRow.init)))
            }
        }
    }

    private static func stale(_ known: Known) -> Answer {
        .problem(
            Problem(
                .conflict, "rules_changed", "The rules changed since you looked. Plan again.",
                value: String(known.rulesVersion)))
    }

    // MARK: Simulation

    /// `{"conversion_id": …}` for one that was recorded, else an event as `/ingest-conversion` takes it.
    private static func simulate(_ call: Call, _ services: Services) async throws -> Answer {
        let conversionID = JSONTree(call.body[...])?["conversion_id"]?.string
        let question = try conversionID.map { Question.conversion($0) } ?? .event(try event(in: call.body))
        let result = try await services.pool.transaction { transaction throws(PostgresError) in
            try answer(question, in: transaction)
        }
        return .json(try result.get())
    }

    /// What a simulation is asked about.
    enum Question: Sendable {
        case event(TrackingEvent)
        /// The id of one that was recorded, as a client wrote it.
        case conversion(String)
    }

    static func answer(
        _ question: Question, in transaction: borrowing Transaction
    ) throws(PostgresError) -> Result<RuleSimulation, Problem> {
        switch question {
        case .conversion(let text):
            let result = try RuleSimulation.run(conversion: Identifier(text: text) ?? Identifier(0), in: transaction)
            return result.mapError { problem($0, conversionID: text, nil) }
        case .event(let event):
            return try RuleSimulation.run(event, in: transaction).mapError { problem($0, conversionID: "", event) }
        }
    }

    private static func problem(
        _ refusal: RuleSimulation.Refusal, conversionID: String, _ event: TrackingEvent?
    ) -> Problem {
        switch refusal {
        case .programUnknown: .notFound("programme", event?.programID ?? "")
        case .affiliateUnknown: .notFound("affiliate", event?.affiliateID ?? "")
        case .conversionUnknown: .notFound("conversion", conversionID)
        case .quoteMissing: refused(.quoteMissing, event?.currency?.code)
        case .amountOverflow: refused(.amountOverflow, event.map { String($0.amountMinor) })
        }
    }

    static func event(in body: [UInt8]) throws(Problem) -> TrackingEvent {
        switch TrackingEventReader.read(body[...]) {
        case .event(let event) where event.kind == .conversion: return event
        case .event(let event): throw Problem.invalid("type", "Only a conversion has a price.", value: event.kind.name)
        case .rejected(let rejection): throw refused(rejection.code, rejection.measured)
        case .unreadable(let code, let measured): throw refused(code, measured)
        case .futureSchema(let major): throw refused(.mistypedField, "schema major \(major)")
        }
    }

    private static func refused(_ code: ReasonCode, _ measured: String?) -> Problem {
        Problem(.unprocessableContent, "reason_\(code.rawValue)", code.sentence, value: measured)
    }

    // MARK: Rates

    private struct QuoteRow: Encodable, Sendable {
        let quoteId: Int64?
        let base: String
        let quote: String
        let rate: String
        let quotedAt: String
        let source: String
        let recordedBy: String
    }

    private struct Quotes: Encodable {
        let data: [QuoteRow]
    }

    private static func quotes(_ call: Call, _ services: Services) async throws -> Answer {
        let limit = try call.query.limit()
        let entries = try await services.pool.transaction { transaction throws(PostgresError) in
            try FXQuoteStore.latest(limit: limit, in: transaction)
        }
        return .json(
            Quotes(
                data: entries.map { entry in
                    QuoteRow(
                        quoteId: entry.quote.quoteID, base: entry.quote.base.code, quote: entry.quote.quote.code,
                        rate: entry.quote.decimal, quotedAt: entry.quote.quotedAt.rfc3339, source: entry.source,
                        recordedBy: entry.recordedBy)
                }))
    }

    private static func quote(_ call: Call, _ services: Services) async throws -> Answer {
        let write = try IdempotentWrite(call, route: "/fx-quotes", isRequired: true)
        let (quote, source) = try quote(in: call.body)
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let isNew = try FXQuoteStore.add(quote, source: source, by: write.actor, in: transaction)
                guard isNew else {
                    return .problem(
                        Problem(.conflict, "quote_known", "There is a quote of this pair and moment already."))
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "quote rate",
                        subject: "\(quote.base.code)/\(quote.quote.code)", detail: "{\"rate\": \"\(quote.decimal)\"}"),
                    in: transaction)
                return .json(
                    QuoteRow(
                        quoteId: nil, base: quote.base.code, quote: quote.quote.code, rate: quote.decimal,
                        quotedAt: quote.quotedAt.rfc3339, source: source, recordedBy: write.actor), status: .created)
            }
        }
    }

    private static func quote(in body: [UInt8]) throws(Problem) -> (FXQuote, source: String) {
        let tree = JSONTree(body[...])
        guard let base = tree?["base"]?.string.flatMap(Currency.init(code:)),
            let quote = tree?["quote"]?.string.flatMap(Currency.init(code:)), base != quote
        else { throw Problem.invalid("currency", "base and quote are two ISO 4217 codes in use.", value: nil) }
        let rate = tree?["rate"]?.string
        guard let (mantissa, scale) = rate.flatMap({ FXQuote.parse($0) }) else {
            throw Problem.invalid(
                "rate", "rate is a text: a decimal number above 0 with at most 12 digits behind the point.",
                value: rate)
        }
        let moment = tree?["quoted_at"]?.string
        guard let quotedAt = moment.flatMap({ Timestamp(rfc3339: $0) }) else {
            throw Problem.invalid("quoted_at", "quoted_at is an RFC 3339 date and time.", value: moment)
        }
        guard let source = tree?["source"]?.string, (1...100).contains(source.unicodeScalars.count) else {
            throw Problem.invalid("source", "source says in 1 to 100 characters who quotes.", value: nil)
        }
        return (
            FXQuote(quoteID: 0, base: base, quote: quote, mantissa: mantissa, scale: scale, quotedAt: quotedAt), source
        )
    }

    // MARK: Codes

    private struct Code: Encodable, Sendable {
        let code: Int32
        let sentence: String

        init(_ code: ReasonCode) {
            self.code = code.rawValue
            sentence = code.sentence
        }
    }

    private struct Codes: Encodable {
        let data: [Code]
    }
}
