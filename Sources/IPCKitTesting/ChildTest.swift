// The parent's side: starts the child that runs one test, and records what it has to tell as the test's own.

internal import Glibc
internal import IPCKit
package import Testing

/// A test that runs in a process of its own.
package struct ChildTest: Sendable {
  private let identifier: String
  private let sourceLocation: SourceLocation
  /// How long the child may be silent; nil for as long as it likes.
  private let patience: Duration?

  /// What a child may need beyond its time limit: to start, to be cancelled, and to be looked at.
  private static let grace = Duration.seconds(20)

  init(_ test: Test, _ settlingTime: Duration) {
    self.init(
      String(describing: test.id), at: test.sourceLocation,
      patience: test.timeLimit.map { $0 + settlingTime + Self.grace })
  }

  package init(_ identifier: String, at sourceLocation: SourceLocation, patience: Duration?) {
    self.identifier = identifier
    self.sourceLocation = sourceLocation
    self.patience = patience
  }

  /// Runs the child to its end and records its issues as this test's.
  func run() async { record(await ChildPlaces.shared.withPlace { await report() }) }

  /// Runs the child to its end. When the task is cancelled, the child is killed.
  package func report() async -> ChildReport {
    let canceller: Canceller
    do { canceller = try Canceller() } catch { return ChildReport(failedToStart: error) }
    return await withTaskCancellationHandler {
      do {
        return try await onOwnThread {
          do {
            return try ChildConversation(of: command, identifier, patience).report(canceller)
          } catch {
            return ChildReport(failedToStart: error)
          }
        }
      } catch {
        return ChildReport(failedToStart: error)
      }
    } onCancel: {
      canceller.cancel()
    }
  }

  private func record(_ report: ChildReport) {
    for issue in report.issues {
      let location = issue.location.map { SourceLocation($0) } ?? sourceLocation
      if issue.isKnown {
        withKnownIssue { _ = Issue.record("\(issue.text)", sourceLocation: location) }
      } else {
        Issue.record("\(issue.text)", sourceLocation: location)
      }
    }
    for failure in report.failures { Issue.record("\(failure)", sourceLocation: sourceLocation) }
  }

  /// This program again, with this test alone. Only the events are wanted: the console gets what the test itself prints.
  private var command: Command {
    let link = program
    var arguments = [
      link, "--testing-library", "swift-testing", "--filter", "^\(escaped(identifier))$",
      "--event-stream-output-path", "/dev/fd/\(CheckedScope.eventsNumber)", "--event-stream-version", "0",
      "--verbosity", "\(Int.min)", CheckedScope.argument,
    ]
    let own = CommandLine.arguments
    if own.contains("--no-parallel") { arguments.append("--no-parallel") }
    for option in ["--attachments-path", "--experimental-attachments-path"] {
      guard let position = own.firstIndex(of: option), position + 1 < own.count else { continue }
      arguments += [option, own[position + 1]]
    }
    return Command(arguments: arguments, environment: .inherited)
  }

  /// The file of this program; by the kernel's own link to it when it was replaced meanwhile.
  private var program: String {
    let link = "/proc/self/exe"
    var buffer = [CChar](repeating: 0, count: 4096)
    // readlink stores at most as many bytes as it is told.
    let length = unsafe readlink(link, &buffer, buffer.count)
    guard length > 0, length < buffer.count else { return link }
    let path = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    // The path is a C string for the length of the call.
    return unsafe access(path, X_OK) == 0 ? path : link
  }

  /// As a regular expression that matches nothing else.
  private func escaped(_ text: String) -> String {
    text.reduce(into: "") { result, character in
      if "\\^$.|?*+()[]{}".contains(character) { result.append("\\") }
      result.append(character)
    }
  }
}

extension SourceLocation {
  init(_ location: ChildIssue.Location) {
    self.init(fileID: location.fileID, filePath: location.filePath, line: location.line, column: location.column)
  }
}

/// Ends the wait for a child from another thread.
final class Canceller: Sendable {
  let counter: EventCounter
  init() throws(SystemError) { counter = try EventCounter() }
  func cancel() { try? counter.add(1) }
}
