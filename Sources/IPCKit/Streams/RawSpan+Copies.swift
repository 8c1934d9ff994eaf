// Views as values to keep.

extension [UInt8] {
  /// A copy of the bytes that a view shows.
  public init(copying view: RawSpan) {
    // Typed as what they are, bytes, so that the array copies them as a block.
    self = unsafe view.withUnsafeBytes { unsafe [UInt8]($0.assumingMemoryBound(to: UInt8.self)) }
  }
}

extension String {
  /// A copy of the bytes that a view shows, as text; nil when they are not UTF-8.
  public init?(validating view: RawSpan) {
    // Bytes seen as bytes: nothing is reinterpreted.
    guard let text = try? UTF8Span(validating: Span<UInt8>(_bytes: view)) else { return nil }
    self.init(copying: text)
  }
}
