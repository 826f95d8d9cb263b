import Domain

/// A request that creates something, as far as its key is concerned.
struct KeyedRequest: Sendable {
    /// The key, with the account that it is good for; nil: none was given.
    let key: String?
    /// What must be the same whenever the key is sent again.
    let content: String
}

/// How a provider words what every provider has.
struct FakeDialect: Sendable {
    let rateLimited: FakeReply
    let keyInUse: FakeReply
    let keyMismatch: FakeReply
    let internalError: FakeReply
    /// Seconds after which a key is forgotten; nil: never.
    let keyLifetimeSeconds: Int64?
    /// A failure is an answer like any other, and is repeated under its key.
    let remembersFailures: Bool
    /// A repeated answer says that it is one.
    let marksReplays: Bool
}

/// The replies that a provider keeps by key: the same request gets the same reply, whatever happened meanwhile.
struct IdempotentReplies: Sendable {
    private struct Stored: Sendable {
        let content: String
        let reply: FakeReply
        let storedAt: Int64
        /// Until then the first send is under way.
        let runningUntil: Timestamp?
    }

    private let dialect: FakeDialect
    private var stored: [String: Stored] = [:]

    init(_ dialect: FakeDialect) { self.dialect = dialect }

    /// What is answered before anything is executed; nil: it is executed.
    mutating func early(_ request: KeyedRequest, fault: ProviderFault?, at moment: FakeMoment) -> FakeReply? {
        switch fault {
        case .rateLimited: return dialect.rateLimited
        case .dropBefore: return dialect.internalError.cut(after: 0)
        case .errorBefore: return dialect.internalError
        case .conflict: return dialect.keyInUse
        default: break
        }
        guard let key = request.key, let known = stored[key] else { return nil }
        if let lifetime = dialect.keyLifetimeSeconds, moment.seconds - known.storedAt >= lifetime {
            stored[key] = nil
            return nil
        }
        if let end = known.runningUntil, moment.instant < end { return dialect.keyInUse }
        guard known.content == request.content else { return dialect.keyMismatch }
        var reply = known.reply
        reply.isReplayed = dialect.marksReplays
        return reply
    }

    /// What is answered in place of executing it; nil: it is executed.
    mutating func instead(_ request: KeyedRequest, fault: ProviderFault?, at moment: FakeMoment) -> FakeReply? {
        guard fault == .errorStored else { return nil }
        if dialect.remembersFailures { keep(dialect.internalError, of: request, at: moment, runningUntil: nil) }
        return dialect.internalError
    }

    /// Keeps the reply of an executed request.
    ///
    /// - Parameter isFinal: false for one that was refused before it was executed, which leaves its key free.
    /// - Returns: what the client gets of it.
    mutating func late(
        _ reply: FakeReply, isFinal: Bool, of request: KeyedRequest, fault: ProviderFault?, slowness: Duration,
        at moment: FakeMoment
    ) -> FakeReply {
        let answer = fault == .errorAfter ? dialect.internalError : reply
        let isKept = isFinal && (dialect.remembersFailures || reply.status < 400)
        if isKept {
            keep(
                dialect.remembersFailures ? answer : reply, of: request, at: moment,
                runningUntil: fault == .running ? moment.instant.adding(slowness) : nil)
        }
        switch fault {
        case .dropAfter: return answer.cut(after: 0)
        case .truncated: return answer.cut(after: answer.body.count / 2)
        case .slow, .running:
            var late = answer
            late.delay = slowness
            return late
        default: return answer
        }
    }

    private mutating func keep(
        _ reply: FakeReply, of request: KeyedRequest, at moment: FakeMoment,
        runningUntil: Timestamp?
    ) {
        guard let key = request.key else { return }
        stored[key] = Stored(
            content: request.content, reply: reply, storedAt: moment.seconds, runningUntil: runningUntil)
    }
}
