// What this process holds open, as the kernel tells it. Numbers are the whole process's, so a comparison means something
// in a quiet process alone.

import Glibc
import IPCKit

/// The open descriptors: for each number, what it leads to.
func openDescriptors() -> [Int32: String] {
  var found: [Int32: String] = [:]
  for name in entries(of: "/proc/self/fd") {
    guard let number = Int32(name), let target = linkTarget("/proc/self/fd/\(name)") else { continue }
    // The directory itself was open while it was read, and is closed now.
    if target.hasPrefix("/proc/") && target.hasSuffix("/fd") { continue }
    found[number] = target
  }
  return found
}

/// readlink(2); nil when it is no link or is gone.
func linkTarget(_ path: String) -> String? {
  var buffer = [CChar](repeating: 0, count: 4096)
  // readlink writes at most as many bytes as it is told, without a NUL.
  let length = unsafe readlink(path, &buffer, buffer.count)
  guard length >= 0 else { return nil }
  return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The number that the next open(2) gets.
func lowestFreeDescriptor() -> Int32 {
  let number = dup(0)
  close(number)
  return number
}

/// How many numbers there may be so that `count` more descriptors can be opened: those in use have holes between them.
func numbers(leavingRoomFor count: Int, beside open: [Int32: String] = openDescriptors()) -> UInt64 {
  var (free, number) = (0, Int32(0))
  while free < count || open[number] != nil {
    if open[number] == nil { free += 1 }
    number += 1
  }
  return UInt64(number)
}

/// What a descriptor leads to, such as `socket:[1234]`: names the open file as long as it is open anywhere.
func target(of descriptor: borrowing FileDescriptor) -> String? {
  // The number is used while the owner is borrowed.
  unsafe descriptor.withUnsafeNumber { linkTarget("/proc/self/fd/\($0)") }
}
