// swift-tools-version: 6.2
// A package that builds the library from its source, as most do.

import PackageDescription

let package = Package(
  name: "source",
  dependencies: [
    // Elsewhere: .package(url: "https://…/IPCKit", from: "0.1.0")
    .package(name: "IPCKit", path: "../../..")
  ],
  targets: [
    .executableTarget(
      name: "consumer", dependencies: [.product(name: "IPCKit", package: "IPCKit")],
      swiftSettings: [.swiftLanguageMode(.v6), .strictMemorySafety()])
  ]
)
