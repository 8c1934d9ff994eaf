// The service manager's descriptor store, as windows use it: a copy of everything that a window has lies there, so that it
// outlives this process. A window's state is there by its own name; its terminal and its process by another, because they
// go before it where a window is held.

internal import IPCKit

/// Where windows survive.
struct WindowStore: Sendable {
  private let notifier: ServiceNotifier
  private let log: Log
  /// How many windows it has room for: more than it holds, it drops without a word.
  let capacity: Int

  /// A terminal, a process, and the state.
  private static let descriptorsOfWindow = 3
  /// The next process is told all names in one variable, LISTEN_FDNAMES, of which the kernel takes 128 KiB: with more, it
  /// could not be started.
  static let mostWindows = 2000
  /// How long the manager may take to confirm that it has a window.
  private static let patience = Duration.seconds(10)

  /// The store of the manager that started this process; nil where there is none.
  init?(_ notifier: ServiceNotifier, log: Log) {
    guard let descriptors = notifier.manager.storeCapacity else { return nil }
    (self.notifier, self.log) = (notifier, log)
    capacity = min(descriptors / Self.descriptorsOfWindow, Self.mostWindows)
  }

  /// Stores a window, and returns when it is safe there.
  func keep(_ id: UInt64, _ state: borrowing MemoryFile, _ live: LiveTerminal) async throws(IPCError) {
    do throws(SystemError) {
      // Not polled: the manager would let go of a terminal that hangs up, and its last words with it.
      var child = DescriptorList(try live.terminal.source.descriptor.duplicate())
      child.append(try live.child.duplicateDescriptor())
      try await notifier.store(child, named: Name.child(id).text, isPolled: false)
      try await notifier.store(state.descriptor, named: Name.state(id).text, isPolled: false)
    } catch {
      throw .system(error)
    }
    // Nothing else tells that a message has arrived.
    try await notifier.barrier(deadline: .after(Self.patience))
  }

  /// After the child's end.
  func forgetChild(of id: UInt64) async { await remove(.child(id)) }

  /// After the window's end, or for one that cannot be used any more.
  func forget(_ id: UInt64) async {
    await forgetChild(of: id)
    await remove(.state(id))
  }

  private func remove(_ name: Name) async {
    do throws(SystemError) {
      try await notifier.removeStored(named: name.text)
    } catch {
      // It takes a place there until the unit is stopped, which whoever looks for the room must find.
      log.write(.error, "\(name.text) stays in the service manager's store: \(error)")
    }
  }

  /// The name of what lies in the store.
  enum Name: Hashable {
    case state(UInt64)
    case child(UInt64)

    private static let prefix = "window-"
    private static let suffix = ".child"

    /// Reads a name; nil when it is none of ours.
    init?(_ text: String) {
      guard text.hasPrefix(Self.prefix) else { return nil }
      let rest = text.dropFirst(Self.prefix.count)
      let isChild = rest.hasSuffix(Self.suffix)
      guard let id = UInt64(isChild ? rest.dropLast(Self.suffix.count) : rest) else { return nil }
      self = isChild ? .child(id) : .state(id)
    }

    var id: UInt64 {
      switch self {
      case .state(let id), .child(let id): id
      }
    }

    var text: String {
      switch self {
      case .state(let id): "\(Self.prefix)\(id)"
      case .child(let id): "\(Self.prefix)\(id)\(Self.suffix)"
      }
    }
  }
}

/// What the manager has handed over of a window of the process before this one; not yet looked at.
final class StoredWindow: @unchecked Sendable {
  let id: UInt64
  /// Touched by whoever has this, one after the other.
  private var state: FileDescriptor?
  private var child = DescriptorList()

  private init(_ id: UInt64) { self.id = id }

  func takeState() -> FileDescriptor? { state.take() }

  /// The next of what belongs to the child.
  func takeOfChild() -> FileDescriptor? { child.popFirst() }

  /// Lets go of what nobody has taken: a terminal whose last copy closes is hung up.
  func discard() {
    state = nil
    child = DescriptorList()
  }

  /// Takes all windows out of what was handed over, in the order of their ids.
  static func take(from activation: inout SocketActivation) -> [StoredWindow] {
    var found: [UInt64: StoredWindow] = [:]
    for text in Set(activation.names) {
      guard let name = WindowStore.Name(text) else { continue }
      let window = found[name.id] ?? StoredWindow(name.id)
      found[name.id] = window
      switch name {
      case .state: window.state = activation.takeDescriptor(named: text)
      case .child: window.child = activation.takeDescriptors(named: text)
      }
    }
    return found.values.sorted { $0.id < $1.id }
  }
}
