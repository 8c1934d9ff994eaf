// The same server with SwiftNIO's channel handlers, on one thread: nio-bench-server SOCKET echo|reply|count.

internal import NIOCore
internal import NIOPosix

let arguments = CommandLine.arguments.dropFirst()
guard let path = arguments.first, let mode = arguments.dropFirst().first.flatMap(Mode.init(rawValue:)) else {
  fatalError("usage: nio-bench-server SOCKET echo|reply|count")
}

let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let bootstrap = ServerBootstrap(group: group)
  .serverChannelOption(ChannelOptions.backlog, value: 4096)
  // The count is sent after the peer's end.
  .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: mode == .count)
  .childChannelInitializer { channel in
    channel.eventLoop.makeCompletedFuture {
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHandler(ByteToMessageHandler(LineDecoder(), maximumBufferSize: 1 << 20))
      switch mode {
      case .echo: try pipeline.addHandler(EchoHandler())
      case .reply: try pipeline.addHandler(ReplyHandler())
      case .count: try pipeline.addHandler(CountHandler())
      }
    }
  }
let server = try bootstrap.bind(unixDomainSocketPath: path).wait()
try server.closeFuture.wait()
