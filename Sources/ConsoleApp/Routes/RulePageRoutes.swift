import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// The page of rules with the simulator. A simulation changes nothing, so its form is a question in the address: it can
/// be sent to a colleague.
enum RulePageRoutes {
    private static let page = "/console/rules"

    static func all(_ services: Services) -> [Route] {
        [.page(page, .readRules) { try await rules($0, services) }]
    }

    private static func rules(_ call: Call, _ services: Services) async throws -> Answer {
        guard let programID = call.query["program_id"] else { return try await programs(call, services) }
        let now = services.now()
        let query = call.query
        let title = "Rules of \(programID.prefix(ProgramRoutes.idCharactersMaximum))"
        let known = try await services.pool.transaction { transaction throws(PostgresError) in
            try ProgramStore.program(programID, in: transaction)
        }
        guard let known else { throw Problem.notFound("programme", programID) }
        return try await services.page("rules", title, for: call) { transaction, facts throws(PostgresError) in
            let terms = try ProgramStore.program(programID, in: transaction) ?? known
            let rules = try RuleStore.ruleSets(of: [programID], in: transaction)[programID]
            let simulator = try SimulatorForm(query, terms, at: now).simulator(in: transaction)
            let versions = (rules?.firstTier ?? [], rules?.secondTier ?? [])
            let currency = rules?.programCurrency
            func views(_ tier: [RuleVersion]) -> [RuleView] {
                tier.enumerated().compactMap { place, rule in
                    currency.map { RuleView(rule, place: place + 1, $0, among: tier, at: now) }
                }
            }
            return RulesPage(
                programs: [], next: nil,
                program: RulesPage.Program(
                    row: RulesPage.Row(terms), firstTier: views(versions.0), secondTier: views(versions.1),
                    hasSecondTier: !versions.1.isEmpty,
                    simulator: simulator))
        }
    }

    private static func programs(_ call: Call, _ services: Services) async throws -> Answer {
        let (limit, cursor) = (try call.query.limit(), try call.query.cursor(count: 1))
        return try await services.page("rules", "Rules", for: call) { transaction, facts throws(PostgresError) in
            let rows = try ProgramStore.list(after: cursor?.fields[0], limit: limit + 1, in: transaction)
            let listing = Listing(rows, limit: limit) { Cursor($0.programId) }
            return RulesPage(
                programs: listing.data.map(RulesPage.Row.init),
                next: listing.nextCursor.map { page + PercentEncoding.query(["cursor": $0]) }, program: nil)
        }
    }
}

/// The simulator's fields: a hypothetical order, or a conversion that was recorded.
struct SimulatorForm: Sendable {
    private let query: Form
    private let program: ProgramTerms
    private let now: Timestamp

    private var today: String { Timestamp.dayText(now.day) }

    /// Now for an order of today, so that a rule that was just changed counts; noon for another day.
    private var moment: String {
        guard let date = query["date"], date != today else { return now.rfc3339 }
        return date + "T12:00:00Z"
    }

    init(_ query: Form, _ program: ProgramTerms, at now: Timestamp) {
        self.query = query
        self.program = program
        self.now = now
    }

    /// The form as it was sent, with its answer; without an amount or a conversion nothing was asked.
    func simulator(in transaction: borrowing Transaction) throws(PostgresError) -> RulesPage.Simulator {
        guard query["conversion_id"] != nil || query["amount"] != nil || query["affiliate_id"] != nil else {
            return simulator(nil, nil)
        }
        let question: RuleRoutes.Question
        do throws(Problem) {
            question = try self.question()
        } catch {
            return simulator(nil, error)
        }
        switch try RuleRoutes.answer(question, in: transaction) {
        case .success(let simulation) where simulation.programId != program.programId:
            return simulator(
                nil, .invalid("conversion_id", "The conversion is another programme's.", value: simulation.programId))
        case .success(let simulation): return simulator(simulation, nil)
        case .failure(let problem): return simulator(nil, problem)
        }
    }

    private func question() throws(Problem) -> RuleRoutes.Question {
        if let conversionID = query["conversion_id"] { return .conversion(conversionID) }
        let code = (query["currency"] ?? program.currency).uppercased()
        guard let currency = Currency(code: code) else {
            throw .invalid("currency", "The currency is an ISO 4217 code in use.", value: code)
        }
        guard let text = query["amount"], let amountMinor = currency.minorUnits(decimal: text) else {
            throw .invalid(
                "amount", "The amount is a number with at most \(currency.exponent) digits behind the point.",
                value: query["amount"])
        }
        guard let affiliateID = query["affiliate_id"] else {
            throw .invalid("affiliate_id", "Say which affiliate brings the order.", value: nil)
        }
        return .event(try RuleRoutes.event(in: event(affiliateID, amountMinor, currency)))
    }

    /// The order as a tracking service would report it, so that it is read and refused as one.
    private func event(_ affiliateID: String, _ amountMinor: Int64, _ currency: Currency) -> [UInt8] {
        let quantity = query["quantity"]
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("event_id", "simulation")
            writer.member("type", TrackingEvent.Kind.conversion.name)
            writer.member("occurred_at", moment)
            writer.member("program_id", program.programId)
            writer.member("affiliate_id", affiliateID)
            writer.member("order_id", "simulation")
            writer.member("amount_minor", amountMinor)
            writer.member("currency", currency.code)
            // What is no number is refused by its reader, in its words.
            if let quantity {
                writer.name("quantity")
                if let number = Int64(quantity) { writer.integer(number) } else { writer.string(quantity) }
            }
            writer.member("country", query["country"]?.uppercased())
            writer.member("coupon", query["coupon"])
            writer.member("sub_id", query["sub_id"])
            writer.member("customer_id", query["customer_id"])
            if let word = query["new_customer"] { writer.member("is_new_customer", word == "yes") }
            guard query["sku"] != nil || query["category"] != nil else { return }
            writer.name("items")
            writer.array([quantity.flatMap { Int64($0) } ?? 1]) { writer, pieces in
                writer.object { writer in
                    writer.member("sku", query["sku"])
                    writer.member("category", query["category"])
                    writer.member("quantity", pieces)
                    writer.member("amount_minor", amountMinor)
                }
            }
        }
        return writer.bytes
    }

    private func simulator(_ simulation: RuleSimulation?, _ problem: Problem?) -> RulesPage.Simulator {
        let words = [("", "Not said"), ("yes", "New"), ("no", "Ordered before")]
        return RulesPage.Simulator(
            affiliate: query["affiliate_id"] ?? "", amount: query["amount"] ?? "",
            currency: query["currency"] ?? program.currency, date: query["date"] ?? today,
            quantity: query["quantity"] ?? "1", country: query["country"] ?? "", coupon: query["coupon"] ?? "",
            subID: query["sub_id"] ?? "", customer: query["customer_id"] ?? "", sku: query["sku"] ?? "",
            category: query["category"] ?? "",
            newCustomer: words.map { word in
                ConversionsPage.Choice(
                    value: word.0, label: word.1, isSelected: (query["new_customer"] ?? "") == word.0)
            }, conversion: query["conversion_id"] ?? "",
            error: problem.map { RulesPage.Refusal(sentence: $0.sentence, value: $0.value) },
            result: simulation.map { RulesPage.Result($0, Currency(code: program.currency)) })
    }
}

extension Currency {
    /// - Parameter decimal: as people write an amount: digits, then perhaps a point and at most `exponent` digits.
    /// - Returns: nil for anything else, and beyond what an event may have.
    func minorUnits(decimal: String) -> Int64? {
        let parts = decimal.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : ""
        guard let whole = parts.first, !whole.isEmpty, fraction.utf8.count <= exponent,
            (whole + fraction).utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        let zeros = String(repeating: "0", count: exponent - fraction.utf8.count)
        guard let minorUnits = Int64(whole + fraction + zeros), minorUnits <= TrackingEvent.amountMinorMaximum else {
            return nil
        }
        return minorUnits
    }
}
