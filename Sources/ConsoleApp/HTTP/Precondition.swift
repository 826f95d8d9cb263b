import Domain
import Events
import Hummingbird

/// The header `If-Match` of a change: it is made only to what its author has seen.
struct Precondition: Sendable {
    private let tags: Set<String>

    init(_ call: Call) throws(Problem) {
        guard let header = call.request.headers[.ifMatch] else {
            throw Problem(
                .preconditionRequired, "if_match_required",
                "A change needs the header If-Match with the ETag of what you saw, or * for whatever is there.")
        }
        tags = Set(header.split(separator: ",").map { $0.trimming(while: { $0 == " " }) })
    }

    /// - Parameter tag: that a form carried.
    init(tag: String?) { tags = Set([tag].compactMap(\.self)) }

    /// - Returns: the refusal, unless `document` is what the author saw.
    func refusal(of document: some Encodable) -> Problem? {
        let tag = Answer.json(document).entityTag
        guard !tags.contains("*"), !tags.contains(tag) else { return nil }
        return Problem(
            .preconditionFailed, "changed_meanwhile", "It was changed since you looked. Look again, then decide.",
            value: tag, headers: [.eTag: tag])
    }
}

extension Answer {
    /// Of the body: the same document has the same tag wherever it is answered.
    var entityTag: String { "\"\(Identifier(hashing: body))\"" }

    /// With the header that a later change names.
    var tagged: Answer {
        guard status.code < 300 else { return self }
        var answer = self
        answer.headers[.eTag] = entityTag
        return answer
    }
}

extension Substring {
    fileprivate func trimming(while isTrimmed: (Character) -> Bool) -> String {
        String(drop(while: isTrimmed).reversed().drop(while: isTrimmed).reversed())
    }
}

/// What a change changed, for the audit log.
enum ChangeDetail {
    /// The members that differ, each as it was and as it is: `{"hold_days": {"from": 7, "to": 14}}`.
    static func text(from before: some Encodable, to after: some Encodable) -> String {
        let (old, new) = (members(of: before), members(of: after))
        var writer = JSONWriter()
        writer.object { writer in
            for name in Set(old.keys).union(new.keys).sorted() where old[name] != new[name] {
                writer.name(text: name)
                writer.object { writer in
                    writer.name("from")
                    writer.tree(old[name] ?? .null)
                    writer.name("to")
                    writer.tree(new[name] ?? .null)
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func members(of document: some Encodable) -> [String: JSONTree] {
        guard case .object(let members) = JSONTree(JSONText.encode(document)[...]) else { return [:] }
        return members
    }
}
