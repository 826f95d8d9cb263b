import Domain

/// The table of reason codes as its template shows it, made from the codes themselves.
struct ReasonCodesPage: Sendable {
    struct Code: Sendable {
        let code: String
        let sentence: String
    }

    struct Family: Sendable {
        let title: String
        let codes: [Code]
    }

    let families: [Family]

    /// By the hundreds of their numbers.
    init() {
        let titles = [
            "1xx Form", "2xx Attribution", "3xx Programme", "4xx Fraud", "5xx Test", "6xx Money",
        ]
        families = titles.enumerated().map { index, title in
            let codes = ReasonCode.allCases.filter { Int($0.rawValue) / 100 == index + 1 }
            return Family(
                title: title, codes: codes.map { Code(code: String($0.rawValue), sentence: $0.sentence) })
        }
    }
}
