import Postgres

/// Something that must hold whatever died when, and the statements that prove it.
struct Invariant: Sendable {
    let name: String
    let checks: [InvariantCheck]
}

/// One claim about rows, counted by the database.
struct InvariantCheck: Sendable {
    /// What holds, as the end of a sentence that begins with a number.
    let claim: String
    /// Answers how many were examined, how many break the claim, and one of these as a text or null.
    let statement: Statement
}

/// What became of an invariant.
struct InvariantFinding: Sendable {
    let name: String
    let isOK: Bool
    /// With numbers; for a break, with an example.
    let sentence: String

    /// Joins the findings on the parts of one invariant.
    init(name: String, parts: [ClaimFinding]) {
        let breaks = parts.filter { $0.broken > 0 }
        self.name = name
        isOK = breaks.isEmpty
        sentence = (isOK ? parts : breaks).map(\.sentence).joined(separator: "; ")
    }

    var line: String { "\(name) \(isOK ? "ok" : "BROKEN")  \(sentence)" }
}

/// How many rows a claim was tried on, and how many it does not hold for.
struct ClaimFinding: Sendable {
    let claim: String
    let examined: Int64
    let broken: Int64
    let example: String?

    var sentence: String {
        guard broken > 0 else { return "\(examined) \(claim)" }
        return "\(broken) of \(examined) break “\(claim)”" + (example.map { ", such as \($0)" } ?? "")
    }
}

extension InvariantCheck {
    func find(in transaction: borrowing Transaction) throws(PostgresError) -> ClaimFinding {
        let claim = claim
        let findings = try transaction.query(statement) { row in
            ClaimFinding(
                claim: claim, examined: try row.int8(0), broken: try row.int8(1), example: try row.textOrNull(2))
        }
        return findings.first
            ?? ClaimFinding(claim: claim, examined: 0, broken: 1, example: "a check without an answer")
    }
}
