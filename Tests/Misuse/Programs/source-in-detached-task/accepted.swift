// The task that has the source does the waiting.
import IPCKit

func waitTwice(for source: consuming EventSource) async throws {
  try await source.readable()
  try await source.readable()
}
