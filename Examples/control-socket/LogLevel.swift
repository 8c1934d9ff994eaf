// A log level that can be changed while the daemon runs. Loggers are values, each with its level: one that is to change
// for all of them must be shared.

import Logging
import Synchronization

/// The level of all loggers.
final class SharedLogLevel: Sendable {
  private let level: Mutex<Logger.Level>

  init(_ level: Logger.Level) { self.level = Mutex(level) }

  var current: Logger.Level {
    get { level.withLock { $0 } }
    set { level.withLock { $0 = newValue } }
  }
}

/// Another handler, with the shared level instead of its own.
struct LeveledLogHandler<Base: LogHandler>: LogHandler {
  private var base: Base
  private let level: SharedLogLevel

  init(_ base: Base, level: SharedLogLevel) {
    self.base = base
    self.level = level
    // What the shared level lets through, the other handler is not to drop.
    self.base.logLevel = .trace
  }

  var logLevel: Logger.Level {
    get { level.current }
    set { level.current = newValue }
  }

  var metadata: Logger.Metadata {
    get { base.metadata }
    set { base.metadata = newValue }
  }

  var metadataProvider: Logger.MetadataProvider? {
    get { base.metadataProvider }
    set { base.metadataProvider = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { base[metadataKey: key] }
    set { base[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) { base.log(event: event) }
}
