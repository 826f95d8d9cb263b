import Domain
import Events

/// What admins decided, as `--decisions` describes it: `affiliate_id,day,confirmed` a line, confirmed 1 or 0.
struct DecisionFile {
    private(set) var decisions: [Int32: [FraudDecision]] = [:]
    /// Lines that are none, beside a header.
    private(set) var unread = 0

    init(path: String) throws {
        var file = try LineReader(path: path)
        var isFirst = true
        while let line = try file.next() {
            let cells = String(decoding: line, as: UTF8.self).split(separator: ",").map { $0.filter { $0 != "\r" } }
            if cells.count >= 3, let day = Timestamp(rfc3339: cells[1] + "T00:00:00Z")?.day,
                let isConfirmed = DecisionFile.flag(cells[2])
            {
                decisions[day, default: []].append(
                    FraudDecision(affiliate: FraudHash.of(cells[0]), isConfirmed: isConfirmed))
            } else if !isFirst {
                unread += 1
            }
            isFirst = false
        }
    }

    private static func flag(_ text: String) -> Bool? {
        switch text {
        case "1", "true", "confirmed": true
        case "0", "false", "dismissed": false
        default: nil
        }
    }
}
