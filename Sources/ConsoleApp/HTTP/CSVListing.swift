import Domain
import Events
import Hummingbird

/// A list's answer as a file, for whoever asks for one.
struct CSVListing<Row: Encodable & Sendable> {
    /// Rows of one file; the header Link leads to the rest.
    static var rowsMaximum: Int { 10_000 }

    /// Where the list is, as "/payouts".
    let path: String
    /// What the list can be narrowed and ordered by.
    let filters: [String]
    let columns: [String]
    let cells: @Sendable (Row) -> [String]

    /// Whether a file is asked for, and how many rows of it.
    static func wanted(_ call: Call) throws(Problem) -> (isCSV: Bool, limit: Int) {
        let format = try call.query.choice("format", of: ["json", "csv"])
        let isCSV = format == "csv" || format == nil && call.request.headers[.accept]?.hasPrefix("text/csv") == true
        let standard = isCSV ? rowsMaximum : Form.limitDefault
        return (isCSV, try call.query.limit(unlessGiven: standard, maximum: max(standard, Form.limitMaximum)))
    }

    func answer(_ listing: Listing<Row>, _ query: Form) -> Answer {
        let rows = listing.data.map { CSVText.row(cells($0)) }
        let name = path.dropFirst().replacing("/", with: "-")
        var answer = Answer(
            status: .ok, contentType: "text/csv; charset=utf-8",
            body: Array((CSVText.row(columns) + rows.joined()).utf8))
        answer.headers[.contentDisposition] = "attachment; filename=\"\(name).csv\""
        if let next = listing.nextCursor {
            let address =
                path
                + PercentEncoding.query(
                    filters.map { ($0, query[$0]) }
                        + [("format", "csv"), ("limit", query["limit"]), ("cursor", next)])
            answer.headers[.link] = "<\(address)>; rel=\"next\""
        }
        return answer
    }
}
