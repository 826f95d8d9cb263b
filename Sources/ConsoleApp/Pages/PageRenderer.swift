import Hummingbird
import Mustache

/// Fills the templates. Values are escaped by the template engine; only `Markup` goes in as it is.
struct PageRenderer: Sendable {
    private let library: MustacheLibrary

    /// - Parameter templates: texts by name, as in `layout`.
    /// - Throws: the parser's error for a text that is no template.
    init(templates: [String: String]) throws {
        var library = MustacheLibrary()
        for (name, text) in templates { try library.register(text, named: name) }
        self.library = library
    }

    func page(_ template: String, frame: PageFrame, body: Any) -> Answer {
        let values: [String: Any] = ["frame": frame, "body": body]
        return .html(render(values, template))
    }

    func login(_ page: LoginPage, status: HTTPResponse.Status = .ok) -> Answer {
        .html(render(["body": page] as [String: Any], "login"), status: status)
    }

    func problem(_ problem: Problem) -> Answer {
        let page = ProblemPage(
            title: problem.status.reasonPhrase, sentence: problem.sentence, value: problem.value, code: problem.code)
        return .html(render(["body": page] as [String: Any], "problem"), status: problem.status)
    }

    private func render(_ values: [String: Any], _ template: String) -> String {
        guard let text = library.render(values, withTemplate: template) else {
            preconditionFailure("there is no template \(template)")
        }
        return text
    }
}

/// The login form.
struct LoginPage: Sendable {
    let next: String
    let email: String
    let error: String?
}

/// A refusal, for people.
struct ProblemPage: Sendable {
    let title: String
    let sentence: String
    let value: String?
    let code: String
}

/// What surrounds every page: navigation, the user, and up to when the figures know the world.
struct PageFrame: Sendable {
    struct Item: Sendable {
        let label: String
        let address: String
        let isCurrent: Bool
        /// A count beside the label; nil: none.
        let badge: String?
    }

    let title: String
    let navigation: [Item]
    let userName: String
    let userRole: String
    let csrfToken: String
    let freshness: String
    /// Of the figures on the page, see `LiveSnapshot`; nil for whoever may not follow them.
    let version: String?
    /// A partition is held: the figures stand still until somebody looks.
    let isHeld: Bool
    /// What the last form did, as a sentence.
    let notice: String?
    let noticeIsError: Bool
}
