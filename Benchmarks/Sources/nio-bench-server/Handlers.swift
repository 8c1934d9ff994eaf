// The modes as channel handlers: lines come in one by one, and what was written is flushed once a batch has been read.

internal import NIOCore

/// What the server does to a connection, as the other servers do it.
enum Mode: String {
  /// Each line comes back.
  case echo
  /// `{"ok":true}` after the first line, then the end.
  case reply
  /// How many lines came, at the end of the input.
  case count
}

/// Lines without their newlines, as slices of what was read.
struct LineDecoder: ByteToMessageDecoder {
  typealias InboundOut = ByteBuffer

  /// Unread bytes that are known to hold no newline.
  private var searched = 0

  mutating func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
    let view = buffer.readableBytesView
    guard let newline = view.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) else {
      searched = view.count
      return .needMoreData
    }
    searched = 0
    guard let line = buffer.readSlice(length: newline - view.startIndex) else { return .needMoreData }
    buffer.moveReaderIndex(forwardBy: 1)
    context.fireChannelRead(wrapInboundOut(line))
    return .continue
  }
}

/// Sends each line back.
final class EchoHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var line = unwrapInboundIn(data)
    line.writeInteger(UInt8(ascii: "\n"))
    context.write(wrapOutboundOut(line), promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Answers the first line and closes.
final class ReplyHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var hasAnswered = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !hasAnswered else { return }
    hasAnswered = true
    let answer = context.channel.allocator.buffer(staticString: "{\"ok\":true}\n")
    context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Counts lines until the peer has ended its sending.
final class CountHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private var lines = 0

  func channelRead(context: ChannelHandlerContext, data: NIOAny) { lines += 1 }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed? = event as? ChannelEvent else { return }
    let answer = context.channel.allocator.buffer(string: "\(lines)\n")
    context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    context.close(promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
