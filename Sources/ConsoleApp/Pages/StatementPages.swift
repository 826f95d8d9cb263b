import Domain

/// The months of an affiliate.
struct StatementsPage: Sendable {
    struct Row: Sendable {
        let month: String
        let address: String
        let currency: String
        let opening: String
        let earned: String
        let takenBack: String
        let paid: String
        let other: String
        let closing: String
        let state: StateLabel

        fileprivate init(_ row: StatementRow, _ query: String) {
            func amount(_ minor: Int64) -> String { Figures.amount(minor, row.currency) }
            month = row.month
            address = "\(StatementRoutes.list)/\(row.month)\(query)"
            currency = row.currency
            opening = amount(row.openingMinor)
            earned = amount(row.accruedMinor)
            takenBack = amount(-row.reversedMinor)
            paid = amount(-row.paidMinor)
            other = amount(row.otherMinor)
            closing = amount(row.closingMinor)
            state = StateLabel(statementClosedAt: row.closedAt)
        }
    }

    /// Whose they are; nil: nobody is named yet.
    let affiliate: String?
    /// The reader may see those of others.
    let isChoosable: Bool
    let asked: String
    /// The affiliate's own page, for whoever may read it.
    let affiliateAddress: String?
    let rows: [Row]
    let csv: String?
    let next: String?

    init(_ head: AffiliateHead?, _ listing: Listing<StatementRow>?, reader: Principal) {
        let own = reader.session?.affiliateID
        let query = head.map { own == nil ? PercentEncoding.query(["affiliate_id": $0.id]) : "" } ?? ""
        affiliate = head?.name
        isChoosable = own == nil
        asked = head?.id ?? ""
        affiliateAddress = head?.address(for: reader)
        rows = listing?.data.map { Row($0, query) } ?? []
        csv = head.map { "/statements" + PercentEncoding.query(["affiliate_id": $0.id, "format": "csv"]) }
        next = listing?.nextCursor.map { cursor in
            StatementRoutes.list
                + PercentEncoding.query(["affiliate_id": own == nil ? head?.id : nil, "cursor": cursor])
        }
    }
}

/// A month of an affiliate, line by line.
struct StatementPage: Sendable {
    struct Line: Sendable {
        let what: String
        /// What else is known of it: programme, month, account.
        let below: String?
        let address: String?
        let when: String
        let amount: String

        fileprivate init(_ line: StatementLineRow, _ currency: String) {
            what = line.description
            let many = line.count == 1 ? "1 commission" : "\(Figures.count(line.count)) commissions"
            let parts = [
                line.programId, line.programId == nil ? nil : many, line.concerns.map { "of the books of \($0)" },
                line.provider.map(Line.words), line.last4.map { "account ending in \($0)" },
                line.reference.map { "reference \($0)" },
            ].compactMap(\.self)
            below = parts.isEmpty ? nil : parts.joined(separator: ", ")
            address = line.payoutId.map { "/console/payouts/" + $0 }
            when = line.at.map { String($0.prefix(10)) } ?? ""
            amount = Figures.amount(line.amountMinor, currency)
        }

        private static func words(_ provider: String) -> String {
            switch provider {
            case "stripe": "by Stripe"
            case "circle": "in USDC by Circle"
            default: "by hand"
            }
        }
    }

    struct Account: Sendable {
        let currency: String
        let opening: String
        let lines: [Line]
        let closing: String

        fileprivate init(_ account: StatementDocument.Account) {
            currency = account.currency
            opening = Figures.amount(account.openingMinor, account.currency)
            lines = account.lines.map { Line($0, account.currency) }
            closing = Figures.amount(account.closingMinor, account.currency)
        }
    }

    let month: String
    let from: String
    let to: String
    let affiliate: String
    let affiliateID: String
    let affiliateAddress: String?
    let state: StateLabel
    let isClosed: Bool
    /// When it was closed, or when it was read.
    let asOf: String
    /// The day of the closing balance: the last one, or the one on which it was read.
    let until: String
    let accounts: [Account]
    let list: String
    let csv: String
    /// The commissions behind it, one by one.
    let commissions: String

    init(_ document: StatementDocument, reader: Principal, at now: Timestamp) {
        let own = reader.session?.affiliateID
        let affiliateID = document.affiliateId
        month = document.month
        from = document.from
        to = document.to
        affiliate = document.affiliateName
        self.affiliateID = affiliateID
        affiliateAddress = AffiliateHead.address(of: affiliateID, for: reader)
        state = StateLabel(statementClosedAt: document.closedAt)
        isClosed = document.closedAt != nil
        asOf = Figures.moment(document.closedAt ?? now.rfc3339)
        until = document.closedAt == nil ? min(document.to, String(now.rfc3339.prefix(10))) : document.to
        accounts = document.data.map(Account.init)
        list = StatementRoutes.list + PercentEncoding.query(["affiliate_id": own == nil ? affiliateID : nil])
        csv = "/statements/\(month)" + PercentEncoding.query(["affiliate_id": affiliateID, "format": "csv"])
        commissions =
            "/commissions"
            + PercentEncoding.query([
                "affiliate_id": affiliateID, "from": document.from, "to": document.to, "format": "csv",
            ])
    }
}

extension StateLabel {
    fileprivate init(statementClosedAt closedAt: String?) {
        if closedAt == nil {
            self.init("Not closed", tone: .waiting)
        } else {
            self.init("Closed", tone: .good)
        }
    }
}

extension AffiliateHead {
    /// The affiliate's page, for whoever may read it.
    fileprivate func address(for reader: Principal) -> String? { AffiliateHead.address(of: id, for: reader) }

    static func address(of id: String, for reader: Principal) -> String? {
        reader.permissions.contains(.readAffiliates) ? "/console/affiliates/" + PercentEncoding.encode(id) : nil
    }
}
