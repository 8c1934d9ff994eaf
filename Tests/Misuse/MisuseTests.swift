// What the library promises at compile time: a program that misuses it does not compile, and its twin, which does the
// same thing right, does. Such a promise breaks silently, by a forgotten `~Copyable` or a new compiler, unless tried.
//
// Programs/<name>/refused.swift says on each offending line what the compiler must say there: `// expect:` is part of
// an error, `// expect-note:` part of a note. `// flags:` adds compiler options, for the twin as well. Where a misuse
// compiles to this day, slips.swift stands in its place: better known than believed impossible.

import Foundation
import Testing

@Suite("Misuse does not compile")
struct MisuseTests {
  @Test("The misuse is refused where it is made, and for that alone; its twin compiles", arguments: programs("refused"))
  func refused(name: String) async throws {
    let program = try Program(name, "refused")
    #expect(!program.expectations.isEmpty, "the program names no diagnostic")
    let refusal = try await compile(program, flags: program.flags)
    #expect(refusal.status != 0, "the misuse compiles")
    for expected in program.expectations where !refusal.diagnostics.contains(where: expected.isMet) {
      let missing: Comment = "no \(expected.kind) with “\(expected.fragment)”, but:\n\(refusal.output)"
      Issue.record(missing, at: expected.line, program)
    }
    for error in refusal.diagnostics where error.kind == "error" {
      guard !program.expectations.contains(where: { $0.kind == "error" && $0.line == error.line }) else { continue }
      Issue.record("an error that the program does not name: \(error.message)", at: error.line, program)
    }
    try await expectAccepted(name, flags: program.flags)
  }

  @Test("The misuse compiles still, though it should not; so does its twin", arguments: programs("slips"))
  func slips(name: String) async throws {
    let program = try Program(name, "slips")
    let result = try await compile(program, flags: program.flags)
    #expect(result.status == 0, "refused at last: make it refused.swift with what the compiler says:\n\(result.output)")
    try await expectAccepted(name, flags: program.flags)
  }

  @Test("Every directory holds a misuse and its twin, and they are enough")
  func complete() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: programsPath).filter { !$0.hasPrefix(".") }
    for name in names {
      let files = try FileManager.default.contentsOfDirectory(atPath: "\(programsPath)/\(name)").sorted()
      #expect(files == ["accepted.swift", "refused.swift"] || files == ["accepted.swift", "slips.swift"], "\(name)")
    }
    #expect(programs("refused").count >= 12)
  }

  private func expectAccepted(_ name: String, flags: [String]) async throws {
    let result = try await compile(try Program(name, "accepted"), flags: flags)
    #expect(result.status == 0 && result.output.isEmpty, "the twin does not compile cleanly:\n\(result.output)")
  }
}

// MARK: - The programs

/// The source directory, not a copy of it: a failure names the file to open, and no renamed program stays behind.
private let programsPath = "\((#filePath as NSString).deletingLastPathComponent)/Programs"

/// The directories that hold `<file>.swift`, by name.
private func programs(_ file: String) -> [String] {
  // A directory that cannot be read gives no names, which the count of the programs then shows.
  let names = (try? FileManager.default.contentsOfDirectory(atPath: programsPath)) ?? []
  return names.filter { FileManager.default.fileExists(atPath: "\(programsPath)/\($0)/\(file).swift") }.sorted()
}

/// A program and what it says about itself.
private struct Program {
  let path: String
  let fileID: String
  let expectations: [Expectation]
  let flags: [String]

  init(_ name: String, _ file: String) throws {
    path = "\(programsPath)/\(name)/\(file).swift"
    fileID = "\(name)/\(file).swift"
    let lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
    expectations = lines.enumerated().flatMap { index, line in
      [("error", "// expect: "), ("note", "// expect-note: ")].compactMap { kind, marker in
        line.range(of: marker).map {
          Expectation(line: index + 1, kind: kind, fragment: String(line[$0.upperBound...]))
        }
      }
    }
    let marker = "// flags: "
    flags = lines.first { $0.hasPrefix(marker) }?.dropFirst(marker.count).split(separator: " ").map(String.init) ?? []
  }
}

/// What the compiler must say on a line.
private struct Expectation {
  let line: Int
  let kind: String
  let fragment: String

  func isMet(by diagnostic: Diagnostic) -> Bool {
    diagnostic.line == line && diagnostic.kind == kind && diagnostic.message.contains(fragment)
  }
}

extension Issue {
  /// A failure that points at a line of a program, rather than of this file.
  fileprivate static func record(_ comment: Comment, at line: Int, _ program: Program) {
    let location = SourceLocation(fileID: program.fileID, filePath: program.path, line: line, column: 1)
    record(comment, sourceLocation: location)
  }
}

// MARK: - The compiler

/// What the compiler said on a line.
private struct Diagnostic {
  let line: Int
  let kind: String
  let message: String

  /// Reads `path:line:column: kind: message`; nil for the lines of source and carets between.
  init?(_ text: Substring, of path: String) {
    guard text.hasPrefix("\(path):") else { return nil }
    let parts = text.dropFirst(path.count + 1).split(separator: ":", maxSplits: 3)
    guard parts.count == 4, let line = Int(parts[0]) else { return nil }
    self.line = line
    kind = parts[2].trimmingCharacters(in: .whitespaces)
    message = parts[3].trimmingCharacters(in: .whitespaces)
  }
}

/// How a compilation ended.
private struct Compilation {
  let status: Int32
  let output: String
  let diagnostics: [Diagnostic]
}

/// As many compilers at a time as there are cores, and on threads of their own: the threads that tests run on are few,
/// and other tests wait for them with a deadline.
private let compilers: OperationQueue = {
  let queue = OperationQueue()
  queue.maxConcurrentOperationCount = ProcessInfo.processInfo.activeProcessorCount
  return queue
}()

private func compile(_ program: Program, flags: [String]) async throws -> Compilation {
  try await withCheckedThrowingContinuation { continuation in
    compilers.addOperation { continuation.resume(with: Result { try compileNow(program, flags: flags) }) }
  }
}

/// Compiles as a user of the library would: in Swift 6 mode and without experimental features.
private func compileNow(_ program: Program, flags: [String]) throws -> Compilation {
  // The library as it was built with this test, debug or release, stands beside the test's own executable.
  let executable = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let products = (executable as NSString).deletingLastPathComponent
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  // Type checking alone would accept most of it: ownership and lifetimes are checked in SIL.
  let task = ["-emit-sil", "-o", "/dev/null", "-swift-version", "6", "-parse-as-library", "-module-name", "Program"]
  // Each note on a line of its own, with its place, rather than drawn into the source.
  let style = ["-diagnostic-style", "llvm"]
  // The module of a library that was built for testing asks even for what the library imports internally.
  let shim = ["-Xcc", "-fmodule-map-file=\(products)/CIPCShim.build/module.modulemap"]
  let library = ["-I", "\(products)/Modules", "-module-cache-path", "\(products)/ModuleCache"] + shim
  process.arguments = ["swiftc"] + task + style + library + flags + [program.path]
  let pipe = Pipe()
  process.standardOutput = pipe
  process.standardError = pipe
  try process.run()
  let output = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
  process.waitUntilExit()
  let diagnostics = output.split(separator: "\n").compactMap { Diagnostic($0, of: program.path) }
  return Compilation(status: process.terminationStatus, output: output, diagnostics: diagnostics)
}
