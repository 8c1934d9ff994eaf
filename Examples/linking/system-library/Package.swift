// swift-tools-version: 6.2
// A package that links the installed shared library: pkg-config tells where it is and what it needs.

import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .strictMemorySafety()]

let package = Package(
  name: "system-library",
  targets: [
    .systemLibrary(name: "IPCKitSystem", pkgConfig: "ipckit"),
    .systemLibrary(name: "IPCKitTestingSystem", pkgConfig: "ipckit-testing"),
    .executableTarget(name: "consumer", dependencies: ["IPCKitSystem"], swiftSettings: settings),
    .testTarget(name: "ConsumerTests", dependencies: ["IPCKitTestingSystem"], swiftSettings: settings),
  ]
)
