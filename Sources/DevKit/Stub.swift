// DevKit
