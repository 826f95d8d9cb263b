import Domain
import Foundation

/// Programmes as `--programs` describes them.
struct ProgramFile: Decodable, Sendable {
    let programID: String
    let currency: String
    let usdRate: String?
    let autoApproveLimitMinor: Int64?
    let attributionWindowDays: Int32?
    let mainMarkets: [String]?

    private enum CodingKeys: String, CodingKey {
        case currency
        case programID = "program_id"
        case usdRate = "usd_rate"
        case autoApproveLimitMinor = "auto_approve_limit_minor"
        case attributionWindowDays = "attribution_window_days"
        case mainMarkets = "main_markets"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        programID = try fields.decode(String.self, forKey: .programID)
        currency = try fields.decode(String.self, forKey: .currency)
        // A number or a text: a rate is kept as it was written.
        if let text = try? fields.decodeIfPresent(String.self, forKey: .usdRate) {
            usdRate = text
        } else {
            usdRate = try fields.decodeIfPresent(Decimal.self, forKey: .usdRate).map { "\($0)" }
        }
        autoApproveLimitMinor = try fields.decodeIfPresent(Int64.self, forKey: .autoApproveLimitMinor)
        attributionWindowDays = try fields.decodeIfPresent(Int32.self, forKey: .attributionWindowDays)
        mainMarkets = try fields.decodeIfPresent([String].self, forKey: .mainMarkets)
        guard Currency(code: currency) != nil else {
            throw DecodingError.dataCorruptedError(
                forKey: .currency, in: fields, debugDescription: "\(currency) is not an ISO 4217 code in use")
        }
    }

    static func read(_ path: String) throws -> [ProgramFile] {
        try UnusableFile.decode(ProgramFile.self, UnusableFile.read(path), of: path)
    }
}
