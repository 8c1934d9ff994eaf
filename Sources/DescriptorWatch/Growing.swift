// The judgement for continuous integration: whether more was left than may be.

/// Counts of which more became than were allowed.
package struct ExcessGrowth: Hashable, Sendable {
  /// `total`, or a kind, and by how much it grew; the total first.
  package var excesses: [String: Int]

  /// Nil when neither the total nor any kind grew by more than `limit`.
  package init?(_ growth: [String: Int], total: Int, limit: Int) {
    excesses = growth.filter { $0.value > limit }
    guard total > limit || !excesses.isEmpty else { return nil }
    self.total = total
    self.limit = limit
  }

  private let total: Int
  private let limit: Int

  /// One line. Foreign text may be in it.
  package var message: String {
    let kinds = excesses.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .map { Numbers.change($0.value, $0.key) }
    let what = ["\(Numbers.signed(total)) in all"] + kinds
    return "grew by more than \(limit): \(what.joined(separator: ", "))"
  }
}
