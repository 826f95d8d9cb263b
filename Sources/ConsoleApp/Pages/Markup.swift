/// HTML or SVG under construction.
///
/// Text and attribute values are escaped; tags and attribute names are literals of ours.
struct Markup: Sendable {
    private(set) var text = ""

    mutating func open(_ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:]) {
        text += "<\(tag)"
        write(attributes)
        text += ">"
    }

    mutating func close(_ tag: StaticString) {
        text += "</\(tag)>"
    }

    mutating func empty(_ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:]) {
        text += "<\(tag)"
        write(attributes)
        text += "/>"
    }

    mutating func element(
        _ tag: StaticString, _ attributes: KeyValuePairs<StaticString, String> = [:], _ content: String
    ) {
        open(tag, attributes)
        text += Markup.escaped(content)
        close(tag)
    }

    private mutating func write(_ attributes: KeyValuePairs<StaticString, String>) {
        for (name, value) in attributes { text += " \(name)=\"\(Markup.escaped(value))\"" }
    }

    static func escaped(_ content: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(content.utf8.count)
        for scalar in content.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
