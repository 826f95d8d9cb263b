import Domain
import Events
import Foundation

/// What admins decided, as `--decisions` describes it: a header, then affiliate, day and decision a line.
struct DecisionFile {
    /// Names of the columns that are read, the usual one first; without a header they stand in this order.
    private static let columns = [
        ["affiliate_id", "affiliate"], ["day", "date"], ["confirmed", "decision", "is_confirmed", "outcome"],
    ]
    private static let confirmed: Set<String> = ["1", "true", "yes", "confirm", "confirmed", "fraud"]
    private static let dismissed: Set<String> = ["0", "false", "no", "dismiss", "dismissed", "honest"]

    private static let around = CharacterSet.whitespacesAndNewlines.union(CharacterSet(charactersIn: "\""))

    private(set) var decisions: [Int32: [FraudDecision]] = [:]
    /// Lines that are none.
    private(set) var unread = 0

    init(path: String) throws {
        var file = try LineReader(path: path)
        var places: [Int]?
        while let line = try file.next() {
            let cells = String(decoding: line, as: UTF8.self).split(separator: ",", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: DecisionFile.around) }
            guard let known = places else {
                places = DecisionFile.places(of: cells)
                if places == nil {
                    places = [0, 1, 2]
                    take(cells, [0, 1, 2])
                }
                continue
            }
            take(cells, known)
        }
    }

    /// - Returns: nil for a line that is no header.
    private static func places(of cells: [String]) -> [Int]? {
        let header = cells.map { $0.lowercased() }
        let places = columns.compactMap { names in header.firstIndex(where: names.contains) }
        return places.count == columns.count ? places : nil
    }

    private mutating func take(_ cells: [String], _ places: [Int]) {
        guard let last = places.max(), last < cells.count,
            let day = Timestamp(rfc3339: cells[places[1]].prefix(10) + "T00:00:00Z")?.day
        else { return unread += 1 }
        let word = cells[places[2]].lowercased()
        let isConfirmed = DecisionFile.confirmed.contains(word)
        guard isConfirmed || DecisionFile.dismissed.contains(word) else { return unread += 1 }
        decisions[day, default: []].append(
            FraudDecision(affiliate: FraudHash.of(cells[places[0]]), isConfirmed: isConfirmed))
    }
}
