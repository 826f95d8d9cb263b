/// Why the files of `topics/` cannot be used.
public enum TopicsError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The directory cannot be listed, or holds no topic.
    case noTopics(directory: String)
    /// A file cannot be read as UTF-8 text.
    case unreadable(file: String)
    /// A file is not what its schema asks for; the line counts from 1 and is nil when the fault has no place.
    case malformed(file: String, line: Int?, reason: String)
    /// Two files declare one name.
    case declaredTwice(name: String)

    /// One sentence for the operator.
    public var description: String {
        switch self {
        case .noTopics(let directory): "no topic is declared in \(directory)"
        case .unreadable(let file): "\(file) cannot be read"
        case .malformed(let file, let line?, let reason): "\(file):\(line): \(reason)"
        case .malformed(let file, nil, let reason): "\(file): \(reason)"
        case .declaredTwice(let name): "\(name) is declared twice"
        }
    }
}
