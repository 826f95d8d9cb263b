import Events

/// What a form did, as a word in the address and a sentence on the page.
enum Notice {
    private static let sentences: [String: (text: String, isError: Bool)] = [
        "approved": ("The payout is approved and on its way to the payer.", false),
        "approved-first": ("Approved. Its amount needs a second person, who is asked now.", false),
        "decided-many": ("Done. What could not be decided about is still in the list.", false),
        "canceled": ("The payout is taken back, or its provider is asked to.", false),
        "checked": ("The provider is asked about it within seconds. That moves no money.", false),
        "proposed": ("Kept. Nothing moves before a second person agrees.", false),
        "confirmed": ("Confirmed by two people.", false),
        "affiliate-checked": ("Kept. The next planning goes by it.", false),
        "batch-made": ("The file is made. Pay what is in it, then say under which reference.", false),
        "limits-set": ("Kept. The next planning goes by it.", false),
        "limits-changed": ("Somebody changed it since you looked. Look again, then decide.", true),
        "number-invalid": ("That is no number within the bounds.", true),
        "frozen": ("Frozen. Nothing within it is planned or sent.", false),
        "lifted": ("The freeze is lifted.", false),
        "break-resolved": ("Kept. A break about money is closed when a second person agrees.", false),
        "beyond-recall": ("It cannot be taken back any more.", true),
        "too-early": ("It is searched for 48 hours before people may say that it moved no money.", true),
        "same-person": ("Who said it cannot be the one who agrees. Ask somebody else.", true),
        "already-proposed": ("Somebody's word waits for a second person.", true),
        "rejected": ("The payout is rejected; its money is payable again.", false),
        "planned": ("Payouts were planned. Those that need a person wait for approval.", false),
        "nothing-payable": ("Nothing is payable at the moment.", false),
        "planned-again": ("A new payout was planned: this one. If it needs a person, it waits for approval.", false),
        "withheld": ("It is withheld, and nothing was planned. Below is why.", true),
        "below-minimum": ("What is payable is below the smallest payout.", true),
        "not-ended": ("That payout has paid, or still may.", true),
        "not-waiting": ("That payout does not wait for approval any more.", true),
        "own": ("Who submitted a payout cannot approve it. Ask somebody else.", true),
        "no-destination": ("The affiliate has no account that money could be sent to.", true),
        "refused": ("That was refused.", true),
        "preferences-saved": ("Saved. The inbox has everything all the same.", false),
        "url-refused": ("An endpoint is an HTTPS address of a public host, without a password in it.", true),
        "endpoint-stopped": ("Stopped. What waited for it is given up, until you send it again.", false),
        "endpoint-resumed": ("Resumed. What it missed is sent again only if you ask for it.", false),
        "webhooks-replayed": ("On their way again, under the same ids.", false),
        "appealed": ("Sent. You get an answer here within 7 days.", false),
        "appeal-answered": ("Answered. What its acceptance released can be held again for half an hour.", false),
        "nothing-to-appeal": ("Nothing of that kind is held or was rejected.", true),
        "appeal-open": ("An appeal about the same waits for its answer.", true),
        "appeal-done": ("This appeal was answered before; nothing was done now.", true),
        "cases-decided": ("Decided. It can be undone for half an hour; what it released is not paid before.", false),
        "cases-decided-partly": ("Decided. Cases that were decided or withdrawn before stay as they are.", true),
        "decision-undone": ("Undone. The cases and what they hold are as they were.", false),
        "decision-undone-late": (
            "Undone. Some commission became payable meanwhile; no payout takes it while the affiliate is held.", false
        ),
        "case-decided": ("That case was decided or withdrawn before; nothing was done now.", true),
        "undo-too-late": ("It cannot be undone any more. Decide anew instead.", true),
        "money-moved": ("It cannot be undone: money that had been held was approved or is in a payout.", true),
        "import-checked": ("The file was checked. Nothing of it is taken in until you confirm.", false),
        "import-known": ("This file was handed in before; nothing was done.", false),
        "import-confirmed": ("Confirmed. The new rows are on their way.", false),
        "import-discarded": ("The import is discarded; its rows are forgotten.", false),
        "import-decided": ("Somebody decided about this import before; nothing was done now.", true),
    ]

    static func sentence(_ word: String?) -> (text: String, isError: Bool)? {
        word.flatMap { sentences[$0] }
    }

    static func refused(by answer: Answer) -> String {
        let words = [
            "payout_not_waiting": "not-waiting", "approver_is_submitter": "own", "no_destination": "no-destination",
            "payout_beyond_recall": "beyond-recall", "too_early": "too-early", "same_person": "same-person",
            "nothing_payable": "nothing-payable", "below_minimum": "below-minimum", "payout_withheld": "withheld",
            "payout_not_ended": "not-ended",
            "nothing_to_appeal": "nothing-to-appeal", "appeal_open": "appeal-open", "appeals_open": "appeal-open",
            "appeal_answered": "appeal-done", "fraud_flag_not_open": "case-decided", "undo_too_late": "undo-too-late",
            "decision_undone": "undo-too-late", "decided_since": "undo-too-late", "decision_learnt": "undo-too-late",
            "money_moved": "money-moved",
            "changed_meanwhile": "limits-changed", "already_proposed": "already-proposed",
            "import_publishing": "import-decided",
            "import_done": "import-decided",
            "import_discarded": "import-decided", "import_expired": "import-decided",
        ]
        let code = JSONTree(answer.body[...])?["code"]?.string
        return code.flatMap { words[$0] } ?? "refused"
    }
}

extension Answer {
    /// A form's answer is a page that may be loaded again without doing it again.
    static func redirect(after answer: Answer, done: String, to page: String) -> Answer {
        .redirect(to: page + "?notice=" + (answer.status.code < 400 ? done : Notice.refused(by: answer)))
    }
}
