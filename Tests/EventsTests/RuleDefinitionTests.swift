import Domain
import Events
import Testing

@Suite("Definitions of rules")
struct RuleDefinitionTests {
    @Test(
        "What is read is written the same",
        arguments: [
            #"{"action":{"percent":1000}}"#, #"{"action":{"fixed":500},"currency":"EUR"}"#,
            #"{"action":{"per_item":1000000000}}"#, #"{"action":{"second_tier":0}}"#,
            #"{"action":{"recurring":{"percent":2000,"months":12}}}"#, #"{"action":{"recurring":{"percent":2000}}}"#,
            #"{"action":{"tiers":[{"from_minor":0,"percent":500},{"from_minor":1,"percent":800}]}}"#,
            #"{"conditions":{"affiliates":["a","b"],"groups":["g"],"countries":["DE"]},"action":{"percent":1}}"#,
            #"{"conditions":{"skus":["s"],"categories":["c"],"coupons":["k"],"sub_ids":["x"]},"action":{"fixed":1}}"#,
            #"{"conditions":{"new_customer":false,"minimum_order_minor":0},"action":{"percent":1}}"#,
            #"{"action":{"percent":1},"caps":[{"scope":"program","period":"month","limit_minor":5}]}"#,
        ])
    func roundTrip(json: String) throws {
        let tree = try #require(JSONTree(Array(json.utf8)[...]))
        #expect(try RuleDefinition.terms(tree).json == json)
    }

    @Test(
        "What is wrong is named",
        arguments: [
            (#"{}"#, "action"), (#"[]"#, "rule"), (#"{"action":{"percent":10001}}"#, "action.percent"),
            (#"{"action":{"percent":1.5}}"#, "action.percent"), (#"{"action":{}}"#, "action"),
            (#"{"action":{"percent":1,"fixed":1}}"#, "action"), (#"{"action":{"bonus":1}}"#, "action.bonus"),
            (#"{"action":{"fixed":1000000001}}"#, "action.fixed"), (#"{"action":{"tiers":[]}}"#, "action.tiers"),
            (#"{"action":{"tiers":[{"from_minor":1,"percent":1}]}}"#, "action.tiers[0].from_minor"),
            (
                #"{"action":{"tiers":[{"from_minor":0,"percent":1},{"from_minor":0,"percent":2}]}}"#,
                "action.tiers[1].from_minor"
            ),
            (#"{"action":{"recurring":{"percent":1,"months":0}}}"#, "action.recurring.months"),
            (#"{"action":{"percent":1},"conditions":{"skus":[]}}"#, "conditions.skus"),
            (#"{"action":{"percent":1},"conditions":{"skus":[1]}}"#, "conditions.skus"),
            (#"{"action":{"percent":1},"conditions":{"sku":["s"]}}"#, "conditions.sku"),
            (#"{"action":{"percent":1},"currency":"eur"}"#, "currency"),
            (#"{"action":{"percent":1},"caps":[{"scope":"all","period":"day","limit_minor":1}]}"#, "caps[0].scope"),
            (
                #"{"action":{"percent":1},"caps":[{"scope":"program","period":"year","limit_minor":1}]}"#,
                "caps[0].period"
            ),
        ])
    func refused(json: String, field: String) throws {
        let tree = try #require(JSONTree(Array(json.utf8)[...]))
        let error = #expect(throws: RuleDefinitionError.self) { try RuleDefinition.terms(tree) }
        #expect(error?.field == field)
    }
}
