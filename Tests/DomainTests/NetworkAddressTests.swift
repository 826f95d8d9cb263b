import Domain
import Testing

@Suite("Addresses that webhooks may go to") struct NetworkAddressTests {
    private static func six(_ groups: UInt16...) -> [UInt8] {
        (groups + Array(repeating: 0, count: 8 - groups.count)).flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    }

    static let addresses: [(bytes: [UInt8], isPublic: Bool)] = [
        ([93, 184, 216, 34], true), ([1, 1, 1, 1], true), ([9, 255, 255, 255], true), ([11, 0, 0, 0], true),
        ([100, 63, 255, 255], true), ([100, 128, 0, 0], true), ([172, 15, 255, 255], true), ([172, 32, 0, 0], true),
        ([192, 167, 255, 255], true), ([223, 255, 255, 255], true), ([169, 253, 0, 1], true),
        ([0, 0, 0, 0], false), ([10, 0, 0, 1], false), ([100, 64, 0, 1], false), ([100, 127, 255, 255], false),
        ([127, 0, 0, 1], false), ([127, 255, 255, 254], false), ([169, 254, 169, 254], false),
        ([172, 16, 0, 1], false), ([172, 31, 255, 255], false), ([192, 168, 0, 1], false), ([192, 0, 2, 1], false),
        ([198, 18, 0, 1], false), ([198, 19, 255, 255], false), ([224, 0, 0, 1], false),
        ([255, 255, 255, 255], false),
        (six(0x2606, 0x2800, 0x220, 1), true), (six(0x2A00, 0x1450), true), (six(0x2001, 0x4860), true),
        (six(), false), (six(0, 0, 0, 0, 0, 0, 0, 1), false), (six(0xFE80), false), (six(0xFEC0), false),
        (six(0xFC00), false), (six(0xFD12, 0x3456), false), (six(0xFF02), false), (six(0x2001, 0xDB8), false),
        (six(0x2001), false), (six(0x2002, 0x7F00, 1), false), (six(0x3FFF), false),
        // This machine and a private network, wrapped.
        (six(0, 0, 0, 0, 0, 0xFFFF, 0x7F00, 1), false), (six(0, 0, 0, 0, 0, 0, 0x0A00, 1), false),
        (six(0x64, 0xFF9B, 0, 0, 0, 0, 0xA9FE, 0xA9FE), false),
    ]

    @Test("Only addresses that anybody on the internet may have are public", arguments: addresses)
    func isPublic(bytes: [UInt8], isPublic: Bool) throws {
        let address = try #require(NetworkAddress(bytes))
        #expect(address.isPublic == isPublic, "\(address.text)")
    }

    @Test("An address is written as it is read")
    func text() {
        #expect(NetworkAddress([93, 184, 216, 34])?.text == "93.184.216.34")
        #expect(NetworkAddress(Self.six(0x2606, 0x2800, 0x220, 1))?.text == "2606:2800:220:1:0:0:0:0")
        #expect(NetworkAddress([1, 2, 3]) == nil)
    }

    @Test("One address that is not public closes a host, and this machine is open only where that is said")
    func hosts() throws {
        let (outside, inside) = (
            try #require(NetworkAddress([93, 184, 216, 34])), try #require(NetworkAddress([10, 0, 0, 7]))
        )
        let own = try #require(NetworkAddress([127, 0, 0, 1]))
        #expect(WebhookHost([outside], allowsLoopback: false) == .reachable([outside]))
        #expect(WebhookHost([outside, inside], allowsLoopback: true) == .notPublic(inside))
        #expect(WebhookHost([own], allowsLoopback: false) == .notPublic(own))
        #expect(WebhookHost([own], allowsLoopback: true) == .reachable([own]))
        #expect(WebhookHost([], allowsLoopback: true) == .unknown)
    }

    @Test(
        "The host of an endpoint is what is asked for and connected to",
        arguments: [
            ("https://Hooks.example.com:8443/a?b=c", "Hooks.example.com"),
            ("https://[2001:db8::1]:443/x", "2001:db8::1"),
            ("http://127.0.0.1:8080/hook", "127.0.0.1"), ("https://%6cocalhost/", nil), ("https://a%2eb/", nil),
            ("https://[fe80::1%25eth0]/", nil), ("https://[]/", nil), ("https://a;b/", nil),
        ])
    func host(text: String, host: String?) {
        #expect(WebhookAddress.host(of: text) == host)
    }
}
