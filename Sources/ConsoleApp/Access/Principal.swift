import Domain

/// Who makes a request: a person with a session, or a program with a key.
struct Principal: Sendable {
    /// The name under which writes are recorded: `user:EMAIL` or `key:NAME`.
    let actor: String
    let permissions: Set<Permission>
    /// nil for a program.
    let session: Session?

    init(session: Session) {
        actor = "user:" + session.email
        permissions = session.role.permissions
        self.session = session
    }

    /// - Parameter scopes: raw values of `Permission`; unknown ones grant nothing.
    init(keyName: String, scopes: [String]) {
        actor = "key:" + keyName
        permissions = Set(scopes.compactMap(Permission.init(rawValue:)).filter(\.isGrantedToKeys))
        session = nil
    }

    /// The affiliate whose rows this principal may see, given the one it asked for; nil means all.
    func affiliateScope(requested: String?) throws(Problem) -> String? {
        guard let own = session?.affiliateID else { return requested }
        guard requested == nil || requested == own else { throw .forbidden(.readPayments) }
        return own
    }
}

/// A console user who is logged in.
struct Session: Sendable {
    let userID: Int64
    let email: String
    let name: String
    let role: Role
    /// The affiliate that a user of role `affiliate` is.
    let affiliateID: String?
    let csrfToken: String
}
