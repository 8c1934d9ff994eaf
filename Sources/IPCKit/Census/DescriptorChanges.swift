// What came and what went between two looks at a process.

/// The difference between two censuses of one process.
///
/// ```swift
/// let before = try DescriptorCensus()
/// let pipe = try Pipe()
/// print(try DescriptorCensus().changes(since: before).growth)  // ["pipe": 2]
/// try pipe.reading.close()
/// ```
public struct DescriptorChanges: Hashable, Sendable {
  /// Numbers that were free and are not, in order.
  public let appeared: [HeldDescriptor]
  /// Numbers that are free now, in order.
  public let gone: [HeldDescriptor]
  /// Numbers that lead to another file than before, in order.
  public let replaced: [Replacement]

  /// A number that was closed and handed out again, or redirected by dup2(2).
  public struct Replacement: Hashable, Sendable {
    /// What it led to.
    public let before: HeldDescriptor
    /// What it leads to.
    public let after: HeldDescriptor
  }

  /// Whether nothing came or went, as far as ``HeldDescriptor/isSameFile(as:)`` can tell.
  public var isEmpty: Bool { appeared.isEmpty && gone.isEmpty && replaced.isEmpty }

  /// How many more, or fewer, there are of each kind's name; kinds that are as many as before are not in it.
  public var growth: [String: Int] {
    var growth: [String: Int] = [:]
    for held in appeared + replaced.map(\.after) { growth[held.kind.name, default: 0] += 1 }
    for held in gone + replaced.map(\.before) { growth[held.kind.name, default: 0] -= 1 }
    return growth.filter { $0.value != 0 }
  }
}

extension DescriptorCensus {
  /// What came and went since an earlier census of the same process.
  public func changes(since earlier: DescriptorCensus) -> DescriptorChanges {
    let old = Dictionary(uniqueKeysWithValues: earlier.descriptors.map { ($0.number, $0) })
    let numbers = Set(descriptors.lazy.map(\.number))
    var appeared: [HeldDescriptor] = []
    var replaced: [DescriptorChanges.Replacement] = []
    for held in descriptors {
      guard let before = old[held.number] else {
        appeared.append(held)
        continue
      }
      if !held.isSameFile(as: before) { replaced.append(DescriptorChanges.Replacement(before: before, after: held)) }
    }
    let gone = earlier.descriptors.filter { !numbers.contains($0.number) }
    return DescriptorChanges(appeared: appeared, gone: gone, replaced: replaced)
  }
}
