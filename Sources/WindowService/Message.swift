// A line that a client sent: the request in it, or the reason why there is none, in words that the client can use.

internal import TerminalText
internal import WindowProtocol

/// A message, understood or not.
struct Message {
  /// The request, or the refusal.
  let content: Result<Request, Reply.Failure>
  /// Whether it is one of Alacritty's, right or wrong: its clients take the end of the file for any answer.
  let isAlacritty: Bool

  /// The request, if there is one.
  var request: Request? { try? content.get() }

  init(_ line: [UInt8]) {
    do {
      // The decoder would take UTF-16 too, which no client means.
      guard !line.contains(0) else { throw Request.DecodingFailure.notUTF8 }
      let request = try WireFormat.decode(Request.self, from: line)
      isAlacritty = request.isAlacritty
      let hasNUL = request.texts.contains { $0.utf8.contains(0) }
      content = hasNUL ? .failure(Reply.Failure(.invalidValue, "a text holds a NUL")) : .success(request)
    } catch Request.DecodingFailure.alacritty(let reason) {
      isAlacritty = true
      content = .failure(Reply.Failure(.invalidMessage, reason))
    } catch {
      isAlacritty = false
      content = .failure(Self.refusal(for: error))
    }
  }

  private static func refusal(for error: any Error) -> Reply.Failure {
    switch error {
    case Request.DecodingFailure.unknownName(let name):
      Reply.Failure(.unknownRequest, "'\(DisplayText.escaped(name))' is no request")
    case Request.DecodingFailure.notOneKey:
      Reply.Failure(.invalidMessage, "a message is an object with one key, the request's name")
    case let error as DecodingError:
      Reply.Failure(.invalidMessage, describe(error))
    default:
      Reply.Failure(.invalidMessage, "the message is not JSON in UTF-8")
    }
  }

  private static func describe(_ error: DecodingError) -> String {
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context): "\(path(context)) has a wrong type"
    case .keyNotFound(let key, let context): "\(path(context)) lacks '\(key.stringValue)'"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty: "\(path(context)) has a wrong value"
    default: "the message is not JSON in UTF-8"
    }
  }

  private static func path(_ context: DecodingError.Context) -> String {
    let names = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
    return names.isEmpty ? "the message" : "'\(names.joined(separator: "."))'"
  }
}
