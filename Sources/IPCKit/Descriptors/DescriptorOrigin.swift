// placeholder until the recorder lands
public struct DescriptorOrigin: Hashable, Sendable, CustomStringConvertible {
  public let fileID: String
  public let line: Int
  public var description: String { "\(fileID):\(line)" }
  public static var isRecording: Bool { false }
  public static func of(descriptor number: Int32) -> DescriptorOrigin? { nil }
}
