import Domain
import Events
import Hummingbird
import Postgres
import Storage

/// Where an affiliate wants its money: entered by a person who says the password again, and paid after a cooling time.
enum PayoutMethodRoutes {
    private static let accountCharactersMaximum = 100
    private static let passwordCharactersMaximum = 1_000
    private static let fields = ["kind", "account", "chain", "last4", "confirmed", "password"]
    private static let kinds = ["bank", "usdc", "manual"]

    static func all(_ services: Services) -> [Route] {
        [
            .api(.get, "/affiliates/{id}/payout-method", .readPayments) { try await show($0, services) },
            .api(.post, "/affiliates/{id}/payout-method", .changePayoutMethods) { try await enter($0, services) },
        ]
    }

    private static func show(_ call: Call, _ services: Services) async throws -> Answer {
        let affiliateID = try affiliateID(call)
        let method = try await services.pool.transaction { transaction throws(PostgresError) in
            try PayoutMethodStore.current(of: affiliateID, in: transaction)
        }
        guard let method else { throw Problem.notFound("payout method", affiliateID) }
        return .json(method)
    }

    private static func affiliateID(_ call: Call) throws(Problem) -> String {
        let affiliateID = call.parameter("id")
        // To an affiliate there is nobody else.
        if let own = try call.authenticated().session?.affiliateID, own != affiliateID {
            throw .notFound("affiliate", affiliateID)
        }
        return affiliateID
    }

    private static func enter(_ call: Call, _ services: Services) async throws -> Answer {
        let affiliateID = try affiliateID(call)
        let members = try BodyMembers(call.body, known: fields)
        let method = try method(members)
        // What the answer is kept under: everything that was said, but for the password.
        let (chain, last4) = (try members.text("chain", upTo: 8) ?? "", try members.text("last4", upTo: 4) ?? "")
        let content = [method.provider, method.account, chain, last4].joined(separator: "\n")
        let write = try IdempotentWrite(
            call, route: "POST /affiliates/\(affiliateID)/payout-method", isRequired: true, content: Array(content.utf8)
        )
        try await confirm(
            password: members.required("password", upTo: passwordCharactersMaximum), call, services)
        let now = services.now()
        return try await services.pool.transaction { transaction throws(PostgresError) in
            try write.answer(at: now, in: transaction) { transaction throws(PostgresError) in
                let isKnown = try PayoutMethodStore.enter(
                    method, of: affiliateID, by: write.actor, coolingSeconds: PayoutMethodStore.coolingSeconds, at: now,
                    in: transaction)
                guard isKnown, let record = try PayoutMethodStore.current(of: affiliateID, in: transaction) else {
                    return .problem(.notFound("affiliate", affiliateID))
                }
                try AuditLog.append(
                    AuditEntry(
                        at: now, actor: write.actor, action: "enter payout method", subject: affiliateID,
                        detail: String(decoding: JSONText.encode(record), as: UTF8.self)), in: transaction)
                return .json(record, status: .created)
            }
        }
    }

    private static func method(_ members: BodyMembers) throws -> PayoutMethod {
        let account = try members.required("account", upTo: accountCharactersMaximum)
        switch try members.choice("kind", of: kinds) {
        case "bank":
            let lastDigits = try members.required("last4", upTo: 4)
            do throws(PayoutMethod.InvalidBank) {
                return try PayoutMethod.checkedBank(account: account, lastDigits: lastDigits)
            } catch {
                throw Problem(
                    .unprocessableContent, error.rawValue, error.sentence,
                    value: error == .account ? account : lastDigits)
            }
        case "usdc": return .usdc(try address(account, members))
        case "manual": return .byHand(payee: account)
        default: throw Problem(.badRequest, "kind_required", "The body needs the field kind.")
        }
    }

    private static func address(_ text: String, _ members: BodyMembers) throws -> USDCAddress {
        guard let chain = try members.choice("chain", of: USDCChain.allCases.map(\.rawValue)),
            let chain = USDCChain(rawValue: chain)
        else {
            throw Problem(
                .badRequest, "chain_required", "Say on which chain the address is: it does not tell it.", value: text)
        }
        let address: USDCAddress
        do throws(InvalidAddress) {
            address = try USDCAddress(chain: chain, text: text)
        } catch { throw Problem(.unprocessableContent, error.rawValue, error.sentence, value: text) }
        if let warning = address.warning, try members.flag("confirmed") != true {
            throw Problem(
                .unprocessableContent, warning.rawValue, warning.sentence + " Then send confirmed with it.",
                value: address.text)
        }
        return address
    }

    /// A session alone is not enough: it may have been left open, or taken.
    private static func confirm(password: String, _ call: Call, _ services: Services) async throws {
        guard let session = try call.authenticated().session else { throw Problem.forbidden(.changePayoutMethods) }
        switch try await services.sessions.confirm(session, password: password, address: call.clientAddress) {
        case .confirmed: return
        case .refused:
            throw Problem(.forbidden, "password_wrong", "The password is not yours; the payout method stays as it is.")
        case .throttled(let seconds):
            throw Problem(
                .tooManyRequests, "tries_too_many", "Too many tries with a wrong password. Try again later.",
                headers: [.retryAfter: String(seconds)])
        }
    }
}
