// A server's loops at work: the first on the thread that called, each of the others on one of its own.

extension Entrance {
  /// Serves on all loops until all is over.
  nonisolated(nonsending) func serve() async {
    await withDiscardingTaskGroup { group in
      for core in cores.dropFirst() {
        // Made here, so that its handlers have the values of the task that called.
        let work = Task(executorPreference: core.loop) { await core.serve() }
        group.addImmediateTask(executorPreference: loop) { await self.lendThread(to: core.loop, for: work) }
      }
      await ownCore.serve()
    }
  }

  /// Runs another loop on a thread of its own until its work is done; where there is no thread for it, the server ends.
  nonisolated(nonsending) private func lendThread(to other: EventLoop, for work: Task<Void, Never>) async {
    do throws(SystemError) {
      try await loop.blocking { other.run { await work.value } }
    } catch {
      fail(error)
      other.run { await work.value }
    }
  }
}
