// What client and server say to each other: a line is one JSON object. Whoever adds a request adds a case here, and the
// compiler names the places that must know it.
//
//   {"id":1,"request":{"set":{"key":"colour","value":"green"}}}    {"answer":{"done":{}},"id":1}
//   {"id":2,"request":{"get":{"key":"colour"}}}                    {"answer":{"value":{"is":"green"}},"id":2}
//   {"id":3,"request":{"get":{"key":"size"}}}                      {"error":{"code":"no-such-key","message":"…"},"id":3}

import FoundationEssentials

/// What can be asked for.
enum Request: Codable {
  case get(key: String)
  case set(key: String, value: String)
  case remove(key: String)
  case list

  enum CodingKeys: CodingKey {
    case get, set, remove, list
  }
}

/// What is answered.
enum Answer: Codable {
  case value(is: String)
  case keys(are: [String])
  case done
}

/// What is said instead where there is no answer: a code for programs, and a sentence for people.
struct Failure: Error, Codable {
  enum Code: String, Codable {
    case invalidMessage = "invalid-message"
    case unknownRequest = "unknown-request"
    case noSuchKey = "no-such-key"
  }

  var code: Code
  var message: String
}

/// A request on its way. The number is the client's, which gets it back.
struct Call: Encodable {
  var id: Int
  var request: Request
}

/// A reply on its way: an answer or an error. Without a number, it is to something that was no call.
struct Reply: Codable {
  var id: Int?
  var answer: Answer?
  var error: Failure?

  init(to id: Int?, _ outcome: Result<Answer, Failure>) {
    self.id = id
    switch outcome {
    case .success(let answer): self.answer = answer
    case .failure(let failure): error = failure
    }
  }
}

/// A request as it comes in from somebody who may be wrong: with the number, wherever that can be read, and with the
/// request or what is wrong with it.
struct ReceivedCall: Decodable {
  let id: Int
  let request: Result<Request, Failure>

  private enum CodingKeys: CodingKey {
    case id, request
  }

  /// Something that need not be looked at.
  private struct Anything: Decodable {
    init(from decoder: any Decoder) {}
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    id = try fields.decode(Int.self, forKey: .id)
    do {
      request = .success(try fields.decode(Request.self, forKey: .request))
    } catch {
      let names = try? fields.decode([String: Anything].self, forKey: .request).keys
      if let name = names?.first(where: { Request.CodingKeys(stringValue: $0) == nil }) {
        request = .failure(Failure(code: .unknownRequest, message: "there is no request '\(name)'"))
      } else {
        request = .failure(Failure(code: .invalidMessage, message: "not what this request takes"))
      }
    }
  }
}

/// The lines.
enum JSONLine {
  /// A message as a line with its end.
  static func encode(_ message: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    // A message looks the same each time, which those who read logs and tests like.
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(message)) + [UInt8(ascii: "\n")]
  }

  /// A line without its end as a message.
  static func decode<Message: Decodable>(_ type: Message.Type, from line: [UInt8]) throws -> Message {
    try JSONDecoder().decode(type, from: Data(line))
  }
}
