// From a user's keyboard to the window's program: in order, as fast as the program takes it, and never with the daemon
// waiting.

internal import Glibc
internal import IPCKit
internal import WindowProtocol

extension WindowTable {
  /// How much may be typed, or pasted, that the program has not taken; then the keyboard is not read.
  private static let mostTyped = 1 << 16
  /// How much of what a terminal has is taken at once, before others have their turn.
  private static let mostAtOnce = 1 << 16

  /// Reads what is typed on an attached terminal, until it is detached.
  func readKeyboard(_ ticket: UInt64) async {
    var atOnce = 0
    while let attachment = attachments[ticket], attachment.end == nil {
      do throws(SystemError) {
        var span = scratch.mutableSpan
        // Bytes seen as raw bytes: nothing is reinterpreted.
        var bytes = unsafe span.mutableBytes
        let count = try attachment.terminal.source.descriptor.read(into: &bytes)
        guard count > 0 else { return end(attachment, .terminalLost) }
        take(scratch[..<count], from: attachment)
        // What is typed where nothing may be typed waits for nobody.
        let isAhead = attachment.window.typed.count > Self.mostTyped && !attachment.request.isReadOnly
        if isAhead { await untilTypedIsTaken(attachment) }
        atOnce += count
        if atOnce > Self.mostAtOnce {
          atOnce = 0
          await Task.yield()
        }
      } catch {
        guard error.errno == EAGAIN else { return end(attachment, .terminalLost) }
        atOnce = 0
        guard (try? await attachment.terminal.source.readable()) != nil else { return }
      }
    }
  }

  /// Types for a terminal that may, up to the key that detaches it.
  private func take(_ bytes: ArraySlice<UInt8>, from attachment: Attachment) {
    var (typed, isDetached) = (bytes, false)
    if let byte = attachment.request.detachKey {
      // What was typed is not held back until the rest of a sequence comes, which may be in another read.
      let (before, key) = (attachment.unfinishedKey, DetachKey(byte: byte))
      let all = (before + bytes)[...]
      if let range = key.firstRange(in: all) {
        (typed, isDetached) = (all[..<range.lowerBound].dropFirst(before.count), true)
      }
      attachment.unfinishedKey = DetachKey.unfinished(in: all)
    }
    if !attachment.request.isReadOnly { type(typed, in: attachment.window) }
    if isDetached { end(attachment, .detached) }
  }

  private func type(_ bytes: ArraySlice<UInt8>, in window: Window) {
    window.typed += bytes
    if window.typing == nil { pushTyped(in: window) }
  }

  /// Gives the program what was typed, as far as it takes it.
  private func pushTyped(in window: Window) {
    while !window.typed.isEmpty {
      // Nobody is there to read it any more.
      guard let live = window.live else { return window.typed = [] }
      do throws(SystemError) {
        // Bytes seen as raw bytes: nothing is reinterpreted.
        let count = unsafe try live.terminal.write(window.typed.span.bytes)
        window.typed.removeFirst(count)
      } catch {
        guard error.errno == EAGAIN else { return window.typed = [] }
        let id = window.id
        if window.typing == nil {
          window.typing = Task(executorPreference: loop) { await self.typeWhenThereIsRoom(id) }
        }
        return
      }
    }
  }

  private func typeWhenThereIsRoom(_ id: UInt64) async {
    while let window = windows[id], let live = window.live, !window.typed.isEmpty {
      guard (try? await live.terminal.source.writable()) != nil else { break }
      pushTyped(in: window)
      // While nobody has the terminal open, nobody makes room.
      if !window.typed.isEmpty, live.terminal.source.descriptor.hasHungUp { window.typed = [] }
      if window.typed.count <= Self.mostTyped / 2 { window.resumeTypists() }
    }
    windows[id]?.typing = nil
  }

  /// Suspends until there is room for more, or the terminal is given back.
  private func untilTypedIsTaken(_ attachment: Attachment) async {
    let window = attachment.window
    await withCheckedContinuation { continuation in
      guard attachment.end == nil, window.typed.count > Self.mostTyped / 2 else { return continuation.resume() }
      attachment.waitingKeyboard = continuation
    }
  }
}
