// Counts of users against a dictionary: users come, reach their bound, leave, and are forgotten while others stay.

import IPCKit
import Testing

@Suite struct UserCountsTests {
  @Test(arguments: [1, 2, 3] as [UInt64], [3, 16, 60] as [UInt32])
  func countsAsADictionaryDoes(seed: UInt64, users: UInt32) {
    var generator = SeededGenerator(seed: seed)
    var counts = UserCounts()
    var model: [UInt32: Int] = [:]
    for _ in 0..<20_000 {
      let id = UInt32.random(in: 0..<users, using: &generator)
      if Bool.random(using: &generator) {
        let isLetIn = counts.enter(id, most: 3)
        #expect(isLetIn == (model[id, default: 0] < 3))
        if isLetIn { model[id, default: 0] += 1 }
      } else if model[id, default: 0] > 0 {
        counts.leave(id)
        model[id, default: 0] -= 1
      }
    }
    // Whoever is there may have what is left of three, and no more.
    for id in 0..<users {
      for _ in model[id, default: 0]..<3 {
        let isLetIn = counts.enter(id, most: 3)
        #expect(isLetIn)
      }
      let isLetIn = counts.enter(id, most: 3)
      #expect(!isLetIn)
    }
  }
}
