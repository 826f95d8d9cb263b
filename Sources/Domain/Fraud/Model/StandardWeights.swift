enum StandardWeights {
    static let version = "even"
    static let bias = -4.5
    static let treeBias = 0.0
    static let familyLimit = 6.0
    static let weights = """
        anomaly 100
        """
    static let trees = ""
}
