import Hummingbird
import Logging
import Postgres

/// Turns whatever a route threw into an answer: a page for people, problem+json for programs.
struct Refusals: RouterMiddleware {
    typealias Context = ConsoleContext

    let pages: PageRenderer

    func handle(
        _ request: Request, context: ConsoleContext,
        next: (Request, ConsoleContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = Refusals.problem(for: error, of: request, logger: context.logger)
            guard Refusals.isForPeople(request) else { return problem.response }
            var answer = pages.problem(problem)
            answer.headers = problem.headers
            return answer.response
        }
    }

    private static func problem(for error: any Error, of request: Request, logger: Logger) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as HTTPError where error.status == .notFound:
            return .notFound("address", request.uri.path)
        case let error as HTTPError:
            return Problem(error.status, "refused", error.body ?? error.status.reasonPhrase)
        case let error as PostgresError:
            logger.error("request failed", metadata: ["error": "\(error)"])
            switch error.errorClass {
            case .retry, .infrastructure, .commitUnknown: return .unavailable
            case .deployment, .data, .bug: return .internalError
            }
        default:
            logger.error("request failed", metadata: ["error": "\(error)"])
            return .internalError
        }
    }

    private static func isForPeople(_ request: Request) -> Bool {
        let path = request.uri.path
        return path.hasPrefix("/console") || path == "/login" || path == "/logout" || path == "/"
            || (request.headers[.accept]?.contains("text/html") ?? false)
    }
}

extension Problem {
    static let internalError = Problem(
        .internalServerError, "internal_error", "The console failed at this. It was logged; nothing was changed.")
}
