// The configuration file: where it is, and its settings, or an error that names the file and the line.

internal import Glibc
internal import IPCKit

/// A file of settings.
struct ConfigurationFile: Sendable {
  private let path: String
  /// The user's own may be missing; one that was named may not.
  private let mayBeMissing: Bool

  /// The longest file that is read.
  private static let limit = 1 << 20

  /// The file at `path`; without one, `windowd/windowd.conf` in XDG_CONFIG_HOME or in `.config` of the home.
  init(path: String?) {
    mayBeMissing = path == nil
    let environment = Environment.inherited
    let home =
      environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(environment["HOME"] ?? "")/.config"
    self.path = path ?? home + "/windowd/windowd.conf"
  }

  /// Reads its settings; none when there is no file and none was asked for.
  func read() throws -> [Setting] {
    let file: FileDescriptor
    do throws(SystemError) {
      file = try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK)
    } catch {
      if mayBeMissing, error.errno == ENOENT { return [] }
      throw error
    }
    guard try file.isRegularFile else { throw ConfigurationError(description: "\(path) is not a regular file") }
    let text = try read(file)
    do throws(ConfigurationError) {
      return try Configuration.parse(text)
    } catch {
      throw ConfigurationError(description: "\(path), \(error)")
    }
  }

  private func read(_ file: consuming FileDescriptor) throws(ConfigurationError) -> String {
    var reader = BufferedReader(file, limit: Self.limit)
    var text = ""
    var count = 0
    do throws(IPCError) {
      while let line = try reader.nextLine(as: String.self) {
        text += line + "\n"
        count += 1
        guard text.utf8.count <= Self.limit else {
          throw .peer(.frameTooLong(limit: Self.limit, received: text.utf8.count))
        }
      }
    } catch {
      throw ConfigurationError(description: "\(path), line \(count + 1): \(error)")
    }
    return text
  }
}
