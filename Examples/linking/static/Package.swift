// swift-tools-version: 6.2
// A package whose program carries the library and the Swift runtime in itself: build it with --static-swift-stdlib.

import PackageDescription

let package = Package(
  name: "static",
  targets: [
    .systemLibrary(name: "IPCKitSystem", pkgConfig: "ipckit-static"),
    .executableTarget(
      name: "consumer", dependencies: ["IPCKitSystem"],
      swiftSettings: [.swiftLanguageMode(.v6), .strictMemorySafety()]),
  ]
)
