import Domain
import Testing

@Suite("Payout states")
struct PayoutStateTests {
    /// Written out by hand: the code's own table is not asked.
    static let allowed: [(PayoutState, [PayoutState])] = [
        (.awaitingApproval, [.reserved, .rejected, .canceled]),
        (.reserved, [.submitting, .manual, .canceled]),
        (.submitting, [.submitted, .declined, .unknown]),
        (.unknown, [.submitting, .submitted, .declined, .manual]),
        (.manual, [.submitting, .submitted, .declined]),
        (.declined, [.reserved, .failed]),
        (.submitted, [.inTransit, .paid, .failed, .canceled, .canceling]),
        (.canceling, [.canceled, .inTransit, .paid, .failed]),
        (.inTransit, [.paid, .failed, .canceled]),
        (.paid, [.final, .returned]),
        (.final, [.returned]),
        (.rejected, []), (.failed, []), (.returned, []), (.canceled, []),
    ]

    @Test("Every pair of states moves, or does not, as the table says")
    func everyPair() {
        #expect(PayoutStateTests.allowed.count == PayoutState.allCases.count)
        for (from, targets) in PayoutStateTests.allowed {
            for to in PayoutState.allCases {
                #expect(
                    PayoutState.canMove(from: from, to: to) == targets.contains(to),
                    "\(from.rawValue) to \(to.rawValue)")
            }
        }
    }

    @Test("No path leads from an unknown outcome back to a new approval without proof of decline")
    func unknownNeedsProof() {
        for state in [PayoutState.unknown, .manual, .submitted, .inTransit, .paid, .final] {
            #expect(!PayoutState.canMove(from: state, to: .reserved))
            #expect(!PayoutState.canMove(from: state, to: .rejected))
        }
        #expect(!PayoutState.canMove(from: .unknown, to: .failed))
        #expect(!PayoutState.canMove(from: .unknown, to: .canceled))
    }

    static let observations: [(ProviderStatus, PayoutState, StatusEffect)] = [
        (.pending, .submitted, .nothing), (.pending, .inTransit, .regression), (.pending, .paid, .regression),
        (.inTransit, .submitted, .move(to: .inTransit)), (.inTransit, .inTransit, .nothing),
        (.inTransit, .paid, .regression), (.inTransit, .failed, .mismatch),
        (.paid, .submitted, .move(to: .paid)), (.paid, .inTransit, .move(to: .paid)), (.paid, .paid, .nothing),
        (.paid, .final, .nothing), (.paid, .returned, .mismatch), (.paid, .failed, .mismatch),
        (.failed, .submitted, .move(to: .failed)), (.failed, .inTransit, .move(to: .failed)),
        (.failed, .paid, .move(to: .returned)), (.failed, .final, .move(to: .returned)),
        (.failed, .returned, .nothing), (.failed, .failed, .nothing),
        (.canceled, .submitted, .move(to: .canceled)), (.canceled, .paid, .mismatch),
        (.canceled, .canceled, .nothing), (.pending, .canceling, .nothing),
        (.canceled, .canceling, .move(to: .canceled)), (.inTransit, .canceling, .move(to: .inTransit)),
        (.paid, .canceling, .move(to: .paid)), (.failed, .canceling, .move(to: .failed)),
    ]

    @Test("An observed status moves the payout forward, changes nothing, or contradicts it", arguments: observations)
    func observation(status: ProviderStatus, state: PayoutState, effect: StatusEffect) {
        #expect(StatusEffect(observing: status, in: state) == effect)
    }
}

@Suite("Payout postings")
struct PayoutPostingsTests {
    static let usd = Currency(code: "USD").map { Money(minorUnits: 2_500, currency: $0) }

    /// The balances after each move, from creation on: payable, reserved, connected, in transit, provider, bank.
    static let paths: [([PayoutState], PayoutRail, [LedgerAccount: Int64])] = [
        ([.awaitingApproval, .rejected], .stripe, [:]),
        ([.reserved, .canceled], .stripe, [:]),
        ([.reserved, .submitting], .stripe, [.payable: -2_500, .reserved: 2_500]),
        ([.reserved, .submitting, .unknown, .manual], .stripe, [.payable: -2_500, .reserved: 2_500]),
        ([.reserved, .submitting, .declined, .failed], .stripe, [:]),
        ([.reserved, .submitting, .declined, .reserved], .stripe, [.payable: -2_500, .reserved: 2_500]),
        (
            [.reserved, .submitting, .submitted], .stripe,
            [.payable: -2_500, .reserved: 2_500, .stripeConnected: -2_500, .stripeInTransit: 2_500]
        ),
        (
            [.reserved, .submitting, .unknown, .submitted, .inTransit, .paid, .final], .stripe,
            [.payable: -2_500, .stripeConnected: -2_500]
        ),
        ([.reserved, .submitting, .submitted, .inTransit, .failed], .stripe, [:]),
        ([.reserved, .submitting, .submitted, .canceled], .stripe, [:]),
        ([.reserved, .submitting, .submitted, .canceling, .canceled], .stripe, [:]),
        ([.reserved, .submitting, .submitted, .paid, .returned], .stripe, [:]),
        ([.reserved, .submitting, .submitted, .paid, .final, .returned], .stripe, [:]),
        (
            [.reserved, .submitting, .submitted], .circle,
            [.payable: -2_500, .reserved: 2_500, .circle: -2_500, .circleInTransit: 2_500]
        ),
        (
            [.reserved, .submitting, .submitted, .inTransit, .paid, .final], .circle,
            [.payable: -2_500, .circle: -2_500]
        ),
        ([.reserved, .submitting, .submitted, .failed], .circle, [:]),
        ([.reserved, .submitting, .submitted, .paid, .returned], .circle, [:]),
        ([.reserved, .manual, .submitted, .paid], .byHand, [.payable: -2_500, .bank: -2_500]),
        ([.reserved, .manual, .submitted, .paid, .returned], .byHand, [:]),
        ([.reserved, .manual, .submitted, .failed], .byHand, [:]),
    ]

    @Test("A path leaves exactly the balances it should", arguments: paths)
    func path(states: [PayoutState], rail: PayoutRail, expected: [LedgerAccount: Int64]) throws {
        let money = PayoutMoney(affiliateID: "a1", amount: try #require(PayoutPostingsTests.usd), rail: rail)
        var postings = money.postingsForCreation()
        for (from, to) in zip(states, states.dropFirst()) { postings += money.postings(from: from, to: to) }
        var balances: [LedgerAccount: Int64] = [:]
        for posting in postings {
            #expect(posting.affiliateID == "a1")
            balances[posting.debit, default: 0] += PayoutPostingsTests.sign(posting.debit) * posting.amountMinor
            balances[posting.credit, default: 0] -= PayoutPostingsTests.sign(posting.credit) * posting.amountMinor
            #expect(balances[.reserved, default: 0] >= 0)
        }
        #expect(balances.filter { $0.value != 0 } == expected)
    }

    @Test("Reserved money and the states that hold it agree", arguments: paths)
    func reserve(states: [PayoutState], rail: PayoutRail, expected: [LedgerAccount: Int64]) throws {
        let last = try #require(states.last)
        #expect(last.holdsReserve == (expected[.reserved] != nil))
    }

    private static func sign(_ account: LedgerAccount) -> Int64 { account.rawValue.hasPrefix("liab:") ? -1 : 1 }
}
