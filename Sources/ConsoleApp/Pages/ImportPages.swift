import Storage

/// The list of imports, and the form for another.
struct ImportsPage: Sendable {
    struct Row: Sendable {
        let id: String
        let fileName: String
        let state: StateLabel
        let rows: String
        let new: String
        let duplicate: String
        let bad: String
        let createdBy: String
        let created: String

        init(_ row: ImportRow) {
            id = row.importId
            fileName = row.fileName
            state = StateLabel(importState: row.state)
            rows = Figures.count(Int64(row.rows))
            new = Figures.count(Int64(row.newRows))
            duplicate = Figures.count(Int64(row.duplicateRows))
            bad = Figures.count(Int64(row.badRows))
            createdBy = row.createdBy
            created = Figures.moment(row.createdAt)
        }
    }

    let rows: [Row]
    let next: String?
    /// Why the file that was handed in is refused.
    let error: String?
    /// What was said of the columns of a file that is refused.
    let mapping: String
    let isMapped: Bool
    let csrfToken: String
}

/// One import: what its check found, and how far it is.
struct ImportPage: Sendable {
    struct Reason: Sendable {
        let outcome: StateLabel
        let code: String
        let sentence: String
        let rows: String
    }

    struct Finding: Sendable {
        let line: String
        let column: String
        let code: String
        let sentence: String
        let value: String
    }

    struct Group: Sendable {
        let title: String
        /// The address of the file with all of them.
        let file: String
        let isCut: Bool
        let rows: [Finding]
    }

    let row: ImportsPage.Row
    let message: String
    let progress: String
    let progressBar: String
    let size: String
    let expires: String?
    let confirmed: String?
    let reasons: [Reason]
    let groups: [Group]
    let isOpen: Bool
    let isConfirmable: Bool
    let csrfToken: String

    init(_ document: ImportDocument, csrfToken: String) {
        let facts = document.import
        row = ImportsPage.Row(facts)
        message = document.message
        progress = "\(Figures.count(Int64(facts.publishedRows))) of \(Figures.count(Int64(facts.newRows)))"
        progressBar = ShareBar.single(
            Int64(facts.publishedRows), of: Int64(facts.newRows), label: "\(progress) rows are on their way",
            style: "fill-good")
        size = "\(Figures.count(facts.sizeBytes)) bytes, separated by \(facts.delimiter)s"
        expires = facts.expiresAt.map { Figures.moment($0) }
        confirmed = facts.confirmedBy.map { "\(Figures.moment(facts.confirmedAt)) by \($0)" }
        reasons = document.reasons.map { reason in
            Reason(
                outcome: StateLabel(importOutcome: reason.outcome), code: String(reason.code),
                sentence: reason.sentence, rows: Figures.count(reason.rows))
        }
        isOpen = facts.state == ImportState.checked.rawValue
        isConfirmable = isOpen && facts.newRows > 0
        self.csrfToken = csrfToken
        let address = "/imports/\(facts.importId)/errors.csv"
        groups = [
            Group("Bad rows", address, document.firstBad, of: facts.badRows),
            Group("Duplicates", address + "?outcome=duplicate", document.firstDuplicates, of: facts.duplicateRows),
        ].filter { !$0.rows.isEmpty }
    }
}

extension ImportPage.Group {
    fileprivate init(_ title: String, _ file: String, _ findings: [ImportDocument.Finding], of rows: Int32) {
        self.title = title
        self.file = file
        isCut = findings.count < rows
        self.rows = findings.map { finding in
            ImportPage.Finding(
                line: Figures.count(Int64(finding.line)), column: finding.column ?? "–",
                code: String(finding.code), sentence: finding.sentence, value: finding.value)
        }
    }
}

extension StateLabel {
    init(importState: String) {
        let tone: Tone =
            switch ImportState(rawValue: importState) {
            case .checked: .waiting
            case .publishing: .moving
            case .done: .good
            case .discarded, .expired, nil: .bad
            }
        self.init(StateLabel.words(importState), tone: tone)
    }

    fileprivate init(importOutcome: String) {
        self.init(StateLabel.words(importOutcome), tone: importOutcome == "bad" ? .bad : .waiting)
    }
}
