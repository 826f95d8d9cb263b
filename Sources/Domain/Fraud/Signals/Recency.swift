/// How long ago evidence last showed, and what is left of it: a window of four weeks shows for four weeks what an
/// affiliate did on its first day, and a score is of today.
enum Recency {
    /// Days of silence after which evidence counts e times less.
    private static let fadingDays = 3.0
    /// Part of a window's distance from the usual share that a shorter window must show too.
    private static let shownPart = 0.5
    /// By window, for what shows in it and in no shorter one.
    private static let kept = ([0] + PairView.windows.dropLast()).map { Elementary.exp(-Double($0) / fadingDays) }

    /// - Parameters:
    ///   - window: whose share is the evidence.
    ///   - mean: the usual share.
    ///   - share: of the affiliate, by window.
    /// - Returns: 1 if the share shows on the last day too, down to 0.
    static func kept(window: Int, usual mean: Double, isHigh: Bool, _ share: (Int) -> PeerFit.Share) -> Double {
        let whole = share(window)
        let least = mean + shownPart * (whole.k / whole.n - mean)
        let shown = (0..<window).first { shorter in
            let part = share(shorter)
            return part.n > 0 && (isHigh ? part.k >= part.n * least : part.k <= part.n * least)
        }
        return kept[shown ?? window]
    }
}
