/// What an affiliate can do about a payout that its bank did not take.
public enum PayoutFailureAdvice {
    /// - Parameter code: a provider's `failure_code`; there may be ones that we do not know.
    /// - Returns: one sentence on what happened, one on what to do.
    public static func sentences(_ code: String?) -> String {
        switch code {
        case "account_closed":
            "The bank account is closed. Enter another account."
        case "account_frozen":
            "The bank account is frozen. Ask your bank why, or enter another account."
        case "bank_account_restricted":
            "The account does not take such payments, as savings accounts often do not. Enter a checking account."
        case "bank_ownership_changed":
            "The account now belongs to another bank. Ask your bank for its new numbers and enter them."
        case "no_account", "invalid_account_number":
            "The bank finds no account with this number. Check the account number and enter it again."
        case "incorrect_account_holder_name":
            "The name is not the one that the bank has for the account. Enter it as your bank writes it."
        case "incorrect_account_holder_address":
            "The address is not the one that the bank has for the account. Correct it at your bank or with us."
        case "incorrect_account_holder_tax_id":
            "The tax id is not the one that the bank has for the account. Correct your tax details."
        case "invalid_currency":
            "The account does not take this currency. Enter an account that does."
        case "debit_not_authorized", "declined", "could_not_process", "insufficient_funds":
            "The bank refused the payment and did not say why. Ask your bank, or enter another account."
        case "unsupported_card":
            "The card does not take payouts. Enter a bank account."
        case "returned_by_hand":
            "The payment came back to us. Enter another account, or write to us if yours takes payments."
        default:
            "The payment was refused. Check your payout method, and write to us if it is right."
        }
    }
}
